// Takes up what another controller accepted and did not end.
//
// One that lost the lease without knowing may accept and ack an op after this one looked, where both use one database server. What it
// accepted came before whatever is on the stream behind it, so it is taken up first: nothing overtakes an older op of its target.
import type { Records } from "./adapters/store-records.ts";
import type { Applier } from "./applier.ts";
import type { Positions } from "./positions.ts";

export interface TakeUpParts {
  readonly records: Pick<Records, "lastPosition" | "unfinished">;
  readonly positions: Positions;
  readonly applier: Pick<Applier, "resume">;
}

export class TakeUp {
  readonly #parts: TakeUpParts;
  #lastSeq = 0;

  constructor(parts: TakeUpParts) {
    this.#parts = parts;
  }

  async look(): Promise<void> {
    const { records, positions, applier } = this.#parts;
    positions.notBelow(await records.lastPosition(positions.last));
    applier.resume(await records.unfinished());
  }

  /** Before a message is taken in. Numbers of the stream that never came here went to somebody else. */
  async before(streamSeq: number): Promise<void> {
    if (streamSeq > this.#lastSeq + 1) await this.look();
    this.#lastSeq = Math.max(this.#lastSeq, streamSeq);
  }
}
