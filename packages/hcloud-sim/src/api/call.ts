// One call as the handlers see it, and what they answer.
import type { z } from "zod";
import type { World, WorldOptions } from "../world/world.ts";
import { ApiError, invalid } from "./error.ts";

export interface Call {
  readonly world: World;
  readonly market: WorldOptions["market"];
  readonly nowMs: number;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
  /** The ids in the path, in order. */
  readonly ids: readonly number[];
  /** Base address and path, for links between pages. */
  readonly address: string;
  /** Most entries of a page, where a fault says so. */
  readonly pageCap: number | undefined;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handler = (call: Call) => Answer;

export interface Route {
  readonly method: string;
  /** `{id}` stands for a number. */
  readonly path: string;
  readonly handler: Handler;
}

export function firstId(call: Call): number {
  const [id] = call.ids;
  if (id === undefined) throw new ApiError("not_found", "no id in the path");
  return id;
}

/** The body by its schema; unknown members are let through, as the API does. */
export function bodyOf<S extends z.ZodType>(call: Call, schema: S): z.output<S> {
  const parsed = schema.safeParse(call.body ?? {});
  if (parsed.success) return parsed.data;
  const fields = new Map<string, string[]>();
  for (const { path, message } of parsed.error.issues) {
    const name = String(path[0] ?? "");
    fields.set(name, [...(fields.get(name) ?? []), message]);
  }
  const [[first = "", messages = []] = []] = fields;
  if (fields.size === 1) throw invalid(first, messages.join("; "));
  throw new ApiError("invalid_input", `invalid input in fields ${[...fields.keys()].map((name) => `'${name}'`).join(", ")}`, {
    details: { fields: [...fields].map(([name, list]) => ({ name, messages: list })) },
  });
}
