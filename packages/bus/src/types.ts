// What daemons see of the bus. Doubles and the real NATS adapter pass the same contract suite.
import type { TriplaneError } from "@triplane/contract";

export interface PublishAck {
  readonly streamSeq: number;
}

/** A message as it came from a stream. */
export interface BusMessage {
  readonly subject: string;
  /** UTF-8 text; bytes that are not UTF-8 come as `undefined` with `raw` set. */
  readonly text: string | undefined;
  readonly raw: Uint8Array;
  readonly streamSeq: number;
  /** 1 on first delivery; 0 where the message was read without a consumer. */
  readonly deliveries: number;
  /** Broker's time of storage, milliseconds since 1970. */
  readonly storedAtMs: number;
}

/** A message taken by a consumer, to be settled exactly once. */
export interface WorkMessage extends BusMessage {
  /** Acks and waits for the server's confirmation. False: unknown, wait for redelivery. */
  ackConfirmed(): Promise<boolean>;
  /** Extends the ack wait while work goes on. */
  working(): void;
  /** Gives the message back after a delay. */
  retryLater(delayMs: number): void;
  /** Takes the message off the stream for good; only after what it was is on disk. */
  terminate(reason: string): Promise<void>;
}

export interface WorkConsumer {
  /** Next message in stream order, or undefined when none came within `waitMs` or the signal fired. */
  next(options: { readonly waitMs: number; readonly signal?: AbortSignal }): Promise<WorkMessage | undefined>;
  /** Up to `max` messages, the first within `waitMs`, the rest as far as they are there. */
  batch(options: { readonly max: number; readonly waitMs: number; readonly signal?: AbortSignal }): Promise<readonly WorkMessage[]>;
}

export interface KvEntry {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

export interface KeyValue {
  get(key: string): Promise<KvEntry | undefined>;
  /** Newest first, as far as the bucket keeps history. */
  history(key: string): Promise<readonly KvEntry[]>;
  keys(): Promise<readonly string[]>;
  /** Returns the new revision, or undefined if the key exists. */
  create(key: string, value: string): Promise<number | undefined>;
  /** Compare-and-set. Returns the new revision, or undefined if another write came first. */
  update(key: string, value: string, expectedRevision: number): Promise<number | undefined>;
}

/**
 * A held lease. `fence` is the bucket's revision at which it was taken: every later holder has a greater one, renewals do
 * not change it. Expiry is judged by the clocks of the holders, so it only keeps a second process waiting; what a late
 * process could still do is refused by whoever compares fences (`fencing_stale`).
 */
export interface Lease {
  readonly fence: number;
  /** Fires, with a `lease_lost` failure as reason, when the lease went to another or can no longer be proven. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface LeaseRequest {
  readonly key: string;
  /** Name for people and logs; two processes may have the same. */
  readonly owner: string;
  readonly ttlMs: number;
}

/** What a stream holds now. */
export interface StreamState {
  readonly messages: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** How far a durable consumer is. */
export interface ConsumerState {
  /** Not yet delivered. */
  readonly pending: number;
  /** Delivered and not yet acked. */
  readonly unacked: number;
  /** Everything up to this sequence number of the stream is acked. */
  readonly ackFloorSeq: number;
}

/** A connection under one identity. A call that its permissions do not allow throws `bus_denied`. */
export interface Bus {
  /**
   * Publishes into a stream and waits for the broker's confirmation, which comes after it is on disk.
   * Throws `publish_unconfirmed` (it may or may not be stored); `bus_denied`, `stream_missing`, `stream_full`,
   * `token_too_large`, `bus_unreachable` (it is not stored). The same text again is a new message.
   */
  publish(subject: string, text: string): Promise<PublishAck>;
  /** Binds to an existing durable consumer. Throws `stream_missing`. */
  consumer(stream: string, durable: string): Promise<WorkConsumer>;
  /** Last message on a subject (direct get). */
  last(stream: string, subject: string): Promise<BusMessage | undefined>;
  /** Last message of every subject that matches (multi-last direct get), in stream order. */
  lastOfEach(stream: string, filter: string): Promise<readonly BusMessage[]>;
  /** All messages on subjects that match, in stream order. */
  all(stream: string, filter: string): Promise<readonly BusMessage[]>;
  keyValue(bucket: string): Promise<KeyValue>;
  /** Takes the lease, or throws `lease_held` saying by whom. */
  acquireLease(bucket: string, request: LeaseRequest): Promise<Lease>;
  streamState(stream: string): Promise<StreamState>;
  consumerState(stream: string, durable: string): Promise<ConsumerState>;
  /** Resolves when the connection is closed for good: undefined after `close()`, else why. Until then it restores itself. */
  readonly closed: Promise<TriplaneError | undefined>;
  close(): Promise<void>;
}
