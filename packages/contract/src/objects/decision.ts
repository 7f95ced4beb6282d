// What a decision rests on, as admission and refusal carry it: enough for anybody to run it again (`time-is-an-input`).
import { z } from "zod";
import { commitField, digestField, ridField, secondsField } from "./claims.ts";

/** The policy in force: repository, commit, and SHA-256 of the policy file's bytes (git's SHA-1 is never what integrity rests on). */
export const policyRefSchema = z.strictObject({ rid: ridField, commit: commitField, digest: digestField });
export type PolicyRef = z.infer<typeof policyRefSchema>;

/** Facts that the keeper counted itself and that a decision may depend on, besides op, policy, approvals and time. */
export const factsSchema = z.strictObject({
  /** Ops that a rule with a rate admitted without a person within that rule's own window, by rule. */
  recent_auto: z.record(z.string(), z.int().min(0)).optional(),
  /** Ops of this agent admitted within its budget's window. */
  budget_used: z.int().min(0).optional(),
  /** Seconds since 1970 at which people could first see the op. Absent where nothing in the policy depends on it. */
  open_since: secondsField.optional(),
});
export type DecisionFacts = z.infer<typeof factsSchema>;
