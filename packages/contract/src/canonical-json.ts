// Canonical JSON for values that we make ourselves and hash (plans, facts): RFC 8785 restricted to integers.
import { TriplaneError } from "./failures/index.ts";

/** A JSON value as our signed objects may hold it: no fractions, no numbers beyond 2^53. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Serialises with keys sorted by UTF-16 code units and no white space (RFC 8785 section 3.2.3).
 * Throws `json_number_unsafe` for a number that is not a safe integer, `json_invalid` for what JSON cannot hold.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new TriplaneError("json_number_unsafe", `${value} is not an integer within 2^53`);
    return Object.is(value, -0) ? "0" : String(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object") {
    const object = value as { readonly [key: string]: unknown };
    let text = "";
    for (const key of sorted(Object.keys(object))) {
      const member = object[key];
      if (member !== undefined) text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${canonicalJson(member)}`;
    }
    return `{${text}}`;
  }
  throw new TriplaneError("json_invalid", `a ${typeof value} has no JSON form`);
}

/** In the order of UTF-16 code units, which is what comparing strings and sorting without a function have. */
function sorted(keys: string[]): readonly string[] {
  for (let at = 1; at < keys.length; at += 1) if ((keys[at - 1] ?? "") > (keys[at] ?? "")) return keys.sort();
  return keys;
}
