// What the mirror needs of the outside besides the bus: the ledger, the policy, a place for what is not a record.
import type { AuditRecord, Did } from "@triplane/contract";
import type { CheckedRecord, LedgerWriter, SuccessionGrounds } from "@triplane/ledger";

/** Opens the ledger for writing; called again after a failed write. Throws failures of the ledger. */
export type OpenLedger = () => Promise<LedgerWriter>;

/** Runs the decision inside a record again, under the policy that it names. What the record carries was verified just before, and need not be again. */
export interface DecisionChecker {
  /** Throws `chain_broken` where the decision does not follow; `unavailable` where the policy cannot be had now. */
  check(record: AuditRecord, carried: Pick<CheckedRecord, "admission" | "op">): Promise<void>;
}

/** What allows a key to take the ledger over. */
export interface SuccessionCheck {
  /** The approved policy that names the key as the ops-controller's. Throws `succession_unapproved` where it names another. */
  groundsFor(successor: Did): Promise<SuccessionGrounds>;
}

/** Something that came on the audit stream and cannot go into the ledger. */
export interface SetAside {
  /** Digest of the bytes; names the file. */
  readonly digest: string;
  readonly code: string;
  readonly message: string;
  readonly streamSeq: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** On disk when it returns. Keeping the same bytes twice is one file. */
export type KeepAside = (item: SetAside) => Promise<void>;
