// One request that is answered by several messages: the way of pulls and of batched reads.
//
// The client library's own pull waits at least a second and cannot be given back when a daemon is told to stop, so
// this small exchange stands in its place.

import { createInbox, type Msg } from "@nats-io/transport-node";
import { TriplaneError } from "@triplane/contract";
import { translate } from "./errors.ts";
import type { Link } from "./link.ts";

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
export async function exchange(link: Link, request: ExchangeRequest): Promise<Exchange> {
  const stands = await link.connected(Math.max(request.answerWithinMs, GRACE_MS), request.signal);
  // Only now: it may have fired while we waited, and a listener added later would never hear of it.
  if (request.signal?.aborted === true) return { messages: [], end: { kind: "done" } };
  if (!stands || link.broken.aborted) return { messages: [], end: { kind: "silence" } };
  return new Promise((resolve, reject) => {
    const messages: Msg[] = [];
    const inbox = createInbox(link.inboxPrefix);
    const { broken } = link;
    let subscription: { unsubscribe(): void } | undefined;
    const stop = (): void => {
      clearTimeout(timer);
      broken.removeEventListener("abort", silent);
      request.signal?.removeEventListener("abort", done);
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
    const done = (): void => finish({ kind: "done" });
    const silent = (): void => finish({ kind: "silence" });
    const timer = setTimeout(silent, request.answerWithinMs + GRACE_MS);
    broken.addEventListener("abort", silent, { once: true });
    request.signal?.addEventListener("abort", done, { once: true });
    try {
      subscription = link.connection.subscribe(inbox, {
        callback: (error, message) => {
          if (error !== null) return fail(error);
          const status = statusOf(message);
          if (status === undefined) {
            messages.push(message);
            if (messages.length >= request.max) done();
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
