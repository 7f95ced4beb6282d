// A broker in virtual time: streams, consumers, buckets, and those who wait for messages.
//
// 1. What is published, acked or written is kept, as a whole, before anything is answered.
// 2. Its end loses what it had not received yet, and who waited; nothing else.
import type { ConsumerState } from "@triplane/bus";
import { bucketSettings, consumerSettings, streamSettings, TriplaneError } from "@triplane/contract";
import type { Scheduler } from "./scheduler.ts";
import { type Delivery, SimulatedConsumer, SimulatedStream, type Stored } from "./streams.ts";

/** Somebody who asked a consumer for messages. */
export interface Pull {
  readonly consumer: SimulatedConsumer;
  readonly expiresAtMs: number;
  readonly max: number;
  deliver(delivery: Delivery): void;
  /** No more will come. */
  end(): void;
}

/** Told of everything that comes to be or goes, at the moment at which it does. */
export interface BrokerWatcher {
  onStored?(stream: string, stored: Stored): void;
  onSettled?(stream: string, stored: Stored): void;
  onHandedOut?(stream: string, delivery: Delivery): void;
}

/** What the broker breaks when it ends, and restores when it is back. */
export interface BrokerLink {
  onBrokerDown(): void;
  onBrokerUp(): void;
}

export class SimulatedBroker {
  readonly workspace: string;
  readonly scheduler: Scheduler;
  readonly links = new Set<BrokerLink>();
  readonly watcher: BrokerWatcher;
  readonly #streams: ReadonlyMap<string, SimulatedStream>;
  readonly #consumers: ReadonlyMap<string, SimulatedConsumer>;
  readonly #looksAtMs = new Map<SimulatedConsumer, number>();
  #pulls: Pull[] = [];
  #isUp = true;

  constructor(scheduler: Scheduler, workspace: string, watcher: BrokerWatcher = {}) {
    this.workspace = workspace;
    this.scheduler = scheduler;
    this.watcher = watcher;
    const shapes = [
      ...streamSettings(workspace),
      ...bucketSettings(workspace).map(({ bucket, history }) => ({
        name: `KV_${bucket}`,
        subjects: [`$KV.${bucket}.>`],
        retention: "limits" as const,
        max_msgs_per_subject: history,
        max_msg_size: 128 * 1024,
      })),
    ];
    this.#streams = new Map(shapes.map((shape) => [shape.name, new SimulatedStream(shape)]));
    this.#consumers = new Map(
      consumerSettings(workspace).map((settings) => [
        `${settings.stream}/${settings.durable_name}`,
        new SimulatedConsumer(this.stream(settings.stream), settings),
      ]),
    );
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Throws `stream_missing`. */
  stream(name: string): SimulatedStream {
    const stream = this.#streams.get(name);
    if (stream === undefined) throw new TriplaneError("stream_missing", `there is no stream ${name}`);
    return stream;
  }

  /** Throws `stream_missing`. */
  consumer(stream: string, durable: string): SimulatedConsumer {
    const consumer = this.#consumers.get(`${stream}/${durable}`);
    if (consumer === undefined) throw new TriplaneError("stream_missing", `there is no consumer ${durable} of ${stream}`);
    return consumer;
  }

  /** Returns the sequence number. Throws `stream_missing`, `token_too_large`. */
  publish(subject: string, text: string): number {
    for (const [name, stream] of this.#streams) {
      if (name.startsWith("KV_") || !stream.takes(subject)) continue;
      const raw = Buffer.from(text);
      const seq = stream.publish(subject, raw, this.scheduler.nowMs);
      this.#told(name, stream.messages.get(seq));
      return seq;
    }
    throw new TriplaneError("stream_missing", `publish to ${subject}: nothing on the server answers there`);
  }

  /** A write to a bucket's key whose last revision must be the expected one. Undefined where it is not. */
  write(bucket: string, key: string, value: string, expectedRevision: number): number | undefined {
    const stream = this.stream(`KV_${bucket}`);
    const subject = `$KV.${bucket}.${key}`;
    if (stream.lastSeqOf(subject) !== expectedRevision) return undefined;
    const seq = stream.publish(subject, Buffer.from(value), this.scheduler.nowMs);
    this.#told(`KV_${bucket}`, stream.messages.get(seq));
    return seq;
  }

  consumerState(stream: string, durable: string): ConsumerState {
    const { pending, unacked, ackFloorSeq } = this.consumer(stream, durable);
    return { pending, unacked, ackFloorSeq };
  }

  /** Hands out what is there; where nothing is, waits for a message and hands out what came with it. */
  pull(pull: Pull): void {
    if (this.#serve(pull)) return;
    this.#pulls.push(pull);
    this.scheduler.plan(pull.expiresAtMs - this.scheduler.nowMs, undefined, () => this.#expire(pull));
    this.#watchDue(pull.consumer);
  }

  /** Whoever asked is gone. */
  forgetPull(pull: Pull): void {
    this.#pulls = this.#pulls.filter((each) => each !== pull);
  }

  settle(consumer: SimulatedConsumer, seq: number): void {
    const stored = consumer.stream.messages.get(seq);
    if (consumer.settle(seq) && stored !== undefined) this.watcher.onSettled?.(consumer.settings.stream, stored);
    this.#handOut(consumer);
  }

  postpone(consumer: SimulatedConsumer, seq: number, byMs: number): void {
    consumer.postpone(seq, this.scheduler.nowMs + byMs);
    this.#handOut(consumer);
  }

  /** Ends as by a power switch. */
  crash(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#pulls = [];
    this.scheduler.trace("broker", "dies");
    for (const link of this.links) link.onBrokerDown();
  }

  restart(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.scheduler.trace("broker", "is back");
    for (const link of this.links) link.onBrokerUp();
    for (const consumer of this.#consumers.values()) this.#watchDue(consumer);
  }

  #told(name: string, stored: Stored | undefined): void {
    if (stored !== undefined) this.watcher.onStored?.(name, stored);
    for (const consumer of this.#consumers.values()) if (consumer.settings.stream === name) this.#handOut(consumer);
  }

  #handOut(consumer: SimulatedConsumer): void {
    for (let pull = this.#waiting(consumer); pull !== undefined; pull = this.#waiting(consumer)) {
      if (!this.#serve(pull)) break;
      this.forgetPull(pull);
    }
    this.#watchDue(consumer);
  }

  /** True where there was something. */
  #serve(pull: Pull): boolean {
    let count = 0;
    for (; count < pull.max; count += 1) {
      const delivery = pull.consumer.take(this.scheduler.nowMs);
      if (delivery === undefined) break;
      this.watcher.onHandedOut?.(pull.consumer.settings.stream, delivery);
      pull.deliver(delivery);
    }
    if (count === 0) return false;
    pull.end();
    return true;
  }

  #waiting(consumer: SimulatedConsumer): Pull | undefined {
    return this.#pulls.find((pull) => pull.consumer === consumer && pull.expiresAtMs > this.scheduler.nowMs);
  }

  #watchDue(consumer: SimulatedConsumer): void {
    const dueMs = consumer.nextDueMs();
    if (dueMs === undefined || this.#waiting(consumer) === undefined) return;
    const planned = this.#looksAtMs.get(consumer);
    if (planned !== undefined && planned <= dueMs && planned > this.scheduler.nowMs) return;
    this.#looksAtMs.set(consumer, dueMs);
    this.scheduler.plan(dueMs - this.scheduler.nowMs, undefined, () => {
      if (this.#isUp) this.#handOut(consumer);
    });
  }

  #expire(pull: Pull): void {
    if (!this.#pulls.includes(pull)) return;
    this.forgetPull(pull);
    pull.end();
  }
}
