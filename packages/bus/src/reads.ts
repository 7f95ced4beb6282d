// Reads from streams without a consumer: direct gets (nats-server ADR-31).

import type { Msg } from "@nats-io/transport-node";
import { TriplaneError } from "@triplane/contract";
import { translate } from "./errors.ts";
import { exchange } from "./exchange.ts";
import type { Link } from "./link.ts";
import { decodeText } from "./text.ts";
import type { BusMessage } from "./types.ts";

const PAGE = 500;
// The server answers 413 where more subjects match (maxAllowedResponses of nats-server).
const MAX_SUBJECTS = 1024;
// Subjects in one request: with keys of 64 characters well below the server's max_payload.
const MAX_TOGETHER = 256;

export interface Reads {
  last(stream: string, subject: string): Promise<BusMessage | undefined>;
  lastOfEach(stream: string, filter: string): Promise<readonly BusMessage[]>;
  all(stream: string, filter: string): Promise<readonly BusMessage[]>;
}

interface Question {
  readonly subject: string;
  readonly answer: (message: BusMessage | undefined) => void;
  readonly fail: (error: unknown) => void;
}

/** `mayReadMany` names the streams of which the identity may read several subjects in one request. */
export function directReads(link: Link, mayReadMany: ReadonlySet<string>): Reads {
  const page = async (stream: string, body: Readonly<Record<string, unknown>>) => {
    const { messages, end } = await exchange(link, {
      subject: `${link.apiPrefix}.DIRECT.GET.${stream}`,
      body,
      max: Number.POSITIVE_INFINITY,
      answerWithinMs: link.timeoutMs,
    });
    if (end.kind === "silence") throw new TriplaneError("bus_unreachable", `read ${stream}: the answer did not end in time`);
    const code = end.kind === "status" ? end.code : 204;
    // 204 end of batch, 404 nothing there, 413 too many subjects.
    if (code !== 204 && code !== 404 && code !== 413)
      throw new TriplaneError("bus_unreachable", `read ${stream}: the server answered ${code}`, { details: { status: code } });
    return { messages: messages.map(readMessage), tooMany: code === 413 };
  };

  const all = async (stream: string, filter: string): Promise<readonly BusMessage[]> => {
    const found: BusMessage[] = [];
    for (;;) {
      const after = found.at(-1)?.streamSeq ?? 0;
      const { messages } = await page(stream, { seq: after + 1, next_by_subj: filter, batch: PAGE });
      found.push(...messages);
      if (messages.length < PAGE) return found;
    }
  };

  const lastOne = async (stream: string, subject: string): Promise<BusMessage | undefined> => {
    const doing = `read the last message on ${subject}`;
    let message: Msg;
    try {
      message = await link.ask(() =>
        link.connection.request(`${link.apiPrefix}.DIRECT.GET.${stream}.${subject}`, "", { timeout: link.timeoutMs }),
      );
    } catch (error) {
      throw translate(error, doing);
    }
    const code = message.headers?.code ?? 0;
    if (code === 404) return undefined;
    if (code !== 0) throw new TriplaneError("bus_unreachable", `${doing}: the server answered ${code}`, { details: { status: code } });
    return readMessage(message);
  };
  const lastOfMany = async (stream: string, subjects: readonly string[]): Promise<ReadonlyMap<string, BusMessage>> => {
    const { messages, tooMany } = await page(stream, { multi_last: subjects, batch: MAX_SUBJECTS });
    if (tooMany) throw new TriplaneError("internal", `${subjects.length} subjects are too many for one read of ${stream}`);
    return new Map(messages.map((message) => [message.subject, message]));
  };
  const questions = new Map<string, Question[]>();
  const ask = (stream: string): void => {
    const asked = questions.get(stream) ?? [];
    questions.delete(stream);
    for (let at = 0; at < asked.length; at += MAX_TOGETHER) {
      const together = asked.slice(at, at + MAX_TOGETHER);
      const [first] = together;
      if (first === undefined) continue;
      if (together.length === 1) lastOne(stream, first.subject).then(first.answer, first.fail);
      else
        lastOfMany(stream, [...new Set(together.map(({ subject }) => subject))]).then(
          (found) => {
            for (const { subject, answer } of together) answer(found.get(subject));
          },
          (error) => {
            for (const { fail } of together) fail(error);
          },
        );
    }
  };

  return {
    all,
    // Questions about one stream that are asked at once are one request, where the identity may send such.
    last: (stream, subject) => {
      if (!mayReadMany.has(stream) || /[*>\s]/.test(subject)) return lastOne(stream, subject);
      return new Promise((answer, fail) => {
        const asked = questions.get(stream);
        if (asked !== undefined) asked.push({ subject, answer, fail });
        else {
          questions.set(stream, [{ subject, answer, fail }]);
          queueMicrotask(() => ask(stream));
        }
      });
    },
    lastOfEach: async (stream, filter) => {
      const { messages, tooMany } = await page(stream, { multi_last: [filter], batch: MAX_SUBJECTS });
      if (!tooMany) return messages;
      const latest = new Map((await all(stream, filter)).map((message) => [message.subject, message]));
      return [...latest.values()].sort((a, b) => a.streamSeq - b.streamSeq);
    },
  };
}

function readMessage(message: Msg): BusMessage {
  const header = (name: string): string => message.headers?.last(name) ?? "";
  const streamSeq = Number(header("Nats-Sequence"));
  const storedAtMs = Date.parse(header("Nats-Time-Stamp"));
  if (!Number.isSafeInteger(streamSeq) || streamSeq < 1 || Number.isNaN(storedAtMs))
    throw new TriplaneError("internal", "a direct get was answered without sequence or time");
  return { subject: header("Nats-Subject"), raw: message.data, text: decodeText(message.data), streamSeq, storedAtMs, deliveries: 0 };
}
