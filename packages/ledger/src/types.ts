// What other rooms see of governed repositories and of the ledger.
import type { AuditRecord, Did, Digest } from "@triplane/contract";
import type { NumberedLine } from "./ledger/verify-record.ts";

/** What a reader pins out of band: the RID alone does not fix the identity's root commit. */
export interface RepositoryPin {
  readonly rid: string;
  /** Commit id of the identity's root. */
  readonly identityRoot: string;
}

/** The canonical head as distinct delegates signed it, stricter than Radicle counts (ADR-006). */
export interface ApprovedHead {
  readonly commit: string;
  readonly branch: string;
  readonly threshold: number;
  readonly delegates: readonly Did[];
  /** Delegates whose signed head is at or after the commit. */
  readonly signedBy: readonly Did[];
  /** Entry of the identity document in force; a reader that remembers it passes it as `knownRevision` next time. */
  readonly identityRevision: string;
}

/** Position of a ledger: what a reader remembers and compares. */
export interface Checkpoint {
  readonly size: number;
  /** Root of the Merkle tree over the records (RFC 6962 hashing), base64. */
  readonly root: string;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** The C2SP signed note, exact bytes. */
  readonly note: string;
}

export interface LedgerEntry {
  readonly index: number;
  /** The op's jti, or the digest of the submitted bytes. */
  readonly subject: string;
  readonly record: AuditRecord;
  readonly commit: string;
}

/** A problem that verification found; the first one names the record. */
export interface LedgerProblem {
  readonly code:
    | "ledger_record_invalid"
    | "ledger_chain_broken"
    | "ledger_tree_invalid"
    | "ledger_sequence_gap"
    | "identity_invalid"
    | "sigrefs_invalid"
    | "delegates_invalid"
    | "rid_mismatch"
    | "git_failed";
  readonly message: string;
  readonly index?: number;
  readonly subject?: string;
  readonly commit?: string;
}

/** Numbers of a key that the ledger does not have although it has a higher one: in flight, or left out. */
export interface MissingNumbers {
  /** Who numbered them; `#break-glass` follows where it is about ops that broke the glass. */
  readonly key: NumberedLine;
  readonly from: number;
  readonly to: number;
  /** Record that shows the gap: the one with the next higher number. */
  readonly seenAtIndex: number;
  /** Seconds since 1970 at which that higher number was decided. */
  readonly decidedAtS: number;
}

/** One key handed the ledger over to another: records from `size` on are the new one's. */
export interface LedgerSuccession {
  readonly from: Did;
  readonly to: Did;
  readonly size: number;
  /** The policy commit that names the new key. */
  readonly policyCommit: string;
  /** Seconds since 1970. */
  readonly atS: number;
}

export interface LedgerReport {
  readonly ok: boolean;
  readonly size: number;
  readonly head: string | undefined;
  readonly chainHead: Digest | undefined;
  readonly checkpoint: Checkpoint | undefined;
  /** The first one names the first bad record. */
  readonly problems: readonly LedgerProblem[];
  readonly workspace: string | undefined;
  /** The ops-controller's key now. */
  readonly controller: Did | undefined;
  /** Who handed the ledger over to whom, oldest first. */
  readonly successions: readonly LedgerSuccession[];
  /** False for a plain clone, which has no signed refs: commits and checkpoint were verified against the pinned key instead. */
  readonly signedRefs: boolean;
  /** All gaps; only those older than the grace are problems. */
  readonly missing: readonly MissingNumbers[];
  /** Records that an earlier verification found right and this one did not look at again; 0 without a memory. */
  readonly verifiedBefore: number;
}
