// What the controller keeps in its database, one row per subject, and the migrations that make the tables.
import { AUDIT_TYP, commitField, digestField, jtiField, MAX_TOKEN_BYTES, OUTCOMES, secondsField, TriplaneError } from "@triplane/contract";
import type { Document, Migration } from "@triplane/store";
import { z } from "zod";

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    description: "ops with their outbox, messages that were refused as forged or broken, the policy that was accepted last",
    tables: [
      { table: "ops", indexes: ["state", "position"] },
      { table: "outbox", indexes: ["kind", "position"] },
      { table: "rejected", indexes: ["at"] },
      { table: "meta", indexes: [] },
    ],
  },
  { version: 2, description: "ops that broke the glass", tables: [{ table: "break_glass", indexes: ["state"] }] },
  { version: 3, description: "ops by the orchestrator's revision", tables: [{ table: "ops", indexes: ["revision"] }] },
];

/** Who hears of the outcome: the issuer's principal under the op's jti. */
const answerTo = z.strictObject({ principal: z.string(), jti: jtiField });

const opCommon = {
  /** The op's jti, or the digest of the submitted bytes. */
  subject: z.string(),
  /** Of the op's exact bytes, or of the bytes that were no op. */
  op_digest: digestField,
  /** Order of acceptance in this database; it survives a stream that starts over. */
  position: z.int().min(1),
  stream_seq: z.int().min(0),
  accepted_at: secondsField,
  answer_to: answerTo.optional(),
};

/** An op on its way: accepted and durable, its result not known yet. */
const acceptedRowSchema = z.strictObject({ ...opCommon, state: z.literal("accepted"), target: z.string(), decision: z.string() });
/** An op that ended; the audit record has everything else. */
const finishedRowSchema = z.strictObject({
  ...opCommon,
  state: z.literal("finished"),
  outcome: z.enum(OUTCOMES),
  code: z.string().optional(),
  record: z.string().max(MAX_TOKEN_BYTES[AUDIT_TYP]),
  /** The orchestrator's revision, where it answered. It must have this result for ever. */
  revision: z.int().min(0).optional(),
});
export const opRowSchema = z.discriminatedUnion("state", [acceptedRowSchema, finishedRowSchema]);
export type AcceptedRow = z.infer<typeof acceptedRowSchema>;
export type FinishedRow = z.infer<typeof finishedRowSchema>;
export type OpRow = z.infer<typeof opRowSchema>;

/** A message that has to be published, or its publication confirmed. */
export const outboxRowSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("audit"), position: z.int(), record: z.string(), answer_to: answerTo.optional() }),
  z.strictObject({ kind: z.literal("alarm"), position: z.int(), text: z.string() }),
  z.strictObject({ kind: z.literal("answer"), position: z.int(), answer_to: answerTo, text: z.string() }),
]);
export type OutboxRow = z.infer<typeof outboxRowSchema>;

/** Evidence of a message that proved nothing; no ledger record is signed for it. */
export const rejectedRowSchema = z.strictObject({
  code: z.string(),
  reason: z.string(),
  stream_seq: z.int(),
  at: secondsField,
  size_bytes: z.int(),
  /** The first bytes, base64. */
  bytes: z.string(),
});
export type RejectedRow = z.infer<typeof rejectedRowSchema>;

/** The highest policy commit under which anything was verified, and since when it is the highest. */
export const policyRowSchema = z.strictObject({
  commit: commitField,
  policy_version: z.int().min(1),
  identity_revision: commitField,
  since_ms: z.int().min(0),
});
export type PolicyRow = z.infer<typeof policyRowSchema>;

/** A use of a sealed key. One that was refused used its number up all the same. */
export const glassRowSchema = z.strictObject({
  /** What its record is filed under: the op's jti, or the digest of an op whose jti was another's. */
  subject: z.string(),
  person: z.string(),
  key: z.string(),
  seq: z.int().min(1),
  rule: z.string(),
  accepted_at: secondsField,
  /** From this second on it freezes the person unless it is ratified. */
  ratify_by: z.int().min(0),
  state: z.enum(["open", "frozen", "ratified", "refused"]),
});
export type GlassRow = z.infer<typeof glassRowSchema>;

/** The highest fencing number under which a controller was active here. */
export const fenceRowSchema = z.strictObject({ fence: z.int().min(0) });
export type FenceRow = z.infer<typeof fenceRowSchema>;

/** A document as the row that this program wrote. Throws `internal` for anything else: the database is not ours then. */
export function readRow<T>(document: Document, schema: z.ZodType<T>, what: string): T {
  const parsed = schema.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new TriplaneError(
    "internal",
    `${what} does not have the shape of a row: ${parsed.error.issues.map(({ path }) => path.join(".")).join(", ")}`,
  );
}

/** A row as a document: members that are absent stay absent. */
export function documentOf(row: OpRow | OutboxRow | RejectedRow | PolicyRow | GlassRow | FenceRow): Document {
  return Object.fromEntries(Object.entries(row).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
