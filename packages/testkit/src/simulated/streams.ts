// Streams, durable consumers and key-value buckets as JetStream has them, in memory and in virtual time. What is in here survives the
// broker's end.

import type { BusMessage, StreamState } from "@triplane/bus";
import { type ConsumerSettings, type StreamSettings, TriplaneError } from "@triplane/contract";
import { decodeText } from "./text.ts";

const NANOS_PER_MS = 1_000_000;

export interface Stored {
  readonly seq: number;
  readonly subject: string;
  readonly raw: Uint8Array;
  readonly text: string | undefined;
  readonly storedAtMs: number;
}

export type StreamShape = Pick<StreamSettings, "name" | "subjects" | "retention" | "max_msgs_per_subject" | "max_msg_size">;

export class SimulatedStream {
  readonly shape: StreamShape;
  readonly messages = new Map<number, Stored>();
  readonly #bySubject = new Map<string, number[]>();
  #lastSeq = 0;

  constructor(shape: StreamShape) {
    this.shape = shape;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  takes(subject: string): boolean {
    return this.shape.subjects.some((filter) => matches(filter, subject));
  }

  state(): StreamState {
    const [first] = this.messages.keys();
    return { messages: this.messages.size, firstSeq: first ?? this.#lastSeq + 1, lastSeq: this.#lastSeq };
  }

  /** Returns the sequence number. Throws `token_too_large`. */
  publish(subject: string, raw: Uint8Array, nowMs: number): number {
    if (raw.length > this.shape.max_msg_size)
      throw new TriplaneError("token_too_large", `publish to ${subject}: larger than the stream takes`);
    this.#lastSeq += 1;
    const seq = this.#lastSeq;
    this.messages.set(seq, { seq, subject, raw, text: decodeText(raw), storedAtMs: Math.floor(nowMs) });
    const ofSubject = this.#bySubject.get(subject) ?? [];
    this.#bySubject.set(subject, ofSubject);
    ofSubject.push(seq);
    const limit = this.shape.max_msgs_per_subject;
    while (limit > 0 && ofSubject.length > limit) this.messages.delete(ofSubject.shift() ?? 0);
    return seq;
  }

  remove(seq: number): void {
    const stored = this.messages.get(seq);
    if (stored === undefined) return;
    this.messages.delete(seq);
    const ofSubject = this.#bySubject.get(stored.subject) ?? [];
    ofSubject.splice(ofSubject.indexOf(seq), 1);
  }

  lastSeqOf(subject: string): number {
    return this.#bySubject.get(subject)?.at(-1) ?? 0;
  }

  last(subject: string): Stored | undefined {
    return this.messages.get(this.lastSeqOf(subject));
  }

  all(filter: string): readonly Stored[] {
    return [...this.messages.values()].filter(({ subject }) => matches(filter, subject));
  }

  lastOfEach(filter: string): readonly Stored[] {
    const latest = new Map(this.all(filter).map((stored) => [stored.subject, stored]));
    return [...latest.values()].sort((a, b) => a.seq - b.seq);
  }
}

interface Unsettled {
  deliveries: number;
  /** When it is due again. */
  dueMs: number;
}

export interface Delivery {
  readonly stored: Stored;
  readonly deliveries: number;
}

export class SimulatedConsumer {
  readonly stream: SimulatedStream;
  readonly settings: ConsumerSettings;
  readonly #unsettled = new Map<number, Unsettled>();
  #delivered = 0;

  constructor(stream: SimulatedStream, settings: ConsumerSettings) {
    this.stream = stream;
    this.settings = settings;
  }

  get ackWaitMs(): number {
    return this.settings.ack_wait / NANOS_PER_MS;
  }

  get unacked(): number {
    return this.#unsettled.size;
  }

  get pending(): number {
    let count = 0;
    for (const stored of this.stream.messages.values()) if (stored.seq > this.#delivered && this.#takes(stored)) count += 1;
    return count;
  }

  get ackFloorSeq(): number {
    return this.#unsettled.size === 0 ? this.#delivered : Math.min(...this.#unsettled.keys()) - 1;
  }

  /** What can be handed out now: what is due again, oldest first, then what is new. */
  take(nowMs: number): Delivery | undefined {
    const again = this.#dueAgain(nowMs);
    if (again !== undefined) return again;
    if (this.#unsettled.size >= this.settings.max_ack_pending) return undefined;
    for (const stored of this.stream.messages.values()) {
      if (stored.seq <= this.#delivered || !this.#takes(stored)) continue;
      this.#delivered = stored.seq;
      this.#unsettled.set(stored.seq, { deliveries: 1, dueMs: nowMs + this.ackWaitMs });
      return { stored, deliveries: 1 };
    }
    return undefined;
  }

  /** When the next unsettled message is due again. */
  nextDueMs(): number | undefined {
    let least: number | undefined;
    for (const { dueMs } of this.#unsettled.values()) if (least === undefined || dueMs < least) least = dueMs;
    return least;
  }

  /** Also the ack of a delivery that has run out counts. True where the message was still unsettled. */
  settle(seq: number): boolean {
    if (!this.#unsettled.delete(seq)) return false;
    if (this.stream.shape.retention === "workqueue") this.stream.remove(seq);
    return true;
  }

  postpone(seq: number, untilMs: number): void {
    const unsettled = this.#unsettled.get(seq);
    if (unsettled !== undefined) unsettled.dueMs = untilMs;
  }

  #dueAgain(nowMs: number): Delivery | undefined {
    for (const seq of [...this.#unsettled.keys()].sort((a, b) => a - b)) {
      const unsettled = this.#unsettled.get(seq);
      if (unsettled === undefined || unsettled.dueMs > nowMs) continue;
      const stored = this.stream.messages.get(seq);
      if (stored === undefined) {
        this.#unsettled.delete(seq);
        continue;
      }
      unsettled.deliveries += 1;
      unsettled.dueMs = nowMs + this.ackWaitMs;
      return { stored, deliveries: unsettled.deliveries };
    }
    return undefined;
  }

  #takes(stored: Stored): boolean {
    return matches(this.settings.filter_subject, stored.subject);
  }
}

export function readStored(stored: Stored): BusMessage {
  const { subject, text, raw, seq, storedAtMs } = stored;
  return { subject, text, raw, streamSeq: seq, deliveries: 0, storedAtMs };
}

/** `*` stands for one token, `>` at the end for all that follow. */
export function matches(filter: string, subject: string): boolean {
  if (filter === subject) return true;
  const wanted = filter.split(".");
  const tokens = subject.split(".");
  for (const [index, want] of wanted.entries()) {
    if (want === ">") return tokens.length > index;
    if (tokens[index] === undefined || (want !== "*" && want !== tokens[index])) return false;
  }
  return wanted.length === tokens.length;
}
