// What the outbox keeps of an op, on disk.
import {
  type Digest,
  digestOf,
  jtiField,
  OUTCOMES,
  parseOp,
  secondsField,
  TriplaneError,
  toTriplaneError,
  verifyAuditRecord,
} from "@triplane/contract";
import { z } from "zod";

export const outcomeSchema = z.strictObject({
  /** The audit+jwt, verified when it was stored. */
  record: z.string(),
  outcome: z.enum(OUTCOMES),
  /** Failure code where the outcome is not `applied`. */
  code: z.string().optional(),
  /** Whether the op's sequence number is used up. */
  consumes_seq: z.boolean(),
  /** Where the keeper refused for a wrong number: the number that it expects. */
  expected_seq: z.int().min(1).optional(),
});

/** The final word on an op. */
export type OpOutcome = z.infer<typeof outcomeSchema>;

export const entrySchema = z.strictObject({
  jti: jtiField,
  /** The op+jwt, byte for byte as it was and will be sent. */
  op: z.string(),
  stored_at: secondsField,
  outcome: outcomeSchema.optional(),
});

export type OutboxEntry = z.infer<typeof entrySchema>;

/** An entry together with what its op says. */
export interface OutboxOp {
  readonly entry: OutboxEntry;
  readonly claims: ReturnType<typeof parseOp>["claims"];
  readonly digest: Digest;
}

/** Throws `outbox_damaged` for a file that is not what was written. */
export function readEntry(text: string, path: string): OutboxOp {
  try {
    const entry = entrySchema.parse(JSON.parse(text));
    const { claims } = parseOp(entry.op);
    if (claims.jti !== entry.jti) throw new TriplaneError("outbox_damaged", "the entry's jti is not its op's");
    if (entry.outcome !== undefined) verifyAuditRecord(entry.outcome.record);
    return { entry, claims, digest: digestOf(entry.op) };
  } catch (cause) {
    throw new TriplaneError("outbox_damaged", `${path}: ${toTriplaneError(cause).message}`, { cause, details: { path } });
  }
}

export function writeEntry(entry: OutboxEntry): string {
  return `${JSON.stringify(entry, undefined, 2)}\n`;
}
