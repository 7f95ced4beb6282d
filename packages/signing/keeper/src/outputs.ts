// The keeper's three outputs: admission, refusal and review item, as bytes with the subject they go to.
import {
  type Admission,
  type Answer,
  type Approval,
  type Audience,
  type DecisionFacts,
  type Digest,
  type FailureCode,
  formatAudience,
  type Json,
  MAX_APPROVALS,
  type Op,
  type PolicyRef,
  type ReviewItem,
  type SigningKey,
  signAdmission,
  signRefusal,
  subjects,
} from "@triplane/contract";
import type { AdmitDecision, Policy, ReviewDecision } from "@triplane/policy";
import type { Output } from "./records.ts";

/** The policy commit that decisions are made under. */
export interface PolicyInForce {
  readonly policy: Policy;
  readonly ref: PolicyRef;
}

/** Who signs decisions: the keeper, or a person with the grant to admit. */
export interface Deciding {
  readonly audience: Audience;
  readonly ref: PolicyRef;
  readonly key: SigningKey;
  /** Seconds since 1970: the time that is the decision's input. */
  readonly nowS: number;
}

export function admissionOutput(by: Deciding, op: Op, decision: AdmitDecision, facts: DecisionFacts): Output {
  const claims: Omit<Admission["claims"], "iss"> = {
    aud: formatAudience(by.audience),
    op: op.token.compact,
    op_jti: op.claims.jti,
    op_digest: op.token.digest,
    policy: by.ref,
    rule: decision.rule,
    basis: decision.basis,
    approvals: compactOf(decision.countedApprovals),
    facts,
    decided_at: by.nowS,
  };
  return { subject: subjects(by.audience.workspace).cmd, text: signAdmission(claims, by.key) };
}

export interface RefusalWords {
  readonly code: FailureCode;
  readonly fact: string;
  readonly rule?: string;
  readonly nearest?: { readonly [key: string]: Json };
  readonly approvals?: readonly Approval[];
  readonly facts?: DecisionFacts;
  readonly consumesSeq: boolean;
}

/** `op` is given only where its signature and key were verified; of anything else the refusal names the digest alone. */
export function refusalOutput(by: Deciding, digest: Digest, op: Op | undefined, words: RefusalWords): Output {
  const text = signRefusal(
    {
      aud: formatAudience(by.audience),
      op_digest: digest,
      ...(op === undefined ? {} : { op: op.token.compact, op_jti: op.claims.jti }),
      policy: by.ref,
      code: words.code,
      ...(words.rule === undefined ? {} : { rule: words.rule }),
      fact: words.fact.slice(0, 1000),
      ...(words.nearest === undefined ? {} : { nearest: words.nearest }),
      approvals: compactOf(words.approvals ?? []),
      facts: words.facts ?? {},
      consumes_seq: words.consumesSeq,
      decided_at: by.nowS,
    },
    by.key,
  );
  return { subject: subjects(by.audience.workspace).cmd, text };
}

export function openReview(by: Pick<Deciding, "ref">, op: Op, decision: ReviewDecision, takenAtS: number): ReviewItem {
  return {
    state: "open",
    op: op.token.compact,
    op_jti: op.claims.jti,
    op_digest: op.token.digest,
    policy_commit: by.ref.commit,
    needs: [...decision.needs],
    taken_at: takenAtS,
    closes_at: decision.closesAtS,
    ...unopposedIn(decision),
  };
}

/** When the op runs by itself, as people are told. */
export function unopposedIn({ unopposed }: ReviewDecision): Pick<ReviewItem, "unopposed"> {
  return unopposed === undefined ? {} : { unopposed: { groups: [...unopposed.groups], runs_at: unopposed.runsAtS } };
}

/** What the submitter is told of it. */
export function answerFor(item: ReviewItem): Answer {
  const { op_jti: jti, needs, unopposed } = item;
  return { jti, stage: "review", needs, ...(unopposed === undefined ? {} : { unopposed }) };
}

export function reviewOutput(workspace: string, item: ReviewItem): Output {
  return { subject: subjects(workspace).review(item.op_jti), text: JSON.stringify(item) };
}

// More never count: no rule may ask for more than the limit.
function compactOf(approvals: readonly Approval[]): string[] {
  return approvals.slice(0, MAX_APPROVALS).map((approval) => approval.token.compact);
}
