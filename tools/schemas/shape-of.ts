// A zod schema as the shape that contracts are made from: its JSON Schema, with the words that zod says and JSON Schema leaves out.
import type { Shape } from "@triplane/nickel";
import { z } from "zod";

type Written = Record<string, unknown>;

const CHECK_IN_CODE = "check in code";

/** Throws for a check in code that has no pattern beside it: a contract would let anything pass there. */
export function shapeOf(schema: z.ZodType): Shape {
  const json = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const written = jsonSchema as Written;
      const { def } = zodSchema._zod;
      // Whether a pattern stands beside it is known only when the wrappings are unfolded.
      if (def.type === "custom") written["type"] = CHECK_IN_CODE;
      const said = patternOf(def);
      if (said !== undefined) Object.assign(written, said);
    },
  }) as Written;
  const { $defs = {}, ...rest } = json;
  return finished(rest, new Set(anyJsonIn($defs as Written))) as Shape;
}

/** The message and the flags of a pattern; from a check in code, its message. */
function patternOf(def: z.core.$ZodTypeDef): Written | undefined {
  const { checks = [], error } = def as { readonly checks?: readonly z.core.$ZodCheck[]; readonly error?: unknown };
  for (const check of checks) {
    const { pattern, error: said, format } = check._zod.def as { pattern?: RegExp; error?: unknown; format?: string };
    if (pattern === undefined) continue;
    const message = messageOf(said) ?? (format === "regex" ? undefined : `must be a ${format ?? "text"}`);
    return { patternFlags: pattern.flags, ...(message === undefined ? {} : { patternMessage: message }) };
  }
  const message = def.type === "custom" ? messageOf(error) : undefined;
  return message === undefined ? undefined : { patternMessage: message };
}

function messageOf(error: unknown): string | undefined {
  if (typeof error !== "function") return undefined;
  const said: unknown = error({});
  return typeof said === "string" ? said : undefined;
}

const ANY_JSON = normal(z.toJSONSchema(z.json()) as Written);

/** References to definitions that mean any JSON at all. */
function anyJsonIn(definitions: Written): readonly string[] {
  return Object.entries(definitions)
    .filter(([, definition]) => normal(definition as Written) === ANY_JSON)
    .map(([name]) => `#/$defs/${name}`);
}

function normal(definition: Written): string {
  const { $schema: _, ...rest } = definition;
  return JSON.stringify(rest).replaceAll(/"#[^"]*"/g, '"#"');
}

function finished(value: unknown, anything: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => finished(item, anything));
  if (typeof value !== "object" || value === null) return value;
  const reference: unknown = Reflect.get(value, "$ref");
  if (typeof reference === "string" && anything.has(reference)) return {};
  const written = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, finished(member, anything)]));
  if (written["type"] !== CHECK_IN_CODE) return written;
  if (typeof written["pattern"] !== "string") throw new Error(`a check in code needs .meta({ pattern }): ${JSON.stringify(value)}`);
  return { ...written, type: "string" };
}
