// What the parser makes: values as written, not yet merged, imported or checked.
import type { Place } from "./source-position.ts";

export type Contract =
  | { readonly kind: "dyn" | "number" | "string" | "bool" }
  | { readonly kind: "array"; readonly item: Contract }
  | { readonly kind: "dict"; readonly item: Contract }
  | { readonly kind: "enum"; readonly rows: readonly EnumRow[] }
  | { readonly kind: "record"; readonly fields: readonly ContractField[]; readonly open: boolean };

export interface EnumRow {
  readonly tag: string;
  readonly argument?: Contract;
}

export interface ContractField {
  readonly name: string;
  readonly optional: boolean;
  readonly contracts: readonly Contract[];
}

/** A contract as it was written somewhere. */
export interface Annotation {
  readonly contract: Contract;
  /** Its source text, for messages. */
  readonly text: string;
  readonly at: Place;
}

/** What stands between a field's name and its value. */
export interface FieldMetadata {
  readonly annotations: readonly Annotation[];
  /** `default` is minus infinity, `force` plus infinity, nothing is 0. */
  readonly priority: number;
  readonly optional: boolean;
  readonly notExported: boolean;
}

export interface Field {
  readonly path: readonly PathElement[];
  readonly metadata: FieldMetadata;
  readonly value?: Node;
}

export interface PathElement {
  readonly name: string;
  readonly at: Place;
}

export type Node =
  | { readonly kind: "scalar"; readonly value: null | boolean | number | string; readonly at: Place }
  | { readonly kind: "tag"; readonly tag: string; readonly argument?: Node; readonly at: Place }
  | { readonly kind: "array"; readonly items: readonly Node[]; readonly at: Place }
  | { readonly kind: "record"; readonly fields: readonly Field[]; readonly at: Place }
  | { readonly kind: "import"; readonly path: string; readonly format: "nickel" | "json"; readonly at: Place }
  | { readonly kind: "merge"; readonly operands: readonly Node[]; readonly at: Place }
  | { readonly kind: "annotated"; readonly value: Node; readonly annotations: readonly Annotation[]; readonly at: Place };
