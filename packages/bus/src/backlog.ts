// How many messages wait for a consumer, and for how long the first of them has been waiting. For people: nothing decides by it.
import type { Clock } from "@triplane/contract";
import type { Bus, WorkMessage } from "./types.ts";

/** A metric, or anything else that takes a number. */
interface Shown {
  set(value: number): void;
}

export interface BacklogParts {
  readonly bus: Pick<Bus, "consumerState">;
  readonly stream: string;
  readonly durable: string;
  readonly clock: Clock;
  readonly depth: Shown;
  /** In seconds. */
  readonly oldest: Shown;
}

/** Messages whose time is kept: more than a consumer may hold without an ack. */
const MAX_KNOWN = 1024;

export class Backlog {
  readonly #parts: BacklogParts;
  readonly #storedAtMs = new Map<number, number>();
  /** Where the consumer stood when it was looked at, and since when: the age of what nobody has read yet is not known better. */
  #stands: { readonly floor: number; readonly sinceMs: number } | undefined;

  constructor(parts: BacklogParts) {
    this.#parts = parts;
  }

  /** Messages came; the same one may come any number of times. */
  came(messages: readonly Pick<WorkMessage, "streamSeq" | "storedAtMs">[]): void {
    for (const { streamSeq, storedAtMs } of messages) if (this.#storedAtMs.size < MAX_KNOWN) this.#storedAtMs.set(streamSeq, storedAtMs);
  }

  /** Never throws: while the broker is away the figures stay as they are, and the age grows. */
  async look(): Promise<void> {
    const { bus, stream, durable, clock, depth, oldest } = this.#parts;
    const state = await bus.consumerState(stream, durable).catch(() => undefined);
    const nowMs = clock.nowMs();
    if (state !== undefined) {
      const waiting = state.pending + state.unacked;
      depth.set(waiting);
      for (const streamSeq of this.#storedAtMs.keys()) if (streamSeq <= state.ackFloorSeq) this.#storedAtMs.delete(streamSeq);
      if (waiting === 0) this.#stands = undefined;
      else if (this.#stands?.floor !== state.ackFloorSeq) this.#stands = { floor: state.ackFloorSeq, sinceMs: nowMs };
    }
    if (this.#stands === undefined) {
      oldest.set(0);
      return;
    }
    const since = Math.min(this.#stands.sinceMs, ...this.#storedAtMs.values());
    oldest.set(Math.max(0, nowMs - since) / 1000);
  }
}
