// A bus in memory that keeps what the keeper relies on (order, one in flight, compare-and-set) and fails where a test says.
//
// It stands for the real one only where a crash has to fall between two exact steps; the integration test runs the real server.
import type { Bus, BusMessage, KeyValue, KvEntry, WorkConsumer, WorkMessage } from "@triplane/bus";
import { CONSUMERS, streamNames, subjects, TriplaneError } from "@triplane/contract";

/** A step that changes the world outside the keeper. */
export interface Step {
  readonly what: "record" | "publish" | "ack";
  readonly on: string;
}

export interface MemoryBus {
  readonly bus: Bus;
  readonly bucket: KeyValue;
  /** Everything that was done, in order. */
  readonly steps: readonly Step[];
  /** Called before and after each step; what it throws is what a crash at that point looks like. */
  onStep: (step: Step, when: "before" | "after") => void;
  /** The broker's own clock, milliseconds since 1970: when it stores what is published. */
  brokerMs: () => number;
  submit(text: string | Uint8Array, storedAtMs: number): void;
  approve(jti: string, text: string): void;
  /** The next pending message, delivered as often as it was not acked. */
  nextPending(): Promise<WorkMessage | undefined>;
  nextApproval(): Promise<WorkMessage | undefined>;
  /** Everything that is pending, as one batch. */
  allPending(): Promise<readonly WorkMessage[]>;
  texts(subject: string): readonly string[];
  readonly pendingCount: number;
}

interface Stored {
  readonly subject: string;
  readonly raw: Uint8Array;
  readonly storedAtMs: number;
  readonly streamSeq: number;
  deliveries: number;
}

export function memoryBus(workspace: string): MemoryBus {
  const on = subjects(workspace);
  const names = streamNames(workspace);
  const log: Stored[] = [];
  const pending: Stored[] = [];
  const approvals: Stored[] = [];
  const values = new Map<string, KvEntry[]>();
  const steps: Step[] = [];
  let sequence = 0;

  const step = <T>(what: Step["what"], subject: string, act: () => T): T => {
    const made: Step = { what, on: subject };
    self.onStep(made, "before");
    const result = act();
    steps.push(made);
    self.onStep(made, "after");
    return result;
  };
  const store = (subject: string, raw: Uint8Array, storedAtMs: number): Stored => {
    sequence += 1;
    const stored: Stored = { subject, raw, storedAtMs, streamSeq: sequence, deliveries: 0 };
    log.push(stored);
    return stored;
  };
  const read = (stored: Stored): BusMessage => ({ ...stored, text: textOf(stored.raw) });
  const matching = (filter: string) => log.filter((stored) => matches(filter, stored.subject)).map(read);
  const deliver = (queue: Stored[], head = queue[0]): WorkMessage | undefined => {
    if (head === undefined) return undefined;
    head.deliveries += 1;
    return {
      ...read(head),
      ackConfirmed: async () => {
        step("ack", head.subject, () => queue.includes(head) && queue.splice(queue.indexOf(head), 1));
        return true;
      },
      working: () => undefined,
      retryLater: () => undefined,
      terminate: async () => void queue.splice(queue.indexOf(head), 1),
    };
  };
  const consumerOf = (queue: Stored[]): WorkConsumer => ({
    next: async () => deliver(queue),
    batch: async () => [deliver(queue)].filter((message) => message !== undefined),
  });
  const bucket: KeyValue = {
    get: async (key) => values.get(key)?.[0],
    history: async (key) => [...(values.get(key) ?? [])].slice(0, 64),
    keys: async () => [...values.keys()],
    create: async (key, value) => (values.has(key) ? undefined : put(key, value)),
    update: async (key, value, expected) => (values.get(key)?.[0]?.revision === expected ? put(key, value) : undefined),
  };
  const put = (key: string, value: string): number =>
    step("record", key, () => {
      sequence += 1;
      values.set(key, [{ key, value, revision: sequence }, ...(values.get(key) ?? [])]);
      return sequence;
    });
  const bus: Bus = {
    publish: async (subject, text) =>
      step("publish", subject, () => ({ streamSeq: store(subject, Buffer.from(text), self.brokerMs()).streamSeq, duplicate: false })),
    consumer: async (stream, durable) => {
      if (stream === names.pending && durable === CONSUMERS.pending) return consumerOf(pending);
      if (stream === names.review && durable === CONSUMERS.approval) return consumerOf(approvals);
      throw new TriplaneError("stream_missing", `no consumer ${durable} of ${stream}`);
    },
    last: async (_stream, subject) => matching(subject).at(-1),
    lastOfEach: async (_stream, filter) => [...new Map(matching(filter).map((message) => [message.subject, message])).values()],
    all: async (_stream, filter) => matching(filter),
    keyValue: async () => bucket,
    acquireLease: async () => {
      throw new TriplaneError("bus_denied", "the keeper holds no lease");
    },
    streamState: async () => ({ messages: log.length, firstSeq: 1, lastSeq: sequence }),
    consumerState: async () => ({ pending: pending.length, unacked: 0, ackFloorSeq: (pending[0]?.streamSeq ?? sequence + 1) - 1 }),
    closed: new Promise(() => undefined),
    close: async () => undefined,
  };
  const self: MemoryBus = {
    bus,
    bucket,
    steps,
    onStep: () => undefined,
    brokerMs: () => 0,
    submit: (text, storedAtMs) => void pending.push(store(on.pending, Buffer.from(text), storedAtMs)),
    approve: (jti, text) => void approvals.push(store(on.approval(jti), Buffer.from(text), 0)),
    nextPending: async () => deliver(pending),
    nextApproval: async () => deliver(approvals),
    allPending: async () => pending.flatMap((stored) => deliver(pending, stored) ?? []),
    texts: (subject) => matching(subject).map((message) => message.text ?? ""),
    get pendingCount() {
      return pending.length;
    },
  };
  return self;
}

function textOf(raw: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch {
    return undefined;
  }
}

function matches(filter: string, subject: string): boolean {
  const wanted = filter.split(".");
  const tokens = subject.split(".");
  return wanted.length === tokens.length && wanted.every((token, index) => token === "*" || token === tokens[index]);
}
