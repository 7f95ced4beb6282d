// `--arg key=value` on the command line as the JSON arguments of an op.
import { canonicalJson, type Json, TriplaneError } from "@triplane/contract";

const KEY = /^[a-z][a-z0-9_]{0,63}$/;

/**
 * A value that reads as a whole number, true, false, null, or as JSON in brackets, braces or double quotes, is that; all
 * else is text. So `replicas=2` is a number, `version=1.2` text, and `version="2"` text.
 * `a.b=1` makes the member b of a record a. Throws `usage`.
 */
export function parseOpArguments(pairs: readonly string[]): { readonly [key: string]: Json } {
  const result: { [key: string]: Json } = {};
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals < 1) throw new TriplaneError("usage", `--arg ${JSON.stringify(pair)} is not of the form KEY=VALUE`);
    place(result, pair.slice(0, equals).split("."), parseValue(pair.slice(equals + 1), pair), pair);
  }
  return result;
}

function place(record: { [key: string]: Json }, path: readonly string[], value: Json, pair: string): void {
  const [key = "", ...rest] = path;
  if (!KEY.test(key))
    throw new TriplaneError("usage", `--arg ${JSON.stringify(pair)}: a name has lower-case letters, digits and underscores`);
  const known = Object.hasOwn(record, key) ? record[key] : undefined;
  if (rest.length === 0) {
    if (known !== undefined) throw new TriplaneError("usage", `--arg ${key} is given twice`);
    record[key] = value;
    return;
  }
  if (known !== undefined && (typeof known !== "object" || known === null || Array.isArray(known)))
    throw new TriplaneError("usage", `--arg ${key} is given as a value and as a record`);
  const inner: { [key: string]: Json } = { ...(known as { readonly [key: string]: Json } | undefined) };
  place(inner, rest, value, pair);
  record[key] = inner;
}

function parseValue(text: string, pair: string): Json {
  if (!/^(?:-?\d{1,16}|true|false|null|[[{"].*)$/s.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    canonicalJson(value); // refuses fractions and numbers beyond 2^53, as signed objects do
    return value as Json;
  } catch (error) {
    throw new TriplaneError("usage", `--arg ${JSON.stringify(pair)}: the value looks like JSON and is not: ${(error as Error).message}`);
  }
}
