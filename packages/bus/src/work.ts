// A durable pull consumer and the messages that it hands out, each to be settled exactly once.

import { errors, type Msg } from "@nats-io/transport-node";
import { TriplaneError } from "@triplane/contract";
import { translate } from "./errors.ts";
import { exchange } from "./exchange.ts";
import type { Link } from "./link.ts";
import { decodeText } from "./text.ts";
import type { WorkConsumer, WorkMessage } from "./types.ts";

const NANOS_PER_MS = 1_000_000;

export function workConsumer(link: Link, stream: string, durable: string): WorkConsumer {
  const subject = `${link.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${durable}`;

  // With both, the server hands out what is there, or waits for one message and hands out what came with it; then it says that
  // this was all (processNextMsgRequest and processWaiting of nats-server): nobody waits for a batch to be full.
  const pull = async (max: number, waitMs: number, signal: AbortSignal | undefined): Promise<readonly WorkMessage[]> => {
    const body = { batch: max, no_wait: true, expires: Math.ceil(Math.max(waitMs, 1)) * NANOS_PER_MS };
    const { messages, end } = await exchange(link, { subject, body, max, answerWithinMs: waitMs, signal });
    if (messages.length === 0 && end.kind === "status" && end.code === 409 && /consumer deleted/i.test(end.description))
      throw new TriplaneError("stream_missing", `consumer ${durable} of ${stream} was deleted`);
    return messages.map((message) => workMessage(link, message));
  };

  return {
    next: async ({ waitMs, signal }) => (await pull(1, waitMs, signal))[0],
    batch: ({ max, waitMs, signal }) => pull(max, waitMs, signal),
  };
}

interface Delivery {
  readonly deliveries: number;
  readonly streamSeq: number;
  readonly storedAtMs: number;
}

/**
 * Reads the subject to which a delivery is acked: `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<nanoseconds>.<pending>`,
 * or the longer form with domain and account hash in front and a token behind (nats-server ADR-15).
 */
export function parseAckSubject(subject: string): Delivery | undefined {
  const tokens = subject.split(".");
  const start = tokens.length === 9 ? 2 : 4;
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || (tokens.length !== 9 && tokens.length < 11)) return undefined;
  const [deliveries, streamSeq, , nanos] = tokens.slice(start + 2).map(Number);
  if (deliveries === undefined || streamSeq === undefined || nanos === undefined) return undefined;
  if (![deliveries, streamSeq, nanos].every((number) => Number.isFinite(number) && number >= 0)) return undefined;
  return { deliveries, streamSeq, storedAtMs: Math.floor(nanos / NANOS_PER_MS) };
}

function workMessage(link: Link, message: Msg): WorkMessage {
  const ackSubject = message.reply ?? "";
  const delivery = parseAckSubject(ackSubject);
  if (delivery === undefined) throw new TriplaneError("internal", `a delivery on ${message.subject} has no ack subject`);
  let settled = false;

  // Only one word settles a message; what was said second is not sent, because a late ack is still honoured by the server.
  const settle = async (word: string): Promise<boolean> => {
    if (settled) return false;
    settled = true;
    try {
      await link.ask(() => link.connection.request(ackSubject, word, { timeout: link.timeoutMs }));
      return true;
    } catch (error) {
      const failure = translate(error, `settle a message of ${message.subject}`);
      if (failure.code === "bus_denied") throw failure;
      return false;
    }
  };
  const say = (word: string): void => {
    try {
      link.connection.publish(ackSubject, word);
    } catch (error) {
      // Without a connection the message comes back by itself after the ack wait.
      if (!(error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError)) throw error;
    }
  };

  return {
    subject: message.subject,
    raw: message.data,
    text: decodeText(message.data),
    ...delivery,
    ackConfirmed: () => settle("+ACK"),
    working: () => {
      if (!settled) say("+WPI");
    },
    retryLater: (delayMs) => {
      if (settled) return;
      settled = true;
      say(`-NAK ${JSON.stringify({ delay: Math.max(0, Math.ceil(delayMs)) * NANOS_PER_MS })}`);
    },
    terminate: async (reason) => {
      // A lost +TERM is repeated by the redelivery, as with an unconfirmed ack.
      await settle(`+TERM ${reason.replaceAll(/[\r\n]/g, " ").slice(0, 200)}`);
    },
  };
}
