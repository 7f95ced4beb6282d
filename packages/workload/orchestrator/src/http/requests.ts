// Reading requests: bodies, parameters and queries, checked against their schemas before anything is done with them.
import { parseStrictJson, TriplaneError, toTriplaneError } from "@triplane/contract";
import type { Context } from "hono";
import type { z } from "zod";

/** Strict JSON of this shape. Throws `request_invalid`. */
export async function body<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  const bytes = new Uint8Array(await context.req.arrayBuffer());
  let json: unknown;
  try {
    json = parseStrictJson(bytes);
  } catch (cause) {
    throw new TriplaneError("request_invalid", `the body is not strict JSON: ${toTriplaneError(cause).message}`, { cause });
  }
  return checked(schema, json, "body");
}

/** JSON of this shape whose numbers may have fractions: measurements, which nobody signs. Throws `request_invalid`. */
export async function measurements<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  let json: unknown;
  try {
    json = JSON.parse(await context.req.text());
  } catch (cause) {
    throw new TriplaneError("request_invalid", "the body is not JSON", { cause });
  }
  return checked(schema, json, "body");
}

/** Throws `request_invalid` with every problem. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, name: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${[name, ...issue.path].join(".")}: ${issue.message}`);
  throw new TriplaneError("request_invalid", problems.join("; "), { details: { problems } });
}
