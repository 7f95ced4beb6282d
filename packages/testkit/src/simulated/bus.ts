// The bus over a simulated broker; the lease is the real one, over a simulated bucket.
import { acquireLease, type Bus, type BusMessage, type KeyValue, type KvEntry, type WorkConsumer, type WorkMessage } from "@triplane/bus";
import { type Clock, type Random, TriplaneError } from "@triplane/contract";
import { type Logger, silentLogger } from "@triplane/kit";
import type { Pull } from "./broker.ts";
import { type LinkOptions, SimulatedLink } from "./link.ts";
import { type Delivery, readStored, type SimulatedConsumer } from "./streams.ts";

export interface SimulatedBusOptions extends Omit<LinkOptions, "timeoutMs"> {
  readonly random: Random;
  /** As `connectBus`: 5 s unless told otherwise. */
  readonly timeoutMs?: number;
  /** The process's clock unless told otherwise. */
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface SimulatedBus extends Bus {
  readonly link: SimulatedLink;
}

/** How much later than asked the end of a pull may come until nobody waits for it any more. */
const GRACE_MS = 2000;

// As the real adapter has them.
const KEY = /^[-/_=A-Za-z0-9]{1,128}$/;
const PLAIN_SUBJECT = /^[^\s.*>]+(?:\.[^\s.*>]+)*$/;

export function simulatedBus(options: SimulatedBusOptions): SimulatedBus {
  const { broker, process, random } = options;
  const link = new SimulatedLink({ ...options, timeoutMs: options.timeoutMs ?? 5000 });
  const closed = Promise.withResolvers<undefined>();
  const tools = { clock: options.clock ?? process.clock, random, logger: options.logger ?? silentLogger };
  const read = <T>(doing: string, perform: () => T) => link.request("bus.read", doing, "bus_unreachable", perform);
  const bucket = (name: string) => simulatedBucket(link, name);

  return {
    link,
    publish: async (subject, text) => {
      if (!PLAIN_SUBJECT.test(subject)) throw new TriplaneError("usage", `${JSON.stringify(subject)} is not a subject to publish to`);
      return link.request("bus.publish", `publish to ${subject}`, "publish_unconfirmed", () => {
        const streamSeq = broker.publish(subject, text);
        broker.scheduler.trace(process.name, `published to ${subject} as ${streamSeq}`);
        return { streamSeq };
      });
    },
    consumer: async (stream, durable) => {
      const consumer = await read(`bind to consumer ${durable} of ${stream}`, () => broker.consumer(stream, durable));
      return simulatedWorkConsumer(link, consumer);
    },
    last: (stream, subject) =>
      read(`read the last message on ${subject}`, () => {
        const stored = broker.stream(stream).last(subject);
        return stored === undefined ? undefined : readStored(stored);
      }),
    lastOfEach: (stream, filter) => read(`read ${stream}`, () => broker.stream(stream).lastOfEach(filter).map(readStored)),
    all: (stream, filter) => read(`read ${stream}`, () => broker.stream(stream).all(filter).map(readStored)),
    keyValue: async (name) => bucket(name),
    acquireLease: (name, request) => acquireLease(bucket(name), request, tools),
    streamState: (stream) => read(`look at stream ${stream}`, () => broker.stream(stream).state()),
    consumerState: (stream, durable) => read(`look at consumer ${durable}`, () => broker.consumerState(stream, durable)),
    closed: closed.promise,
    close: async () => {
      link.close();
      closed.resolve(undefined);
    },
  };
}

function simulatedBucket(link: SimulatedLink, bucket: string): KeyValue {
  const { broker, process } = link;
  const stream = `KV_${bucket}`;
  const prefix = `$KV.${bucket}.`;
  const checked = (key: string): string => {
    if (!KEY.test(key)) throw new TriplaneError("usage", `${JSON.stringify(key.slice(0, 64))} is not a key of bucket ${bucket}`);
    return key;
  };
  const entryOf = ({ subject, text, streamSeq }: BusMessage): KvEntry => ({
    key: subject.slice(prefix.length),
    value: text ?? "",
    revision: streamSeq,
  });
  const read = <T>(key: string, perform: () => T) => link.request("bus.read", `read ${bucket}/${key}`, "bus_unreachable", perform);
  const write = async (key: string, value: string, expected: number): Promise<number | undefined> => {
    checked(key);
    return link.request("bus.write", `write ${bucket}/${key}`, "publish_unconfirmed", () => {
      const revision = broker.write(bucket, key, value, expected);
      broker.scheduler.trace(process.name, revision === undefined ? `lost the write of ${key}` : `wrote ${key} as ${revision}`);
      return revision;
    });
  };
  return {
    get: async (key) =>
      read(checked(key), () => {
        const stored = broker.stream(stream).last(`${prefix}${key}`);
        return stored === undefined ? undefined : entryOf(readStored(stored));
      }),
    history: async (key) =>
      read(checked(key), () =>
        broker
          .stream(stream)
          .all(`${prefix}${key}`)
          .map((stored) => entryOf(readStored(stored)))
          .reverse(),
      ),
    keys: () =>
      read("*", () =>
        broker
          .stream(stream)
          .lastOfEach(`${prefix}*`)
          .map((stored) => entryOf(readStored(stored)).key),
      ),
    create: (key, value) => write(key, value, 0),
    update: (key, value, expectedRevision) => write(key, value, expectedRevision),
  };
}

function simulatedWorkConsumer(link: SimulatedLink, consumer: SimulatedConsumer): WorkConsumer {
  const pull = async (max: number, waitMs: number, signal: AbortSignal | undefined): Promise<readonly WorkMessage[]> =>
    (await exchange(link, consumer, max, waitMs, signal)).map((delivery) => workMessage(link, consumer, delivery));
  return {
    next: async ({ waitMs, signal }) => (await pull(1, waitMs, signal))[0],
    batch: ({ max, waitMs, signal }) => pull(max, waitMs, signal),
  };
}

/** One pull: what is there, or the first that comes. */
function exchange(
  link: SimulatedLink,
  consumer: SimulatedConsumer,
  max: number,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<readonly Delivery[]> {
  const { broker, process, faults } = link;
  const { scheduler } = broker;
  return new Promise((resolve) => {
    faults.at("before", "bus.pull", process);
    if (!process.alive) return;
    link.whenUp(Math.max(waitMs, GRACE_MS), signal, (isUp) => {
      if (!isUp || signal?.aborted === true) return resolve([]);
      const { epoch } = link;
      const found: Delivery[] = [];
      const request: Pull = {
        consumer,
        expiresAtMs: scheduler.nowMs + Math.max(waitMs, 1),
        max,
        deliver: (delivery) => {
          scheduler.trace(
            "broker",
            `hands ${consumer.settings.stream} ${delivery.stored.seq} to ${process.name}, delivery ${delivery.deliveries}`,
          );
          link.bring("bus.pull", epoch, () => {
            found.push(delivery);
            if (found.length >= max) finish();
          });
        },
        end: () => link.bring("bus.pull", epoch, () => finish()),
      };
      let isOver = false;
      const finish = (): void => {
        if (isOver) return;
        isOver = true;
        timer.cancel();
        stopWatching();
        signal?.removeEventListener("abort", giveUp);
        resolve([...found]);
      };
      const giveUp = (): void => {
        link.send("bus.pull", () => broker.forgetPull(request));
        finish();
      };
      const timer = scheduler.plan(waitMs + GRACE_MS, process, giveUp);
      const stopWatching = link.onBreak(() => scheduler.plan(0, process, finish));
      signal?.addEventListener("abort", giveUp, { once: true });
      link.send("bus.pull", () => broker.pull(request));
    });
  });
}

function workMessage(link: SimulatedLink, consumer: SimulatedConsumer, { stored, deliveries }: Delivery): WorkMessage {
  const { broker, process } = link;
  const { scheduler } = broker;
  const { seq } = stored;
  const name = `${consumer.settings.stream} ${seq}`;
  let isSettled = false;
  const settle = async (word: string): Promise<boolean> => {
    if (isSettled) return false;
    isSettled = true;
    try {
      await link.request("bus.ack", `${word} ${name}`, "bus_unreachable", () => {
        broker.scheduler.trace(process.name, `${word} ${name}`);
        broker.settle(consumer, seq);
      });
      return true;
    } catch {
      return false;
    }
  };
  const say = (perform: () => void): void => {
    scheduler.act(process, () => link.send("bus.ack", perform));
  };
  return {
    ...readStored(stored),
    deliveries,
    ackConfirmed: () => settle("acked"),
    working: () => {
      if (!isSettled) say(() => broker.postpone(consumer, seq, consumer.ackWaitMs));
    },
    retryLater: (delayMs) => {
      if (isSettled) return;
      isSettled = true;
      say(() => broker.postpone(consumer, seq, Math.max(0, Math.ceil(delayMs))));
    },
    terminate: async (reason) => {
      await settle(`took off (${reason.slice(0, 60)})`);
    },
  };
}
