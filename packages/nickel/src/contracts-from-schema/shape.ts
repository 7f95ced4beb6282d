// What of JSON Schema (2020-12, as z.toJSONSchema writes it) can be said as a Nickel contract. Anything else is refused when contracts are made.
import { TriplaneError } from "@triplane/contract";

/** How a choice among words is written in a file: as enum tags, as strings, or as either. */
export type Words = "tags" | "strings" | "either";

export type Literal = string | number | boolean | null;

export interface Shape {
  readonly type?: "string" | "number" | "integer" | "boolean" | "null" | "array" | "object";
  readonly const?: Literal;
  readonly enum?: readonly Literal[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  /** `false`: closed. A shape: what other fields hold. Absent: they may hold anything. */
  readonly additionalProperties?: false | Shape;
  readonly propertyNames?: Shape;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly description?: string;
  readonly default?: unknown;
  /** Ours: of the pattern; none where absent. */
  readonly patternFlags?: string;
  /** Ours: what is said of a text that does not match. */
  readonly patternMessage?: string;
  /** Ours: how this choice is written, where it differs from the rest of the file. */
  readonly nickel?: Words;
}

const KEYWORDS: ReadonlySet<string> = new Set<keyof Shape | "$schema" | "title" | "id">([
  ...([
    "type",
    "const",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
  ] as const),
  ...(["minItems", "maxItems", "items", "properties", "required", "additionalProperties", "propertyNames", "anyOf", "oneOf"] as const),
  ...(["description", "default", "patternFlags", "patternMessage", "nickel", "$schema", "title", "id"] as const),
]);

/** A schema that no contract can say, with the place in it. A mistake of ours, found when contracts are generated. */
export function inexpressible(at: string, why: string): TriplaneError {
  return new TriplaneError("internal", `no Nickel contract can say the schema at ${at}: ${why}`, { details: { at } });
}

/** Throws for a keyword that would be passed over in silence. */
export function assertKnown(shape: Shape, at: string): void {
  for (const keyword of Object.keys(shape)) if (!KEYWORDS.has(keyword)) throw inexpressible(at, `the keyword ${keyword} is not known`);
}

/** The field that tells the alternatives of a union of records apart, with its literal in each; undefined where there is none. */
export function discriminatorOf(
  options: readonly Shape[],
): { readonly field: string; readonly cases: ReadonlyMap<string, Shape> } | undefined {
  const [first] = options;
  for (const [field, member] of Object.entries(first?.properties ?? {})) {
    if (typeof member.const !== "string") continue;
    const cases = new Map<string, Shape>();
    for (const option of options) {
      const value = option.properties?.[field]?.const;
      if (typeof value === "string" && option.required?.includes(field) === true) cases.set(value, option);
    }
    if (cases.size === options.length) return { field, cases };
  }
  return undefined;
}

/** The words that a shape lets choose from, or undefined where it is no choice among words. */
export function wordsOf(shape: Shape): readonly string[] | undefined {
  if (typeof shape.const === "string") return [shape.const];
  return shape.enum?.every((value): value is string => typeof value === "string") === true ? shape.enum : undefined;
}
