// Options and arguments of commands as zod schemas, and what the command line needs to know about each.
import { TriplaneError } from "@triplane/contract";
import { z } from "zod";

/** How one schema member appears on the command line. */
export interface Parameter {
  /** Name in code. */
  readonly name: string;
  /** Name on the command line: kebab case. */
  readonly flag: string;
  readonly description: string;
  /** What stands for the value in help, like DIR. */
  readonly placeholder: string;
  readonly kind: "flag" | "value" | "list";
  readonly required: boolean;
  readonly choices: readonly string[] | undefined;
  readonly defaultText: string | undefined;
}

/** `expiresIn` → `expires-in`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A switch. */
export function flag(description: string) {
  return z.boolean().default(false).meta({ description });
}

/** A text value, shown as `placeholder` in help. */
export function text(placeholder: string, description: string) {
  return z.string().min(1).meta({ description, placeholder });
}

/** A whole number, given as text on the command line. */
export function integer(placeholder: string, description: string, range: { readonly min: number; readonly max: number }) {
  return z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(range.min).max(range.max))
    .meta({ description, placeholder });
}

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(choices: T, placeholder: string, description: string) {
  return z.enum(choices).meta({ description, placeholder });
}

/** An option that may be given several times, or an argument that takes the rest of the line. */
export function list(placeholder: string, description: string) {
  return z.array(z.string().min(1)).default([]).meta({ description, placeholder });
}

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** A length of time like 90s, 10m, 2h or 1d; seconds in code. */
export function duration(description: string) {
  return z
    .string()
    .regex(/^[1-9]\d{0,6}[smhd]$/, "must be a time like 90s, 10m, 2h or 1d")
    .transform((value) => Number(value.slice(0, -1)) * UNITS[value.slice(-1) as keyof typeof UNITS])
    .meta({ description, placeholder: "TIME" });
}

/** Parses raw values; throws `usage` with every problem, each naming its parameter. */
export function parseInput<S extends z.ZodObject>(schema: S, raw: Record<string, unknown>, nameOf: (name: string) => string): z.output<S> {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${nameOf(String(issue.path[0] ?? "input"))}: ${issue.message}`);
  throw new TriplaneError("usage", problems.join("; "), { details: { problems } });
}

/** The members of a schema as the command line shows them, in order. */
export function parametersOf(schema: z.ZodObject): readonly Parameter[] {
  return Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, member]) => parameterOf(name, member));
}

function parameterOf(name: string, member: z.ZodType): Parameter {
  let inner: z.ZodType = member;
  let required = true;
  let defaultText: string | undefined;
  const meta: { description?: string; placeholder?: unknown } = {};
  for (;;) {
    Object.assign(meta, { ...inner.meta(), ...meta });
    if (inner instanceof z.ZodOptional) {
      required = false;
      inner = inner.unwrap() as z.ZodType;
    } else if (inner instanceof z.ZodDefault) {
      required = false;
      const value = inner.def.defaultValue;
      if (typeof value === "string" || typeof value === "number") defaultText = String(value);
      inner = inner.unwrap() as z.ZodType;
    } else break;
  }
  return {
    name,
    flag: kebab(name),
    description: meta.description ?? "",
    placeholder: typeof meta.placeholder === "string" ? meta.placeholder : name.toUpperCase(),
    kind: inner instanceof z.ZodBoolean ? "flag" : inner instanceof z.ZodArray ? "list" : "value",
    required,
    choices: inner instanceof z.ZodEnum ? inner.options.map(String) : undefined,
    defaultText,
  };
}
