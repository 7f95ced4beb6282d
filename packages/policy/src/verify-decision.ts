// Verification of a decision that somebody else made.
import { TriplaneError } from "@triplane/contract";
import type { VerifiedDecision, VerifyDecisionInput } from "./types.ts";

/** Throws `chain_broken` with the reason; `cause` keeps the inner failure. */
export function verifyDecision(_input: VerifyDecisionInput): VerifiedDecision {
  throw new TriplaneError("internal", "being built");
}

/** The policy commit that an admission or refusal names, NOT verified: for loading that policy before `verifyDecision`. */
export function policyCommitOf(_compact: string): string {
  throw new TriplaneError("internal", "being built");
}
