// Unsigned messages between planes. They carry signed bytes or are conveniences; nothing here is believed.
import { z } from "zod";
import { commitField, compactField, digestField, jtiField, secondsField } from "./objects/claims.ts";

/** One requirement of a review: `count` distinct persons out of `groups`. All have to be met (AND), those of one rule by different people. */
export const reviewNeedSchema = z.strictObject({ rule: z.string(), count: z.int().min(1), groups: z.array(z.string()) });
export type ReviewNeed = z.infer<typeof reviewNeedSchema>;

const unopposedSchema = z.strictObject({ groups: z.array(z.string()), runs_at: secondsField });

/** On `ops.review.<ws>.<jti>`: an op that waits for people, or that no longer does. The last one per subject counts. */
export const reviewItemSchema = z.strictObject({
  state: z.enum(["open", "closed"]),
  op: compactField,
  op_jti: jtiField,
  op_digest: digestField,
  policy_commit: commitField,
  needs: z.array(reviewNeedSchema),
  taken_at: secondsField,
  /** From then on what is missing is not waited for, in seconds since 1970; people's tools work it out for themselves. */
  closes_at: secondsField.optional(),
  /** Present where the op runs by itself at `runs_at`, seconds since 1970, unless one of the groups objects. */
  unopposed: unopposedSchema.optional(),
  /** Why it closed: `admitted`, or a failure code. */
  closed_by: z.string().optional(),
});
export type ReviewItem = z.infer<typeof reviewItemSchema>;

/** On `ops.answer.<ws>.<principal>.<jti>`: the latest word to the submitter. The proof is the signed object inside. */
export const answerSchema = z.strictObject({
  jti: jtiField,
  stage: z.enum(["review", "outcome"]),
  needs: z.array(reviewNeedSchema).optional(),
  unopposed: unopposedSchema.optional(),
  /** An audit+jwt where stage is `outcome`. */
  record: compactField.optional(),
});
export type Answer = z.infer<typeof answerSchema>;

/** On `ops.alarm.<ws>`: something a person must look at. */
export const alarmSchema = z.strictObject({
  at: secondsField,
  source: z.string(),
  code: z.string(),
  message: z.string(),
  /** jti or digest of what it is about. */
  subject: z.string().optional(),
});
export type Alarm = z.infer<typeof alarmSchema>;
