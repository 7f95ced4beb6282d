// Sequence numbers per key: contiguous from 1, each used once. A number that never comes proves an omission.
import type { Did } from "@triplane/contract";
import type { MissingNumbers } from "../types.ts";
import type { SequenceUse } from "./verify-record.ts";

interface Seen {
  readonly index: number;
  readonly decidedAtS: number;
}

export class Sequences {
  readonly #keys = new Map<Did, Map<number, Seen>>();

  /** Index of the earlier record that used the same number, or undefined. */
  use(sequence: SequenceUse, index: number): number | undefined {
    const numbers = this.#keys.get(sequence.key) ?? new Map<number, Seen>();
    this.#keys.set(sequence.key, numbers);
    const earlier = numbers.get(sequence.seq);
    if (earlier !== undefined) return earlier.index;
    numbers.set(sequence.seq, { index, decidedAtS: sequence.decidedAtS });
    return undefined;
  }

  /** Ops wait for people and for their target, so records do not come in the order of their numbers; this looks at the end. */
  missing(): MissingNumbers[] {
    const gaps: MissingNumbers[] = [];
    for (const [key, numbers] of this.#keys) {
      let expected = 1;
      for (const seq of [...numbers.keys()].sort((a, b) => a - b)) {
        const seen = numbers.get(seq);
        if (seq > expected && seen !== undefined) {
          gaps.push({ key, from: expected, to: seq - 1, seenAtIndex: seen.index, decidedAtS: seen.decidedAtS });
        }
        expected = seq + 1;
      }
    }
    return gaps.sort((a, b) => a.seenAtIndex - b.seenAtIndex);
  }
}
