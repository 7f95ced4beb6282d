// The bus over NATS JetStream.

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type Clock, type FailureCode, type Random, TriplaneError } from "@triplane/contract";
import { checkSetup } from "./check.ts";
import { type ConnectionOptions, openConnection } from "./connection.ts";
import { translate } from "./errors.ts";
import { manyReadable } from "./identities.ts";
import { keyValueBucket } from "./key-value.ts";
import { acquireLease } from "./lease.ts";
import { Link } from "./link.ts";
import { directReads } from "./reads.ts";
import type { Bus } from "./types.ts";
import { workConsumer } from "./work.ts";

export interface BusOptions extends ConnectionOptions {
  readonly workspace: string;
  readonly clock: Clock;
  readonly random: Random;
  /** How long one request to the server may take; 5 s unless told otherwise. */
  readonly requestTimeoutMs?: number;
}

/**
 * Connects under one identity and checks what that identity can see of the set-up, before anything is sent.
 *
 * Throws `bus_unreachable`, `bus_denied`, `bus_too_old`, `stream_missing`, `stream_mismatch`.
 *
 * @example
 * const bus = await connectBus({ servers: "nats://127.0.0.1:4222", workspace: "libre-wuji", identity: { role: "keeper" },
 *   nkeySeed, clock: systemClock, random: systemRandom, logger });
 */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const timeoutMs = options.requestTimeoutMs ?? 5000;
  const connection = await openConnection(options);
  const link = new Link(connection, { identity: options.identity, timeoutMs, logger: options.logger });
  const settings = { timeout: timeoutMs, apiPrefix: link.apiPrefix };
  const streams = jetstream(connection, settings);
  const manager = await jetstreamManager(connection, { ...settings, checkAPI: false });
  try {
    await checkSetup(connection, manager, { identity: options.identity, workspace: options.workspace, timeoutMs });
  } catch (error) {
    await connection.close();
    throw error;
  }
  const reads = directReads(link, manyReadable(options.identity, options.workspace));
  const bucket = (name: string) => keyValueBucket(link, streams, reads, name);
  const ask = async <T>(doing: string, call: () => Promise<T>, unanswered?: FailureCode): Promise<T> => {
    try {
      return await link.ask(call);
    } catch (error) {
      throw translate(error, doing, unanswered);
    }
  };

  return {
    ...reads,
    publish: async (subject, text) => {
      if (!isPlainSubject(subject))
        throw new TriplaneError("usage", `${JSON.stringify(subject.slice(0, 120))} is not a subject to publish to`);
      // Without a message id, so that nothing is ever taken for known (ADR-032).
      const publishing = () => streams.publish(subject, text, { timeout: timeoutMs });
      const ack = await ask(`publish to ${subject}`, publishing, "publish_unconfirmed");
      return { streamSeq: ack.seq };
    },
    consumer: async (stream, durable) => {
      await ask(`bind to consumer ${durable} of ${stream}`, () => manager.consumers.info(stream, durable));
      return workConsumer(link, stream, durable);
    },
    keyValue: async (name) => bucket(name),
    acquireLease: (name, request) => acquireLease(bucket(name), request, options),
    streamState: async (stream) => {
      const { state } = await ask(`look at stream ${stream}`, () => manager.streams.info(stream));
      return { messages: state.messages, firstSeq: state.first_seq, lastSeq: state.last_seq };
    },
    consumerState: async (stream, durable) => {
      const info = await ask(`look at consumer ${durable} of ${stream}`, () => manager.consumers.info(stream, durable));
      return { pending: info.num_pending, unacked: info.num_ack_pending, ackFloorSeq: info.ack_floor.stream_seq };
    },
    closed: link.closed,
    close: () => connection.close(),
  };
}

/** No wildcard, no empty token, no white space: the server would take some of these as something else. */
function isPlainSubject(subject: string): boolean {
  return /^[^\s.*>]+(?:\.[^\s.*>]+)*$/.test(subject);
}
