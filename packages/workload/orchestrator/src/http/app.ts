// The HTTP API: who calls, whether the request has its shape, and the service's answer or failure in the table's words.
import { applyRequestSchema, FAILURES, jtiField, planRequestSchema, TriplaneError, targetField, toTriplaneError } from "@triplane/contract";
import { type Health, type Logger, type Metrics, sleep } from "@triplane/kit";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { EventRing } from "../events.ts";
import type { OrchestratorService } from "../service.ts";
import { eventStream } from "./event-stream.ts";
import { openApiDocument } from "./openapi.ts";
import { body, checked } from "./requests.ts";
import { honoPath, ROUTES, type RouteSpec } from "./routes.ts";
import type { Caller, Tokens } from "./tokens.ts";
import { type PoolOfApp, vmPoolRoutes } from "./vm-pool.ts";

export interface AppParts {
  readonly workspace: string;
  readonly service: Pick<OrchestratorService, "plan" | "apply" | "op" | "target" | "state">;
  readonly events: EventRing;
  /** Undefined: this orchestrator has no provider of machines. */
  readonly pool?: PoolOfApp | undefined;
  readonly tokens: Pick<Tokens, "authorize">;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: () => Health;
  /** How long a caller waits for the end of an op before the answer is `running`. */
  readonly applyWaitMs: number;
  /** Ends event streams when the process stops. */
  readonly signal: AbortSignal;
}

/** Registers what a route does; who calls is known by then. */
export type RouteHandling = (route: RouteSpec, handle: (context: Context, caller: Caller) => Response | Promise<Response>) => void;

const MAX_BODY_BYTES = 64 * 1024;
const MAX_WATCHERS = 64;

export function createApp(parts: AppParts): Hono {
  const { service, workspace } = parts;
  const app = new Hono();
  const document = openApiDocument();
  let watchers = 0;

  app.onError((thrown, context) => {
    const error = toTriplaneError(thrown);
    if (error.code === "internal") parts.logger.error({ err: error, path: context.req.path }, "request failed");
    else if (error.httpStatus >= 500) parts.logger.warn({ code: error.code, path: context.req.path }, "request not answered");
    return failure(context, error);
  });
  app.notFound((context) => failure(context, new TriplaneError("not_found", `nothing is at ${context.req.path}`)));
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw new TriplaneError("request_invalid", `the body is larger than ${MAX_BODY_BYTES} bytes`);
      },
    }),
  );

  app.get("/healthz", (context) => {
    const health = parts.health();
    return context.json({ name: "orchestrator", ...health }, health.ok ? 200 : 503);
  });
  app.get("/metrics", async (context) => context.body(await parts.metrics.text(), 200, { "content-type": parts.metrics.contentType }));
  app.get("/openapi.json", (context) => context.json(document));

  const on: RouteHandling = (route, handle) => {
    app.on(route.method.toUpperCase(), honoPath(route), (context) => {
      const caller = parts.tokens.authorize(context.req.header("authorization"), route.scope);
      const asked = context.req.param("ws");
      if (route.path.includes("{ws}") && asked !== workspace)
        throw new TriplaneError("not_found", `this orchestrator serves the workspace ${workspace}`);
      return handle(context, caller);
    });
  };

  vmPoolRoutes(on, parts.pool);
  on(ROUTES.workspace, async (context) => context.json(await service.state()));
  on(ROUTES.target, async (context) => context.json(await service.target(checked(targetField, context.req.param("target"), "target"))));
  on(ROUTES.plan, async (context) => context.json(await service.plan(await body(context, planRequestSchema))));
  on(ROUTES.op, async (context) => context.json(await service.op(checked(jtiField, context.req.param("jti"), "jti"))));
  on(ROUTES.apply, async (context) => {
    const request = await body(context, applyRequestSchema);
    const applying = service.apply(request);
    // Goes on also when nobody waits any more; the row has the result.
    applying.catch(() => undefined);
    const late = new AbortController();
    const waited = sleep(parts.applyWaitMs, late.signal).then(() => undefined);
    const result = await Promise.race([applying, waited]).finally(() => late.abort());
    return context.json(result ?? (await service.op(request.jti)));
  });
  on(ROUTES.events, (context) => {
    if (watchers >= MAX_WATCHERS) throw new TriplaneError("unavailable", `already ${watchers} watch`);
    watchers += 1;
    const gone = AbortSignal.any([parts.signal, context.req.raw.signal]);
    gone.addEventListener("abort", () => (watchers -= 1), { once: true });
    const afterId = lastEventId(context.req.header("last-event-id")) ?? parts.events.lastId;
    return new Response(eventStream(parts.events, afterId, gone), {
      headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
    });
  });
  return app;
}

function failure(context: Context, error: TriplaneError): Response {
  const status = FAILURES[error.code].httpStatus as ContentfulStatusCode;
  // What is inside a defect is for the log, not for the caller.
  const message = error.code === "internal" ? FAILURES.internal.what : error.message;
  if (status === 401) context.header("www-authenticate", "Bearer");
  return context.json({ code: error.code, message, hint: error.hint }, status);
}

function lastEventId(header: string | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (!/^[0-9]{1,15}$/.test(header)) throw new TriplaneError("request_invalid", "Last-Event-ID must be the id of an event");
  return Number(header);
}
