// Where an op stands among the ops of its key: one counter per (workspace, key), strictly by one.
import type { Digest } from "@triplane/contract";
import type { SequenceRecord } from "./records.ts";

export type SequencePlace =
  /** The next number: the op is taken in. */
  | { readonly at: "next" }
  /** These very bytes were taken in before: the recorded output is given again. */
  | { readonly at: "repeat"; readonly record: SequenceRecord }
  /** A number that a rebuild from the ledger left open, because its op may still be on its way. */
  | { readonly at: "late" }
  /** Another op of this key has the number: the key is copied, or its signer is broken. */
  | { readonly at: "fork"; readonly other: Digest; readonly expected: number }
  /** Too high, or so old that the bucket no longer tells a repeat from a fork. */
  | { readonly at: "gap"; readonly expected: number };

/** `history` is newest first and may be cut off at its old end; its first record is the latest. */
export function placeInSequence(seq: number, digest: Digest, history: readonly SequenceRecord[]): SequencePlace {
  const expected = (history[0]?.seq ?? 0) + 1;
  if (seq === expected) return { at: "next" };
  const same = history.find((record) => record.seq === seq);
  if (same === undefined && history[0]?.missing?.includes(seq) === true) return { at: "late" };
  if (same === undefined) return { at: "gap", expected };
  return same.op_digest === digest ? { at: "repeat", record: same } : { at: "fork", other: same.op_digest, expected };
}
