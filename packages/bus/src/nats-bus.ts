// The bus over NATS JetStream.

import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { Random } from "@triplane/contract";
import { type Clock, TriplaneError } from "@triplane/contract";
import { checkSetup } from "./check.ts";
import { type ConnectionOptions, closedReason, openConnection } from "./connection.ts";
import { translate } from "./errors.ts";
import type { Link } from "./exchange.ts";
import { apiPrefix, inboxPrefix } from "./identities.ts";
import { keyValueBucket } from "./key-value.ts";
import { acquireLease } from "./lease.ts";
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
  const link: Link = { connection, inboxPrefix: inboxPrefix(options.identity), apiPrefix: apiPrefix(options.identity), timeoutMs };
  const streams = jetstream(connection, { timeout: timeoutMs, apiPrefix: link.apiPrefix });
  const manager = await jetstreamManager(connection, { timeout: timeoutMs, apiPrefix: link.apiPrefix, checkAPI: false });
  try {
    await checkSetup(connection, manager, { identity: options.identity, workspace: options.workspace, timeoutMs });
  } catch (error) {
    await connection.close();
    throw error;
  }
  const reads = directReads(link);
  const bucket = (name: string) => keyValueBucket(streams, reads, name, timeoutMs);

  return {
    ...reads,
    publish: async (subject, text, { messageId }) => {
      if (!isPlainSubject(subject))
        throw new TriplaneError("usage", `${JSON.stringify(subject.slice(0, 120))} is not a subject to publish to`);
      try {
        const ack = await streams.publish(subject, text, { msgID: messageId, timeout: timeoutMs });
        return { streamSeq: ack.seq, duplicate: ack.duplicate };
      } catch (error) {
        throw translate(error, `publish to ${subject}`, "publish_unconfirmed");
      }
    },
    consumer: async (stream, durable) => {
      try {
        await manager.consumers.info(stream, durable);
      } catch (error) {
        throw translate(error, `bind to consumer ${durable} of ${stream}`);
      }
      return workConsumer(link, stream, durable);
    },
    keyValue: async (name) => bucket(name),
    acquireLease: (name, request) => acquireLease(bucket(name), request, options),
    streamState: async (stream) => {
      try {
        const { state } = await manager.streams.info(stream);
        return { messages: state.messages, firstSeq: state.first_seq, lastSeq: state.last_seq };
      } catch (error) {
        throw translate(error, `look at stream ${stream}`);
      }
    },
    consumerState: async (stream, durable) => {
      try {
        const info = await manager.consumers.info(stream, durable);
        return { pending: info.num_pending, unacked: info.num_ack_pending, ackFloorSeq: info.ack_floor.stream_seq };
      } catch (error) {
        throw translate(error, `look at consumer ${durable} of ${stream}`);
      }
    },
    closed: closedReason(connection),
    close: () => connection.close(),
  };
}

/** No wildcard, no empty token, no white space: the server would take some of these as something else. */
function isPlainSubject(subject: string): boolean {
  return /^[^\s.*>]+(?:\.[^\s.*>]+)*$/.test(subject);
}
