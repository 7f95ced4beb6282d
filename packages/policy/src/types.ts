// What a decision takes and gives. `decide` is one pure function of these (`time-is-an-input`).
import type {
  Admission,
  Approval,
  DecisionFacts,
  Did,
  Digest,
  FailureCode,
  Json,
  Op,
  PolicyRef,
  Refusal,
  ReviewNeed,
} from "@triplane/contract";
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
  /**
   * The key of the person who admits by hand. Absent where a keeper does. Such a person may do what the keeper may and no
   * more: not admit an op of their own, nor count as one of its approvers.
   */
  readonly admittedBy?: Did;
  /** The op's own signer admits it, by a key that is kept for that (ADR-040). Exactly then a `break_glass` rule decides. */
  readonly breakGlass?: boolean;
}

/** A rule that took part, and what it said. */
export interface RuleTrace {
  /** The rule's id in the policy, or the name of a built-in step: `audience`, `issuer`, `times`, `scope`, `budget`, `default`. */
  readonly rule: string;
  readonly kind: "form" | "scope" | "deny" | "review" | "unopposed" | "break_glass" | "auto_sign" | "approval" | "default";
  readonly matched: boolean;
  /** One sentence for people. */
  readonly why: string;
}

export interface AdmitDecision {
  readonly verdict: "admit";
  readonly basis: "auto" | "approved" | "unopposed" | "break_glass";
  readonly rule: string;
  readonly countedApprovals: readonly Approval[];
  readonly trace: readonly RuleTrace[];
}

/** An op that runs by itself unless somebody objects. */
export interface UnopposedWait {
  /** The rules whose wait is not over. */
  readonly rules: readonly string[];
  /** Whoever is in one of them and may approve may object. */
  readonly groups: readonly string[];
  /** Seconds since 1970. */
  readonly runsAtS: number;
  /** Approvals that end the wait early; none where a rule does not name any. */
  readonly early: readonly ReviewNeed[];
}

export interface ReviewDecision {
  readonly verdict: "review";
  /** What the matching rules ask for, all of which has to be met. */
  readonly needs: readonly ReviewNeed[];
  /** What is still to come; `count` is the number of people missing. */
  readonly missing: readonly ReviewNeed[];
  /** Seconds since 1970: from then on nothing is waited for. */
  readonly closesAtS: number;
  /** Present where nothing has to be approved. */
  readonly unopposed?: UnopposedWait;
  readonly countedApprovals: readonly Approval[];
  readonly trace: readonly RuleTrace[];
}

export interface RefuseDecision {
  readonly verdict: "refuse";
  readonly code: FailureCode;
  readonly rule?: string;
  readonly fact: string;
  /** The members of the op that would have to change, with values that the policy allows. */
  readonly nearest?: { readonly [key: string]: Json };
  readonly countedApprovals: readonly Approval[];
  readonly trace: readonly RuleTrace[];
}

export type Decision = AdmitDecision | ReviewDecision | RefuseDecision;

/** The files of a policy commit's tree by path; text, or bytes as git has them. */
export type PolicyFiles = ReadonlyMap<string, string | Uint8Array>;

/** A policy that was read from a commit's files and checked. */
export interface LoadedPolicy {
  readonly policy: Policy;
  /** Over all files of the tree; see `policyDigest`. */
  readonly digest: Digest;
  readonly files: PolicyFiles;
}

/** A decision that was found to follow from the policy it names. */
export type VerifiedDecision =
  | {
      readonly kind: "admission";
      readonly admission: Admission;
      readonly op: Op;
      readonly decision: AdmitDecision;
      readonly policy: Policy;
    }
  | {
      readonly kind: "refusal";
      readonly refusal: Refusal;
      /** Present where the refused bytes are an op of a known form. */
      readonly op?: Op;
      readonly policy: Policy;
    };

export interface VerifyDecisionInput {
  /** An admission+jwt or a refusal+jwt. */
  readonly compact: string;
  readonly audience: { readonly workspace: string; readonly policyRid: string };
  /** The policy at a commit that the caller knows to be on the approved canonical chain; undefined for any other commit. */
  policyAt(commit: string): LoadedPolicy | undefined;
  /** An op that the caller itself just verified: where the decision holds these very bytes, they are not verified a second time. */
  readonly verifiedOp?: Op;
  /** The same for the admission itself. */
  readonly verifiedAdmission?: Admission;
}
