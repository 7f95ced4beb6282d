// One request that is answered by several messages: the way of pulls and of batched reads.
//
// The client library's own pull waits at least a second and cannot be given back when a daemon is told to stop, so
// this small exchange stands in its place.

import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { TriplaneError } from "@triplane/contract";
import { translate } from "./errors.ts";

/** A connection with what is needed to use it. */
export interface Link {
  readonly connection: NatsConnection;
  /** The only place where this identity may listen. */
  readonly inboxPrefix: string;
  /** What the JetStream API is called here. */
  readonly apiPrefix: string;
  /** How long one request may take. */
  readonly timeoutMs: number;
}

export interface ExchangeRequest {
  readonly subject: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The exchange is over when so many messages came. */
  readonly max: number;
  /** How long the server may take until it says that the answer is complete. */
  readonly answerWithinMs: number;
  readonly signal?: AbortSignal | undefined;
}

export type ExchangeEnd =
  /** All that was asked for came, or the caller's signal fired. */
  | { readonly kind: "done" }
  /** The server closed the exchange with a status: 404 nothing there, 408 time is over, 409 and 413 as described. */
  | { readonly kind: "status"; readonly code: number; readonly description: string }
  /** No end came in time: the connection is being restored, or the server is stuck. */
  | { readonly kind: "silence" };

export interface Exchange {
  readonly messages: readonly Msg[];
  readonly end: ExchangeEnd;
}

const GRACE_MS = 2000;

/** Throws `bus_unreachable` where the connection is closed for good, `bus_denied` where listening is not permitted. */
export function exchange(link: Link, request: ExchangeRequest): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const messages: Msg[] = [];
    const inbox = createInbox(link.inboxPrefix);
    const stop = (): void => {
      clearTimeout(timer);
      request.signal?.removeEventListener("abort", aborted);
      subscription?.unsubscribe();
    };
    const finish = (end: ExchangeEnd): void => {
      stop();
      resolve({ messages, end });
    };
    const fail = (thrown: unknown): void => {
      stop();
      reject(translate(thrown, `ask ${request.subject}`));
    };
    const aborted = (): void => finish({ kind: "done" });
    const timer = setTimeout(() => finish({ kind: "silence" }), request.answerWithinMs + GRACE_MS);
    let subscription: { unsubscribe(): void } | undefined;
    if (request.signal?.aborted === true) return aborted();
    request.signal?.addEventListener("abort", aborted, { once: true });
    try {
      subscription = link.connection.subscribe(inbox, {
        callback: (error, message) => {
          if (error !== null) return fail(error);
          const status = statusOf(message);
          if (status === undefined) {
            messages.push(message);
            if (messages.length >= request.max) finish({ kind: "done" });
          } else if (status.code === 503) {
            fail(new TriplaneError("stream_missing", `ask ${request.subject}: nothing on the server answers there`));
          } else if (status.code >= 200) {
            finish({ kind: "status", ...status });
          }
        },
      });
      link.connection.publish(request.subject, JSON.stringify(request.body), { reply: inbox });
    } catch (error) {
      fail(error);
    }
  });
}

/** 1xx (idle heartbeat, flow control) is no end. Messages of a stream have no status line. */
function statusOf(message: Msg): { readonly code: number; readonly description: string } | undefined {
  const headers = message.headers;
  if (headers === undefined || headers.code === 0 || message.data.length > 0) return undefined;
  return { code: headers.code, description: headers.description };
}
