// Sequence numbers per key: contiguous from 1, each used once. A number that never comes proves an omission.
//
// Kept as ranges: what it costs is the number of gaps, not of numbers, and it can be written down and taken up again.
import type { MissingNumbers } from "../types.ts";
import type { NumberedLine, SequenceUse } from "./verify-record.ts";

/** Numbers `from` to `to` without a gap; `seenAtIndex` and `decidedAtS` are those of `from`. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
  readonly seenAtIndex: number;
  readonly decidedAtS: number;
}

export type SequenceState = readonly (readonly [key: NumberedLine, ranges: readonly NumberRange[]])[];

export class Sequences {
  readonly #keys = new Map<NumberedLine, NumberRange[]>();

  constructor(state: SequenceState = []) {
    for (const [key, ranges] of state) this.#keys.set(key, [...ranges]);
  }

  /** False where an earlier record used the same number. */
  use(sequence: SequenceUse, index: number): boolean {
    const { key, seq, decidedAtS } = sequence;
    const ranges = this.#keys.get(key) ?? [];
    this.#keys.set(key, ranges);
    // Numbers come nearly in order, so the place is at or near the end.
    let at = ranges.length;
    while (at > 0 && (ranges[at - 1]?.from ?? 0) > seq) at -= 1;
    const [before, next] = [ranges[at - 1], ranges[at]];
    if (before !== undefined && seq <= before.to) return false;
    const joinsBefore = before !== undefined && before.to + 1 === seq;
    const joinsNext = next !== undefined && next.from === seq + 1;
    const start = joinsBefore ? before : { from: seq, seenAtIndex: index, decidedAtS };
    const joined = { from: start.from, seenAtIndex: start.seenAtIndex, decidedAtS: start.decidedAtS, to: joinsNext ? next.to : seq };
    ranges.splice(joinsBefore ? at - 1 : at, Number(joinsBefore) + Number(joinsNext), joined);
    return true;
  }

  /** Ops wait for people and for their target, so records do not come in the order of their numbers; this looks at the end. */
  missing(): MissingNumbers[] {
    const gaps: MissingNumbers[] = [];
    for (const [key, ranges] of this.#keys) {
      let expected = 1;
      for (const { from, to, seenAtIndex, decidedAtS } of ranges) {
        if (from > expected) gaps.push({ key, from: expected, to: from - 1, seenAtIndex, decidedAtS });
        expected = to + 1;
      }
    }
    return gaps.sort((a, b) => a.seenAtIndex - b.seenAtIndex);
  }

  state(): SequenceState {
    return [...this.#keys].map(([key, ranges]) => [key, [...ranges]] as const);
  }
}
