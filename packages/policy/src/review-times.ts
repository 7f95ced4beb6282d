// How long people are asked, and when an op that they are asked about has to be valid (ADR-026).
//
// 1. `facts.open_since` is when people could first see the op. It lies between the op's own `iat` and the decision, or nothing is decided.
// 2. An op that people are asked about under rules that say how long is held to its own times at that moment; every other op, now.
import { assertTimes, type DecisionFacts, type Op, TriplaneError } from "@triplane/contract";
import type { Policy, ReviewRule } from "./schema.ts";

/** Whether a decision under the policy may rest on the time since which people are asked. */
export function usesOpenSince(policy: Policy): boolean {
  return policy.unopposed.length > 0 || policy.review.some((rule) => rule.open_s !== undefined);
}

interface Timed {
  readonly op: Op;
  readonly policy: Policy;
  readonly facts: DecisionFacts;
  readonly nowS: number;
}

/** Throws what `assertTimes` throws for an op that was not valid when people were first asked about it; without that fact, for one that is not valid now. */
export function assertTakenInTime(input: Timed): void {
  const { open_since: openSince } = input.facts;
  if (openSince !== undefined && openSince > input.nowS)
    throw new TriplaneError("clock_skew", `people were asked ${openSince - input.nowS} s after the decision`);
  assertValidAt(input, openSince ?? input.nowS);
}

/** Throws what `assertTimes` throws for an op that is not valid now. */
export function assertValidNow(input: Timed): void {
  assertValidAt(input, input.nowS);
}

function assertValidAt({ op, policy }: Timed, nowS: number): void {
  assertTimes(op.claims, { nowS, clockSkewS: policy.limits.clock_skew_s, maxLifetimeS: policy.limits.max_lifetime_s });
}

export interface Closing {
  /** From this second on, what is still missing is not waited for. */
  readonly closesAtS: number;
  /** Approvals given later do not count; undefined where the op's own expiry is the bound. */
  readonly lastApprovalS: number | undefined;
  /** The rule that closes first. */
  readonly rule: ReviewRule | undefined;
  /** Whether the op's own expiry still counts, because a rule does not say how long people are asked. */
  readonly expires: boolean;
}

/** When the review by these rules, all of which have to be met, closes: with the first of them. */
export function closingOf(rules: readonly ReviewRule[], { op, policy, facts, nowS }: Timed): Closing {
  const skewS = policy.limits.clock_skew_s;
  const openSince = facts.open_since ?? nowS;
  const timed = rules.filter((rule) => rule.open_s !== undefined).sort((a, b) => (a.open_s ?? 0) - (b.open_s ?? 0));
  const [rule] = timed;
  const lastApprovalS = rule?.open_s === undefined ? undefined : openSince + rule.open_s;
  const expires = timed.length < rules.length;
  const expiresAtS = expires ? op.claims.exp + skewS : Number.POSITIVE_INFINITY;
  return { closesAtS: Math.min(lastApprovalS ?? Number.POSITIVE_INFINITY, expiresAtS), lastApprovalS, rule, expires };
}
