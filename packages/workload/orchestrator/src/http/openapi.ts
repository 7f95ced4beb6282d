// The OpenAPI 3.1 document, made from the route table and the schemas that the handlers check with.
import { FAILURES, isFailureCode } from "@triplane/contract";
import { z } from "zod";
import { ROUTES, type RouteSpec } from "./routes.ts";

const EVERYWHERE = ["unauthorized", "forbidden", "request_invalid", "not_found", "unavailable", "internal"];

export function openApiDocument(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries(ROUTES) as readonly [string, RouteSpec][]) {
    paths[route.path] = { ...paths[route.path], [route.method]: operation(name, route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Triplane orchestrator",
      version: "1",
      description:
        "State, plan and apply of one workspace, and machines for builds. Nobody but the ops-controller has a token that may apply.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "Each caller has its own token with its own scopes." } },
      schemas: {
        Failure: {
          type: "object",
          required: ["code", "message", "hint"],
          properties: { code: { type: "string" }, message: { type: "string" }, hint: { type: "string" } },
        },
      },
    },
    security: [{ token: [] }],
  };
}

function operation(name: string, route: RouteSpec): Record<string, unknown> {
  const inPath = { ...(route.path.includes("{ws}") ? { ws: z.string() } : {}), ...route.parameters };
  return {
    operationId: name,
    summary: route.summary,
    description: `Needs the scope \`${route.scope}\`.`,
    parameters: [
      ...Object.entries(inPath).map(([parameter, schema]) => ({
        name: parameter,
        in: "path",
        required: true,
        schema: jsonSchema(schema),
      })),
      ...Object.entries(route.query?.shape ?? {}).map(([parameter, schema]) => ({
        name: parameter,
        in: "query",
        required: !schema.safeParse(undefined).success,
        schema: jsonSchema(schema),
      })),
    ],
    ...(route.request === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: jsonSchema(route.request) } } } }),
    responses: { ...successes(route), ...failureResponses([...EVERYWHERE, ...route.failures]) },
  };
}

function successes(route: RouteSpec): Record<string, unknown> {
  if (route.response === "nothing") return { "204": { description: "Done." } };
  const content =
    route.response === "events"
      ? { "text/event-stream": { schema: { type: "string" } } }
      : { "application/json": { schema: jsonSchema(route.response) } };
  const done = { "200": { description: route.creates ? "It was there." : "Done.", content } };
  return route.creates ? { ...done, "201": { description: "Made.", content } } : done;
}

/** One response for each status, naming the codes that come with it. */
function failureResponses(codes: readonly string[]): Record<string, unknown> {
  const byStatus = new Map<number, string[]>();
  for (const code of codes.filter(isFailureCode)) {
    const status = FAILURES[code].httpStatus;
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${FAILURES[code].what}`]);
  }
  const content = { "application/json": { schema: { $ref: "#/components/schemas/Failure" } } };
  return Object.fromEntries([...byStatus].map(([status, lines]) => [String(status), { description: lines.join(" "), content }]));
}

/** JSON Schema 2020-12, the dialect of OpenAPI 3.1. Fields that check more than a schema can say are strings there. */
export function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    unrepresentable: "any",
    reused: "inline",
    override: ({ zodSchema, jsonSchema: made }) => {
      if (zodSchema._zod.def.type === "custom") made.type = "string";
    },
  });
  return inlined(rest);
}

// A recursive JSON value becomes "anything": $defs would point into the wrong document from inside an OpenAPI document.
function inlined(schema: Record<string, unknown>): Record<string, unknown> {
  const { $defs: _definitions, ...rest } = schema;
  return JSON.parse(JSON.stringify(rest, (_key, value: unknown) => (isReference(value) ? {} : value)));
}

function isReference(value: unknown): boolean {
  return typeof value === "object" && value !== null && "$ref" in value && String(value.$ref).startsWith("#/$defs/");
}
