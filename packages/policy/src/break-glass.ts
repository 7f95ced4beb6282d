// Breaking the glass: what one person's sealed key lets through at once, without a keeper, and what it never does (ADR-040). Pure.
//
// 1. A sealed key signs ops that break the glass, and nothing else; no other key breaks it.
// 2. What breaks the glass rests on no approvals and no facts: whoever verifies it needs nothing but the policy and the time.
import type { BreakGlassRule, Policy } from "./schema.ts";
import { personOf, type Signer, signerOf } from "./signers.ts";
import type { DecisionInput } from "./types.ts";

/** The built-in rule that keeps sealed keys to what they are for; no rule of a policy can be called so. */
export const SEALED_KEY = "sealed-key";

/** What is wrong with the use of a key that is sealed, or that is not; undefined where nothing is. */
export function sealedKeyProblem({ breakGlass = false, approvals, facts }: DecisionInput, issuer: Signer): string | undefined {
  const sealed = issuer.role === "break_glass";
  if (!breakGlass && sealed) return `this key of ${issuer.principal} is kept for breaking the glass, and signs nothing else`;
  if (!breakGlass) return undefined;
  if (!sealed) return `no key of ${issuer.principal} that is kept for it broke the glass`;
  const rests = approvals.length > 0 || Object.keys(facts).length > 0;
  return rests ? "what breaks the glass rests on no approvals and no facts" : undefined;
}

export function describeBreakGlass(rule: BreakGlassRule): string {
  return `it lets a sealed key act alone, to be ratified within ${rule.ratify_within_s} s`;
}

/** The time that a policy gives people to ratify what a rule of it let through, in seconds; undefined where it has no such rule. */
export function ratifyWithinS(policy: Policy, rule: string): number | undefined {
  return policy.break_glass.find(({ id }) => id === rule)?.ratify_within_s;
}

/** The person who answers for what a key signs: its operator, or the owner of its agent; undefined for a key that the policy does not know. */
export function personBehind(policy: Policy, key: string): string | undefined {
  const signer = signerOf(policy, key);
  return signer === undefined ? undefined : personOf(signer);
}
