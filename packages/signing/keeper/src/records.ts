// What the keeper writes into the bucket OPS_SEQ_<ws>: the outputs it has committed to, so that it repeats and never re-decides.
//
// 1. `<key>` (a did:key without its prefix): the last op taken in from that key, with its output, and those that were taken in
//    by the same write before it (ADR-018). Compare-and-set.
// 2. `refused-<hex digest>`: the refusal of an op that did not consume its number (gap, fork). Created once, never changed:
//    without it a third party could send such an op again when its number has become the next one, and it would be admitted.
// 3. `review-<jti>`: the one final output of a review. Created once, so that two keepers cannot end a review in two ways.
// 4. `policy`: the highest policy commit that a keeper acted under.
// 5. `late-<key>-<number>`: the op that took a number which a rebuild from the ledger had to leave open. Created once.
// 6. `rebuild`: how far a rebuild from the ledger is; a keeper works with a bucket that is whole, or not at all.
import { commitField, type Did, type Digest, digestField, jtiField, secondsField, TriplaneError } from "@triplane/contract";
import { z } from "zod";

/** A message that was decided on: published as it stands, however often that takes. */
export const outputSchema = z.strictObject({ subject: z.string(), text: z.string() });
export type Output = z.infer<typeof outputSchema>;

/** One op that counts against a rate or a budget. `rule` is set where it was admitted without a person. */
export const useSchema = z.strictObject({ at: secondsField, jti: jtiField, rule: z.string().optional() });
export type Use = z.infer<typeof useSchema>;

/** What is needed to give an op's output again, byte for byte. */
const takenSchema = z.strictObject({ seq: z.int().min(1), op_digest: digestField, output: outputSchema });

export const sequenceRecordSchema = takenSchema.extend({
  /** Ops of the key that were taken in by the same write, newest first: the numbers just below `seq`. Absent where there was one. */
  earlier: z.array(takenSchema).optional(),
  /** Ops of this key inside the longest window that the policy counts over, newest last. */
  uses: z.array(useSchema),
  /** Numbers below `seq` that the ledger did not have at a rebuild, ascending: their ops may still be on their way. */
  missing: z.array(z.int().min(1)).optional(),
});
export type SequenceRecord = z.infer<typeof sequenceRecordSchema>;

export const settledRecordSchema = z.strictObject({ op_digest: digestField, output: outputSchema });
export type SettledRecord = z.infer<typeof settledRecordSchema>;

export const policyRecordSchema = z.strictObject({ commit: commitField, policy_version: z.int().min(0), identity_revision: commitField });
export type PolicyRecord = z.infer<typeof policyRecordSchema>;

/** What a rebuild from the ledger has to say of the bucket. */
export const rebuildRecordSchema = z.strictObject({
  state: z.enum(["begun", "done"]),
  /** Records of the ledger that it was made from. */
  size: z.int().min(0),
  root: z.string(),
});
export type RebuildRecord = z.infer<typeof rebuildRecordSchema>;

export const RECORD_KEYS = {
  sequence: (did: Did): string => did.slice("did:key:".length),
  refused: (digest: Digest): string => `refused-${digest.slice("sha256:".length)}`,
  review: (jti: string): string => `review-${jti}`,
  late: (did: Did, seq: number): string => `late-${did.slice("did:key:".length)}-${seq}`,
  policy: "policy",
  rebuild: "rebuild",
} as const;

/** Every op that a write took in, newest first. The uses that are counted next are those of the first. */
export function opsOf(record: SequenceRecord): readonly SequenceRecord[] {
  const { earlier = [], ...newest } = record;
  return [newest, ...earlier.map((taken) => ({ ...taken, uses: [] }))];
}

/** Reads a value of the bucket. Throws `internal` for one that no keeper wrote: guessing at it would be failing open. */
export function readRecord<T>(key: string, value: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (cause) {
    throw new TriplaneError("internal", `the value of ${key} in the sequence bucket is not JSON`, { cause });
  }
  const result = schema.safeParse(json);
  if (!result.success) {
    throw new TriplaneError("internal", `the value of ${key} in the sequence bucket is not one that a keeper wrote`, {
      details: { problems: result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`) },
    });
  }
  return result.data;
}
