// What a decision takes and gives. `decide` is one pure function of these (`time-is-an-input`).
import type { Approval, DecisionFacts, FailureCode, Json, Op, PolicyRef, ReviewNeed } from "@triplane/contract";
import type { Policy } from "./schema.ts";

/** Everything a decision depends on. Nothing else may influence it. */
export interface DecisionInput {
  readonly op: Op;
  readonly policy: Policy;
  readonly policyRef: PolicyRef;
  /** Approvals and rejections whose signatures were verified; whether they count is decided here. */
  readonly approvals: readonly Approval[];
  readonly facts: DecisionFacts;
  /** Seconds since 1970. */
  readonly nowS: number;
}

/** A rule that took part, and what it said. */
export interface RuleTrace {
  readonly rule: string;
  readonly kind: "form" | "scope" | "deny" | "review" | "auto_sign" | "default";
  readonly matched: boolean;
  /** One sentence for people. */
  readonly why: string;
}

export type Decision =
  | {
      readonly verdict: "admit";
      readonly basis: "auto" | "approved";
      readonly rule: string;
      readonly countedApprovals: readonly Approval[];
      readonly trace: readonly RuleTrace[];
    }
  | { readonly verdict: "review"; readonly needs: readonly ReviewNeed[]; readonly trace: readonly RuleTrace[] }
  | {
      readonly verdict: "refuse";
      readonly code: FailureCode;
      readonly rule?: string;
      readonly fact: string;
      readonly nearest?: { readonly [key: string]: Json };
      readonly countedApprovals: readonly Approval[];
      readonly trace: readonly RuleTrace[];
    };
