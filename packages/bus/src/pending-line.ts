// Messages of a work queue in the order of their stream, although the broker has several out at once.
//
// 1. A message is handed out only when every earlier one of the stream was handed out here before it, or is settled: who takes an op
//    before its predecessor refuses it for a gap, or applies it to a state that it does not know. `every-command-lands`
// 2. A message stays here until it is said to be done; one that comes again takes the place of the copy that is held.
// 3. What earlier messages are about is asked of the broker, and only where the numbers of the stream do not tell it.
import type { Clock } from "@triplane/contract";
import type { ConsumerState, WorkConsumer, WorkMessage } from "./types.ts";

export interface PendingLineOptions {
  readonly consumer: WorkConsumer;
  /** How far the consumer is, as the broker says. */
  readonly state: () => Promise<ConsumerState>;
  readonly clock: Clock;
  /** Most messages that are held; where all of them wait for earlier ones, up to as many as the broker lets out. */
  readonly max: number;
  /** Ask for the next messages while these are worked off. */
  readonly ahead: boolean;
}

export interface TakeOptions {
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}

/** How long to wait for new messages while those that are held have to wait for others. */
const OUT_OF_TURN_WAIT_MS = 100;
/** A part of the consumer's ack wait of ten seconds. */
const KEEP_EVERY_MS = 3000;
/** By then a message that the broker gave to nobody has come again: the ack wait, and some more. */
const COMES_AGAIN_MS = 12_000;

export class PendingLine {
  readonly #options: PendingLineOptions;
  readonly #held = new Map<number, WorkMessage>();
  /** Everything before this number of the stream was decided on, by whomever. */
  #next: number | undefined;
  #pull: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #keptAtMs: number | undefined;
  /** The lowest message that is held, since it is out of turn although the broker counts no other as out. */
  #blocked: { readonly streamSeq: number; readonly sinceMs: number } | undefined;

  constructor(options: PendingLineOptions) {
    this.#options = options;
  }

  /** The messages whose turn it is, in order; none where none came in time, or others hold earlier ones. */
  async take(options: TakeOptions): Promise<readonly WorkMessage[]> {
    let turn = this.#inTurn();
    if (turn.length === 0) {
      await this.#filled(options);
      const failure = this.#failure;
      this.#failure = undefined;
      if (failure !== undefined) throw failure.error;
      turn = this.#inTurn();
      if (turn.length === 0 && this.#held.size > 0 && (await this.#isFirst())) turn = this.#inTurn();
    }
    this.keep();
    if (this.#options.ahead && turn.length > 0) void this.#filled(options);
    return turn;
  }

  /** Says that a message was decided on, recorded and published. */
  done(message: WorkMessage): void {
    this.#held.delete(message.streamSeq);
    if (this.#next !== undefined) this.#next = Math.max(this.#next, message.streamSeq + 1);
  }

  /** Tells the broker that those that wait are not forgotten; `take` does it, too, and more often than needed is no more. */
  keep(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#keptAtMs ??= nowMs;
    if (nowMs - this.#keptAtMs < KEEP_EVERY_MS) return;
    this.#keptAtMs = nowMs;
    for (const message of this.#held.values()) message.working();
  }

  /** Gives everything back that is held. To be called last; `take`'s signal has fired, or nothing is being taken. */
  async giveBack(delayMs: number): Promise<void> {
    await this.#pull;
    for (const message of this.#held.values()) message.retryLater(delayMs);
    this.#held.clear();
    this.#next = undefined;
    this.#blocked = undefined;
  }

  /** Held messages from the lowest on, as far as nothing is missing before them. */
  #inTurn(): readonly WorkMessage[] {
    const turn: WorkMessage[] = [];
    let next = this.#next;
    for (const message of this.#sorted()) {
      if (next === undefined || message.streamSeq > next) break;
      turn.push(message);
      next = Math.max(next, message.streamSeq + 1);
    }
    return turn;
  }

  #sorted(): readonly WorkMessage[] {
    return [...this.#held.values()].sort((a, b) => a.streamSeq - b.streamSeq);
  }

  /** One pull at a time; what it throws is told by the next `take` that waits for it. */
  #filled(options: TakeOptions): Promise<void> {
    if (this.#pull !== undefined) return this.#pull;
    const pull = this.#fill(options)
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        if (this.#pull === pull) this.#pull = undefined;
      });
    this.#pull = pull;
    return pull;
  }

  async #fill({ waitMs, signal }: TakeOptions): Promise<void> {
    const { consumer, max } = this.#options;
    const isBlocked = this.#held.size > 0 && this.#inTurn().length === 0;
    // What is missing in front comes again only to a pull that has room for it.
    const room = isBlocked ? max : max - this.#held.size;
    if (room > 0) {
      const wait = isBlocked ? Math.min(waitMs, OUT_OF_TURN_WAIT_MS) : waitMs;
      const messages = await consumer.batch({ max: room, waitMs: wait, ...(signal === undefined ? {} : { signal }) });
      for (const message of messages) this.#held.set(message.streamSeq, message);
    }
  }

  /**
   * Whether nobody else holds a message before the first of ours. What the broker counts as out says so only where everything that is held
   * here counts there as well: one that was killed forgets deliveries, and lets those that went to nobody come again after the ack wait.
   */
  async #isFirst(): Promise<boolean> {
    const held = this.#held.size;
    const { ackFloorSeq, unacked } = await this.#options.state();
    const [first] = this.#sorted();
    if (first === undefined) return false;
    const isFloor = ackFloorSeq >= first.streamSeq - 1;
    if (!isFloor && (unacked > held || !(this.#next === undefined || this.#waitedFor(first.streamSeq)))) {
      if (unacked > held) this.#blocked = undefined;
      return false;
    }
    this.#blocked = undefined;
    this.#next = first.streamSeq;
    return true;
  }

  #waitedFor(streamSeq: number): boolean {
    const nowMs = this.#options.clock.nowMs();
    if (this.#blocked?.streamSeq !== streamSeq) this.#blocked = { streamSeq, sinceMs: nowMs };
    return nowMs - this.#blocked.sinceMs >= COMES_AGAIN_MS;
  }
}
