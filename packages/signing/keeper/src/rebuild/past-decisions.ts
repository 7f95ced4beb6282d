// What the keeper has to remember of decisions that were made, worked out from the decisions themselves. Pure.
//
// 1. A number that was consumed stays taken, for the op that took it. `no-fail-open`
// 2. A number below the highest that no decision consumed stays open: its op may still be on its way, and must not be lost.
import { type Did, type Digest, parseToken, subjects, TriplaneError, verifyAdmission, verifyOp, verifyRefusal } from "@triplane/contract";
import { type Policy, signerOf } from "@triplane/policy";
import { addUse } from "../facts.ts";
import { RECORD_KEYS, type SequenceRecord, type SettledRecord, type Use } from "../records.ts";

/** Revisions that the bucket keeps of a key. */
const HISTORY = 64;
/** Most open numbers that a key's record holds, the highest ones; those below count as taken. */
export const MAX_MISSING = 1000;

interface Taken {
  readonly seq: number;
  readonly opDigest: Digest;
  readonly text: string;
}

interface KeyBook {
  readonly numbers: Set<number>;
  /** The highest numbers, in any order, a few more than are kept. */
  newest: Taken[];
  readonly uses: Use[];
}

/** A record to be created under a key of the bucket. */
export interface SettledEntry {
  readonly key: string;
  readonly record: SettledRecord;
}

export interface KeyRecords {
  readonly did: Did;
  /** Oldest first, as they follow one another in the bucket. */
  readonly records: readonly SequenceRecord[];
}

/** Refusals that are recorded although they consumed no number; the others were of bytes that are no op of a known key. */
const REMEMBERED: ReadonlySet<string> = new Set(["jti_reused", "poisoned"]);
/** Refusals that only the end of a review has. */
const FROM_REVIEW: ReadonlySet<string> = new Set(["review_rejected", "review_expired", "op_withdrawn"]);

export class PastDecisions {
  readonly #command: string;
  readonly #keys = new Map<Did, KeyBook>();

  constructor(workspace: string) {
    this.#command = subjects(workspace).cmd;
  }

  /** Takes in an admission or a refusal that was verified before. Returns what has to be recorded beside the key's numbers. */
  take(compact: string): readonly SettledEntry[] {
    return isAdmission(compact) ? this.#admission(compact) : this.#refusal(compact);
  }

  /** Keys with at least one number taken. */
  get keys(): number {
    return this.#keys.size;
  }

  /** Numbers of a key that a decision consumed. */
  numbersOf(did: Did): ReadonlySet<number> {
    return this.#keys.get(did)?.numbers ?? new Set();
  }

  /** Open numbers of every key, for people. */
  missing(): readonly { readonly did: Did; readonly numbers: readonly number[] }[] {
    return [...this.#keys].flatMap(([did, book]) => {
      const numbers = missingOf(book.numbers);
      return numbers.length === 0 ? [] : [{ did, numbers }];
    });
  }

  /** What the bucket has to hold for each key; rates and budgets are counted up to `nowS` under the policy in force. */
  *records(policy: Policy, nowS: number): Generator<KeyRecords> {
    for (const [did, book] of this.#keys) {
      const chain = book.newest.toSorted((a, b) => a.seq - b.seq).slice(-HISTORY);
      const principal = signerOf(policy, did)?.principal ?? "";
      const uses = book.uses.toSorted((a, b) => a.at - b.at);
      const missing = missingOf(book.numbers);
      const records = chain.map(({ seq, opDigest, text }, index): SequenceRecord => {
        const record = { seq, op_digest: opDigest, output: { subject: this.#command, text }, uses: [] };
        if (index < chain.length - 1) return record;
        return { ...record, uses: [...addUse(uses, undefined, { policy, principal, nowS })], ...(missing.length === 0 ? {} : { missing }) };
      });
      yield { did, records };
    }
  }

  #admission(compact: string): readonly SettledEntry[] {
    const { claims } = verifyAdmission(compact);
    const { iss, seq, jti } = verifyOp(claims.op).claims;
    // No keeper saw it or counted it.
    if (claims.basis === "break_glass") return [];
    const rule = claims.basis === "auto" ? { rule: claims.rule } : {};
    this.#consume(iss, { seq, opDigest: claims.op_digest, text: compact }, { at: claims.decided_at, jti, ...rule });
    const wasReview = claims.basis !== "auto" || claims.facts.open_since !== undefined;
    return wasReview ? [this.#settled(RECORD_KEYS.review(jti), claims.op_digest, compact)] : [];
  }

  #refusal(compact: string): readonly SettledEntry[] {
    const { claims } = verifyRefusal(compact);
    const op = claims.op === undefined ? undefined : verifyOp(claims.op).claims;
    if (!claims.consumes_seq) {
      if (op === undefined && !REMEMBERED.has(claims.code)) return [];
      return [this.#settled(RECORD_KEYS.refused(claims.op_digest), claims.op_digest, compact)];
    }
    if (op === undefined) throw new TriplaneError("chain_broken", "a refusal without an op cannot consume a number");
    this.#consume(op.iss, { seq: op.seq, opDigest: claims.op_digest, text: compact }, undefined);
    const wasReview = claims.approvals.length > 0 || claims.facts.open_since !== undefined || FROM_REVIEW.has(claims.code);
    return wasReview ? [this.#settled(RECORD_KEYS.review(op.jti), claims.op_digest, compact)] : [];
  }

  #consume(did: Did, taken: Taken, use: Use | undefined): void {
    const book = this.#keys.get(did) ?? { numbers: new Set(), newest: [], uses: [] };
    this.#keys.set(did, book);
    if (book.numbers.has(taken.seq)) return;
    book.numbers.add(taken.seq);
    book.newest.push(taken);
    // Records come nearly in the order of their numbers, so that sorting now and then is enough.
    if (book.newest.length >= 4 * HISTORY) book.newest = book.newest.sort((a, b) => a.seq - b.seq).slice(-HISTORY);
    if (use !== undefined) book.uses.push(use);
  }

  #settled(key: string, opDigest: Digest, text: string): SettledEntry {
    return { key, record: { op_digest: opDigest, output: { subject: this.#command, text } } };
  }
}

/** Ascending; the highest ones where there are too many. */
function missingOf(numbers: ReadonlySet<number>): number[] {
  const missing: number[] = [];
  let highest = 0;
  for (const seq of numbers) highest = Math.max(highest, seq);
  for (let seq = highest - 1; seq >= 1 && missing.length < MAX_MISSING; seq -= 1) if (!numbers.has(seq)) missing.push(seq);
  return missing.reverse();
}

function isAdmission(compact: string): boolean {
  try {
    parseToken(compact, "admission+jwt");
    return true;
  } catch (thrown) {
    if (thrown instanceof TriplaneError && thrown.code === "typ_refused") return false;
    throw thrown;
  }
}
