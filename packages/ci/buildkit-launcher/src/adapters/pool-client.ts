// The vm-pool over HTTP.
//
// 1. Every answer is parsed by the contract's schemas; the token never stands in a message.
import {
  type BuildMetrics,
  isFailureCode,
  type Lease,
  leaseListSchema,
  leaseSchema,
  type Sizing,
  type SizingQuery,
  sizingSchema,
  TriplaneError,
} from "@triplane/contract";
import { tryParseJson } from "@triplane/kit";
import { z } from "zod";
import type { PoolClient } from "../run/ports.ts";

export interface PoolClientOptions {
  /** Of the orchestrator, like `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly token: string;
  /** Of one call; 30 s unless told otherwise. */
  readonly timeoutMs?: number;
}

export interface HttpPoolClient extends PoolClient {
  sizing(query: SizingQuery): Promise<Sizing>;
}

const MAX_ANSWER_CHARS = 4 * 1024 * 1024;
const failureSchema = z.looseObject({ code: z.string(), message: z.string(), hint: z.string().optional() });

interface Answer {
  readonly status: number;
  readonly value: unknown;
  readonly where: string;
}

export function poolClient(options: PoolClientOptions): HttpPoolClient {
  const ask = async (method: string, path: string, body?: unknown, withinMs = options.timeoutMs ?? 30_000): Promise<Answer> => {
    const url = new URL(`/api/v1/vm-pool${path}`, options.url);
    const where = `${method} ${url.href}`;
    try {
      const response = await fetch(url, {
        method,
        // A redirect would carry the token elsewhere.
        redirect: "error",
        signal: AbortSignal.timeout(withinMs),
        headers: {
          authorization: `Bearer ${options.token}`,
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (text.length > MAX_ANSWER_CHARS) throw new TriplaneError("unavailable", `${where}: the answer is too large`);
      return { status: response.status, value: tryParseJson(text), where };
    } catch (error) {
      if (error instanceof TriplaneError) throw error;
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message || error.message : String(error);
      throw new TriplaneError("unavailable", `${where}: ${cause}`, { cause: error });
    }
  };
  const lease = async (method: string, path: string, withinMs?: number): Promise<Lease> =>
    shaped(leaseSchema, await ask(method, path, undefined, withinMs), [200, 201]);
  const one = (leaseId: string): string => `/${encodeURIComponent(leaseId)}`;
  return {
    spawn: async (request) => {
      const answer = await ask("POST", "/spawn", request);
      return { lease: shaped(leaseSchema, answer, [200, 201]), created: answer.status === 201 };
    },
    lease: (leaseId, withinMs) => lease("GET", one(leaseId), withinMs),
    heartbeat: (leaseId) => lease("POST", `${one(leaseId)}/heartbeat`),
    release: (leaseId) => lease("DELETE", one(leaseId)),
    leases: async () => shaped(leaseListSchema, await ask("GET", ""), [200]),
    report: async (metrics: BuildMetrics) => {
      const answer = await ask("POST", "/metrics", metrics);
      if (answer.status !== 204) throw failureOf(answer);
    },
    sizing: async (query) => shaped(sizingSchema, await ask("GET", `/sizing?${new URLSearchParams(query)}`), [200]),
  };
}

function shaped<T>(schema: z.ZodType<T>, answer: Answer, statuses: readonly number[]): T {
  if (!statuses.includes(answer.status)) throw failureOf(answer);
  const parsed = schema.safeParse(answer.value);
  if (parsed.success) return parsed.data;
  throw new TriplaneError("unavailable", `${answer.where}: the answer does not have the shape of the API`);
}

function failureOf({ status, value, where }: Answer): TriplaneError {
  const body = failureSchema.safeParse(value);
  if (body.success && isFailureCode(body.data.code)) {
    const { code, message, hint } = body.data;
    return new TriplaneError(isFailureCode(code) ? code : "unavailable", message, hint === undefined ? {} : { hint });
  }
  const code = status === 401 ? "unauthorized" : status === 403 ? "forbidden" : status === 404 ? "not_found" : "unavailable";
  return new TriplaneError(code, `${where}: status ${status}`);
}
