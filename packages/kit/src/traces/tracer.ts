// Sends the spans of ops to a collector, beside the work and never in its way.
//
// 1. `span` never waits and never throws; what the queue cannot hold is dropped and counted.
// 2. While the collector is away the queue keeps what it can; it is tried again ever more slowly.
// 3. A span says which op, which workspace and what came of it: no claim, no argument, no key.
import type { Random } from "@triplane/contract";
import { backoffMs } from "../backoff.ts";
import type { CounterMetric } from "../metrics.ts";
import { otlpRequest, type SpanAttributes } from "./otlp.ts";
import { idsOf, type SpanName } from "./spans.ts";

export interface OpSpan {
  readonly jti: string;
  readonly name: SpanName;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  /** The op came to nothing here. */
  readonly failed?: boolean;
  /** What came of it: `verdict`, `outcome`, `code`. */
  readonly attributes?: SpanAttributes;
}

export interface Tracer {
  span(span: OpSpan): void;
  /** Sends what is held, once, for at most FLUSH_MS; afterwards nothing is sent any more. Never throws. */
  close(): Promise<void>;
}

/** Where no collector is named: nothing is computed and nothing is kept. */
export const noTracer: Tracer = { span: () => undefined, close: async () => undefined };

export interface TracerOptions {
  /** Base address of an OTLP receiver over HTTP, e.g. http://127.0.0.1:4318. */
  readonly endpoint: string;
  /** The daemon. */
  readonly name: string;
  readonly workspace: string | undefined;
  /** Labelled with `result`: sent or dropped. */
  readonly spans?: CounterMetric;
  readonly random: Random;
}

export const MAX_QUEUED_SPANS = 4096;
const MAX_BATCH = 512;
const GATHER_MS = 500;
const REQUEST_MS = 5_000;
const FLUSH_MS = 1_000;
const RETRY = { baseMs: 500, maxMs: 30_000 } as const;
/** Answers after which OTLP says to try again; after any other the spans are gone. */
const TRY_AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export function createTracer(options: TracerOptions): Tracer {
  const url = `${options.endpoint.replace(/\/+$/, "")}/v1/traces`;
  const queue: OpSpan[] = [];
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let failures = 0;
  let isClosed = false;

  const count = (result: "sent" | "dropped", spans: number): void => options.spans?.add({ result }, spans);

  const later = (ms: number): void => {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(() => {
      timer = undefined;
      sending = send(REQUEST_MS).finally(() => {
        sending = undefined;
        if (queue.length > 0) later(failures === 0 ? 0 : backoffMs(failures, RETRY, options.random));
      });
    }, ms).unref();
  };

  const send = async (timeoutMs: number): Promise<void> => {
    const batch = queue.splice(0, MAX_BATCH);
    if (batch.length === 0) return;
    const outcome = await post(url, otlpRequest(options, batch.map(withIds)), timeoutMs);
    failures = outcome === "taken" ? 0 : failures + 1;
    if (outcome === "taken") count("sent", batch.length);
    if (outcome === "refused") count("dropped", batch.length);
    if (outcome !== "away") return;
    const room = Math.max(0, MAX_QUEUED_SPANS - queue.length);
    queue.unshift(...batch.slice(batch.length - room));
    if (room < batch.length) count("dropped", batch.length - room);
  };

  return {
    span: (span) => {
      if (isClosed || queue.length >= MAX_QUEUED_SPANS) {
        count("dropped", 1);
        return;
      }
      queue.push(span);
      if (sending === undefined) later(GATHER_MS);
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await sending;
      const endMs = performance.now() + FLUSH_MS;
      while (queue.length > 0 && performance.now() < endMs) {
        await send(FLUSH_MS);
        if (failures > 0) break;
      }
      count("dropped", queue.splice(0).length);
    },
  };
}

function withIds(span: OpSpan) {
  return { ...span, ...idsOf(span.jti, span.name) };
}

async function post(url: string, body: string, timeoutMs: number): Promise<"taken" | "away" | "refused"> {
  try {
    const headers = { "content-type": "application/json" };
    const response = await fetch(url, { method: "POST", body, headers, redirect: "error", signal: AbortSignal.timeout(timeoutMs) });
    await response.body?.cancel();
    return response.ok ? "taken" : TRY_AGAIN.has(response.status) ? "away" : "refused";
  } catch {
    return "away";
  }
}
