// The decision.
import { TriplaneError } from "@triplane/contract";
import type { Decision, DecisionInput } from "./types.ts";

/** Pure: what the policy says about an op, with every rule that took part. */
export function decide(_input: DecisionInput): Decision {
  throw new TriplaneError("internal", "being built");
}
