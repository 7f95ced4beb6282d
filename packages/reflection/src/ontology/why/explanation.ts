// What stands behind something that the system knows: the words of the answer to "why".
import type { ValidationName } from "../../validation/types.ts";
import type { Adr, ConstraintCheck } from "../schema.ts";
import type { Citation, NamedTest } from "./sources.ts";

/** A decision, as far as it is about one rule. */
export interface DecisionOfRule {
  readonly id: string;
  readonly title: string;
  readonly status: Adr["status"];
  readonly path: string;
  /** What it says about the rule. */
  readonly rule: string;
}

/** A check of one or more decisions, with what is known of it today. */
export interface GuardingCheck {
  readonly kind: ConstraintCheck["kind"];
  readonly ref: string;
  /** Decisions that name it; none where the check itself says what it guards. */
  readonly decisions: readonly string[];
  /** Of a test: the tests that its words lead to; empty where there is none any more. Absent without source. */
  readonly tests?: readonly NamedTest[];
  /** Of a test: the words of its title. */
  readonly title?: string;
  /** Of a validation's check. */
  readonly validation?: ValidationName;
  readonly what?: string;
}

/** An invariant, or another rule that decisions made. */
export interface RuleExplanation {
  readonly kind: "rule";
  readonly id: string;
  readonly invariant: boolean;
  readonly sentence: string;
  readonly decisions: readonly DecisionOfRule[];
  /** Nodes that keep it. */
  readonly nodes: readonly string[];
  /** Lines that cite it, outside tests; absent where the source is not at hand. */
  readonly code?: readonly (Citation & { readonly node: string | undefined })[];
  readonly checks: readonly GuardingCheck[];
  /** Tests that name it beside those of the checks; absent where the source is not at hand. */
  readonly moreTests?: readonly NamedTest[];
}

export interface NodeExplanation {
  readonly kind: "node";
  readonly id: string;
  readonly description: string;
  readonly artifact_paths: readonly string[];
  readonly invariants: readonly string[];
  readonly decisions: readonly { readonly id: string; readonly title: string }[];
  readonly rests_on: readonly string[];
  /** Nodes that rest on it. */
  readonly carries: readonly string[];
}

export interface DecisionExplanation extends Omit<Adr, "superseded_by"> {
  readonly kind: "decision";
  readonly path: string;
  readonly superseded_by?: string | undefined;
  /** Decisions that change it in part. */
  readonly updated_by: readonly string[];
  readonly nodes: readonly string[];
  /** Lines that cite it, outside tests; absent where the source is not at hand. */
  readonly code?: readonly Citation[];
}

export interface FileExplanation {
  readonly kind: "file";
  readonly path: string;
  readonly node: { readonly id: string; readonly description: string };
  /** What it cites; absent where the source is not at hand. */
  readonly invariants?: readonly { readonly id: string; readonly sentence: string; readonly lines: readonly number[] }[];
  readonly decisions?: readonly { readonly id: string; readonly title: string; readonly lines: readonly number[] }[];
}

/** What can be asked about. */
export interface Subjects {
  readonly kind: "subjects";
  readonly invariants: readonly { readonly id: string; readonly sentence: string; readonly decisions: readonly string[] }[];
  readonly nodes: readonly { readonly id: string; readonly description: string }[];
  readonly decisions: readonly { readonly id: string; readonly title: string }[];
}

export type Explanation = RuleExplanation | NodeExplanation | DecisionExplanation | FileExplanation;
