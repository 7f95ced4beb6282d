// The counters of keys as this keeper wrote them last, so that a key's next op needs no read.
//
// 1. Nothing here decides by itself: what is decided on it is recorded by compare-and-set, and a write that was lost, or of which
//    nothing is known, makes the key forgotten. `no-fail-open`
// 2. Only "this is the next number" is taken from here. A repeat, a gap or a fork is judged by what the bucket holds now,
//    because a person may have admitted in the meantime.

import type { Op } from "@triplane/contract";
import { RECORD_KEYS, type SequenceRecord } from "./records.ts";

/** Where a key stands. */
export interface Counter {
  /** Of the bucket's entry; undefined where the key has none. */
  readonly revision: number | undefined;
  /** Newest first, as far as they are known. */
  readonly records: readonly SequenceRecord[];
}

const MAX_KEYS = 1024;

export class Counters {
  readonly #known = new Map<string, Counter>();

  /** The counter under which all these ops of one key, in this order, have the next numbers; undefined where one has not. */
  ifNext(ops: readonly Op[]): Counter | undefined {
    const [first] = ops;
    const known = first === undefined ? undefined : this.#known.get(RECORD_KEYS.sequence(first.claims.iss));
    const last = known?.records[0]?.seq;
    return last !== undefined && ops.every((op, index) => op.claims.seq === last + 1 + index) ? known : undefined;
  }

  /** Remembers what was just written. */
  set(key: string, revision: number, newest: SequenceRecord): void {
    if (this.#known.size >= MAX_KEYS) this.#known.clear();
    this.#known.set(key, { revision, records: [newest] });
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}
