// Values after imports and merges. Records are made fresh by each reading and may be merged into.
import type { Annotation } from "./ast.ts";
import type { Place } from "./source-position.ts";

export type Resolved =
  | { readonly kind: "scalar"; readonly value: null | boolean | number | string; readonly at: Place; readonly annotated?: true }
  | { readonly kind: "tag"; readonly tag: string; readonly argument?: Resolved; readonly at: Place; readonly annotated?: true }
  | { readonly kind: "array"; readonly items: readonly Resolved[]; readonly at: Place; readonly annotated?: true }
  | ResolvedRecord;

export interface ResolvedRecord {
  readonly kind: "record";
  readonly fields: Map<string, ResolvedField>;
  readonly at: Place;
  /** A contract stands on this value as a whole, so that merging it further would pass by the contract. */
  readonly annotated?: true;
}

export interface ResolvedField {
  readonly at: Place;
  readonly value?: Resolved;
  readonly priority: number;
  readonly optional: boolean;
  readonly notExported: boolean;
  readonly annotations: readonly Annotation[];
}

/** A value's kind in words, for messages. */
export function describeResolved(value: Resolved): string {
  switch (value.kind) {
    case "scalar":
      if (value.value === null) return "null";
      return typeof value.value === "boolean"
        ? `the bool ${value.value}`
        : `the ${typeof value.value} ${shorten(JSON.stringify(value.value))}`;
    case "tag":
      return `the enum tag '${shorten(value.tag)}${value.argument === undefined ? "" : " with an argument"}`;
    case "array":
      return "an array";
    case "record":
      return "a record";
  }
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
