// The API as calls: retries, pages, checked answers, failures of the pool's table. Knows nothing of pools.
import { type Clock, type Random, TriplaneError } from "@triplane/contract";
import { backoffMs, type Logger, sleep } from "@triplane/kit";
import type { CallBudget } from "@triplane/vm-pool";
import { z } from "zod";
import { paginationSchema } from "./answers.ts";
import { attempt, type Exchange } from "./attempt.ts";
import { Budget } from "./budget.ts";
import { failureCodeOf, isWorthRetrying, meaningOf } from "./codes.ts";

export interface ClientOptions {
  /** With `/v1` at the end. */
  readonly endpoint: URL;
  readonly token: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Longest wait for one answer. */
  readonly timeoutMs: number;
  /** Wait before the first retry; it doubles. */
  readonly retryBaseMs: number;
}

export interface Ask {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
  readonly body?: unknown;
  /** It may happen twice without harm. GET, PUT and DELETE unless said otherwise. */
  readonly idempotent?: boolean;
}

const TRIES = 5;
const MAX_RETRY_MS = 60_000;
const PER_PAGE = 50;
/** A list that goes on for longer is not believed. */
const MAX_PAGES = 20_000;

export class HcloudClient {
  readonly #options: ClientOptions;
  readonly #budget: Budget;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#budget = new Budget(options.clock);
  }

  budget(): CallBudget | undefined {
    return this.#budget.now();
  }

  /** The checked answer. Throws what codes.ts says. */
  async ask<S extends z.ZodType>(ask: Ask, schema: S, signal: AbortSignal): Promise<z.output<S>> {
    const body = await this.#perform(ask, signal);
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    // It was done, and what became of it cannot be read.
    const code = ask.method === "GET" ? "provider_failed" : "provider_unknown_outcome";
    throw new TriplaneError(code, `${line(ask)}: the answer is not what the API documents: ${z.prettifyError(parsed.error).slice(0, 500)}`);
  }

  /** The same, and undefined where there is no such thing. */
  async askIfThere<S extends z.ZodType>(ask: Ask, schema: S, signal: AbortSignal): Promise<z.output<S> | undefined> {
    try {
      return await this.ask(ask, schema, signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Every page of a list; what moved from one page to the next meanwhile is there once. */
  async list<S extends z.ZodType<{ readonly id: number }>>(
    path: string,
    member: string,
    item: S,
    query: readonly (readonly [string, string])[],
    signal: AbortSignal,
  ): Promise<readonly z.output<S>[]> {
    const found = new Map<number, z.output<S>>();
    for (let page = 1, pages = 0; pages < MAX_PAGES; pages += 1) {
      const whole = [...query, ["page", String(page)], ["per_page", String(PER_PAGE)]] as const;
      const { entries, next } = await this.ask({ method: "GET", path, query: whole }, pageOf(member, item), signal);
      for (const each of entries) found.set(each.id, each);
      if (next === undefined) return [...found.values()];
      if (next <= page) break;
      page = next;
    }
    throw new TriplaneError("provider_failed", `GET ${path}: the pages of the list do not end`);
  }

  async #perform(ask: Ask, signal: AbortSignal): Promise<unknown> {
    const { clock, random, logger, retryBaseMs } = this.#options;
    const idempotent = ask.idempotent ?? ask.method !== "POST";
    for (let tries = 1; ; tries += 1) {
      const startedMs = clock.nowMs();
      const exchange = await this.#exchange(ask, signal);
      if (exchange.kind === "answer") return exchange.body;
      const again = tries < TRIES && !signal.aborted && shouldRetry(exchange, idempotent);
      const about = { call: line(ask), tries, ms: clock.nowMs() - startedMs, ...exchange };
      logger.debug(about, again ? "a call is tried again" : "a call failed");
      if (!again) throw failureOf(ask, exchange);
      await sleep(backoffMs(tries, { baseMs: retryBaseMs, maxMs: MAX_RETRY_MS }, random), signal);
      if (signal.aborted) throw failureOf(ask, exchange);
    }
  }

  #exchange(ask: Ask, signal: AbortSignal): Promise<Exchange> {
    const { endpoint, token, timeoutMs } = this.#options;
    const url = new URL(`${endpoint.href.replace(/\/$/, "")}${ask.path}`);
    for (const [name, value] of ask.query ?? []) url.searchParams.append(name, value);
    return attempt(ask.method, url, ask.body, { token, timeoutMs, signal, onHeaders: (headers) => this.#budget.read(headers) });
  }
}

/** One page of a list: its entries, and which page comes next. */
function pageOf<S extends z.ZodType>(member: string, item: S) {
  const entries = z.array(item).max(1000);
  return paginationSchema.loose().transform((answer, context) => {
    const parsed = entries.safeParse((answer as Readonly<Record<string, unknown>>)[member]);
    if (parsed.success) return { entries: parsed.data, next: answer.meta?.pagination?.next_page ?? undefined };
    context.addIssue({ code: "custom", message: `${member}: ${z.prettifyError(parsed.error)}` });
    return z.NEVER;
  });
}

export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof TriplaneError && thrown.details["api_code"] === "not_found";
}

function shouldRetry(exchange: Exclude<Exchange, { kind: "answer" }>, idempotent: boolean): boolean {
  switch (exchange.kind) {
    case "error":
      return isWorthRetrying(exchange.code, idempotent);
    case "odd":
      return idempotent && [502, 504].includes(exchange.status);
    case "silence":
      return idempotent;
  }
}

function failureOf(ask: Ask, exchange: Exclude<Exchange, { kind: "answer" }>): TriplaneError {
  const changes = ask.method !== "GET";
  const call = line(ask);
  switch (exchange.kind) {
    case "error": {
      const { code, message, correlationId } = exchange;
      const support = correlationId === undefined ? "" : ` [correlation id ${correlationId}]`;
      return new TriplaneError(failureCodeOf(meaningOf(code, message), changes), `${call}: ${message} (${code})${support}`, {
        details: { api_code: code, ...(correlationId === undefined ? {} : { correlation_id: correlationId }) },
      });
    }
    case "odd": {
      // A gateway's error may come after the effect; any other refusal that is not the API's own came before it.
      const unknown = changes && (exchange.status < 300 || exchange.status >= 500);
      return new TriplaneError(unknown ? "provider_unknown_outcome" : "provider_failed", `${call}: ${exchange.what}`, {
        details: { status: exchange.status, ...(exchange.correlationId === undefined ? {} : { correlation_id: exchange.correlationId }) },
      });
    }
    case "silence":
      return new TriplaneError(
        changes && exchange.sent ? "provider_unknown_outcome" : "provider_failed",
        `${call}: no answer (${exchange.what})`,
      );
  }
}

function line({ method, path }: Ask): string {
  return `${method} ${path}`;
}
