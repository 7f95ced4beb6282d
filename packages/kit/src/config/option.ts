// One option of a program, and builders for the usual kinds of value.
import { z } from "zod";

/** One option. Its schema decides whether it may be absent and what its default is. */
export interface Option<S extends z.ZodType = z.ZodType> {
  /** Accepts both the text of a flag or variable and the JSON value of a configuration file. */
  readonly schema: S;
  /** One sentence with the unit, for --help and the reference. */
  readonly description: string;
  /** Without dashes; the option's name in kebab-case unless given. */
  readonly flag?: string;
  /** The definition's prefix and the option's name in upper snake case unless given. */
  readonly env?: string;
  /** Read from a file, or from the environment, but never from the command line, which every user of the machine can read. */
  readonly secret?: boolean;
  /** A flag that takes no value. */
  readonly toggle?: boolean;
  /** What --help shows for the value; `VALUE` unless given. */
  readonly placeholder?: string;
}

export function option<S extends z.ZodType>(schema: S, about: Omit<Option<S>, "schema">): Option<S> {
  return { schema, ...about };
}

/** A flag that takes no value and is off by default. */
export function toggle(about: Omit<Option, "schema" | "toggle" | "secret">): Option<z.ZodDefault<typeof boolean>> {
  return { schema: boolean.default(false), ...about, toggle: true };
}

export const text = (): z.ZodString => z.string().min(1).max(4096);

const boolean = z.preprocess(
  (value) => (value === "true" || value === "1" ? true : value === "false" || value === "0" ? false : value),
  z.boolean(),
);

export interface IntegerRange {
  readonly min?: number;
  readonly max?: number;
}

/** A whole number, as JSON or as decimal text. */
export function integer(range: IntegerRange = {}) {
  const bounded = z
    .number()
    .int()
    .min(range.min ?? 0)
    .max(range.max ?? Number.MAX_SAFE_INTEGER);
  return z.preprocess((value) => (typeof value === "string" && /^-?\d{1,16}$/.test(value) ? Number(value) : value), bounded);
}

export const port = () => integer({ min: 0, max: 65_535 });

/** Text between commas, or a JSON array. */
export function list() {
  return z.preprocess(
    (value) =>
      typeof value === "string"
        ? value
            .split(",")
            .map((part) => part.trim())
            .filter((part) => part !== "")
        : value,
    z.array(text()).readonly(),
  );
}

/** A URL of one of these protocols (`http`, `nats`), without user and password: those belong into files. */
export function url(...protocols: readonly string[]) {
  return text().refine(
    (value) => {
      if (!URL.canParse(value)) return false;
      const parsed = new URL(value);
      return protocols.includes(parsed.protocol.slice(0, -1)) && parsed.username === "" && parsed.password === "";
    },
    { error: `must be a URL of ${protocols.map((protocol) => `${protocol}:`).join(" or ")} without credentials` },
  );
}
