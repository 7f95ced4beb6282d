// All that can be checked about a batch's records without knowing the records before them: every signature, and every hash.
// It runs on any thread, so that all cores verify one ledger.
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import type { LedgerProblem } from "../types.ts";
import { hashRecord } from "./batch.ts";
import { decodeRecords } from "./layout.ts";
import { HASH_BYTES } from "./merkle.ts";
import { problemCode } from "./problem.ts";
import { type CheckedRecord, checkRecord, type RecordRules, type SequenceUse } from "./verify-record.ts";
import { subjectOfRecord } from "./working-copy.ts";

/** What the rest of the verification needs of a record; what crosses between threads is plain and small. */
export interface RecordFacts {
  readonly subject: string;
  readonly sequence: SequenceUse | undefined;
}

export interface CheckedBatch {
  /** Records before the first that is wrong. */
  readonly records: readonly RecordFacts[];
  /** Leaf and link of each of them, 64 bytes a record. */
  readonly hashes: Uint8Array;
  /** The audience of the first record. */
  readonly audience: string | undefined;
  readonly failure: BatchFailure | undefined;
}

/** Why the record after those is refused; without `isRecord` the file as a whole is. */
export interface BatchFailure {
  readonly isRecord: boolean;
  readonly subject: string | undefined;
  readonly code: LedgerProblem["code"];
  readonly message: string;
}

/** A further check of a record that was found right. */
export type RecordCheck = (checked: CheckedRecord) => void | Promise<void>;

/** Never throws for what the records say. */
export async function checkBatch(content: Buffer, rules: RecordRules, check?: RecordCheck): Promise<CheckedBatch> {
  const records: RecordFacts[] = [];
  const hashes: Buffer[] = [];
  let audience = rules.audience;
  const result = (failure: BatchFailure | undefined): CheckedBatch => ({
    records,
    hashes: new Uint8Array(Buffer.concat(hashes)),
    audience,
    failure,
  });
  let compacts: readonly string[];
  try {
    compacts = decodeRecords(content);
  } catch (thrown) {
    return result({ ...failureOf(thrown, "git_failed"), isRecord: false, subject: undefined });
  }
  for (const compact of compacts) {
    let subject: string | undefined;
    try {
      const checked = checkRecord(compact, { ...rules, audience });
      const { record, sequence } = checked;
      subject = record.claims.subject;
      audience ??= record.claims.aud;
      await check?.(checked);
      const { leaf, link } = hashRecord(subject, compact);
      hashes.push(leaf, link);
      records.push({ subject, sequence });
    } catch (thrown) {
      return result({ ...failureOf(thrown, "ledger_record_invalid"), isRecord: true, subject: subject ?? subjectOfRecord(compact) });
    }
  }
  return result(undefined);
}

/** Leaf and link of the record at this place of a batch. */
export function hashesAt(hashes: Uint8Array, at: number): { readonly leaf: Buffer; readonly link: Buffer } {
  const start = hashes.byteOffset + at * 2 * HASH_BYTES;
  return { leaf: Buffer.from(hashes.buffer, start, HASH_BYTES), link: Buffer.from(hashes.buffer, start + HASH_BYTES, HASH_BYTES) };
}

function failureOf(thrown: unknown, fallback: LedgerProblem["code"]): Pick<BatchFailure, "code" | "message"> {
  const { message } = thrown instanceof TriplaneError ? thrown : toTriplaneError(thrown, fallback);
  return { code: problemCode(thrown, fallback), message };
}
