// The control API under /_sim: the script of faults, the log of calls, the budget.
import { z } from "zod";
import { type FaultScript, faultsSchema } from "../faults/fault.ts";
import type { RateLimit } from "./rate-limit.ts";

export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** 0 where the connection was cut. */
  readonly status: number;
  readonly faults: readonly string[];
}

const MAX_LOGGED = 10_000;

export class RequestLog {
  #entries: LoggedRequest[] = [];
  #total = 0;

  add(entry: LoggedRequest): void {
    this.#total += 1;
    this.#entries.push(entry);
    if (this.#entries.length > 2 * MAX_LOGGED) this.#entries = this.#entries.slice(-MAX_LOGGED);
  }

  clear(): void {
    this.#entries = [];
    this.#total = 0;
  }

  get total(): number {
    return this.#total;
  }

  get entries(): readonly LoggedRequest[] {
    return this.#entries;
  }
}

export interface ControlOptions {
  readonly faults: FaultScript;
  readonly requests: RequestLog;
  readonly rateLimit: RateLimit;
}

export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

const budgetSchema = z.strictObject({ remaining: z.number().min(0).max(1_000_000) });

/** `path` without `/_sim`. */
export function control(method: string, path: string, text: string, { faults, requests, rateLimit }: ControlOptions): ControlAnswer {
  const one = /^\/faults\/([A-Za-z0-9._-]{1,64})$/.exec(path)?.[1];
  switch (`${method} ${one === undefined ? path : "/faults/{id}"}`) {
    case "GET /faults":
      return { status: 200, body: { faults: faults.list() } };
    case "POST /faults": {
      const parsed = faultsSchema.safeParse(json(text));
      if (!parsed.success) return wrong(z.prettifyError(parsed.error));
      return { status: 201, body: { ids: parsed.data.map((fault) => faults.add(fault)) } };
    }
    case "DELETE /faults":
      faults.clear();
      return { status: 200, body: { faults: [] } };
    case "DELETE /faults/{id}":
      return faults.remove(one ?? "") ? { status: 200, body: {} } : { status: 404, body: { error: "there is no such fault" } };
    case "GET /requests":
      return { status: 200, body: { total: requests.total, requests: requests.entries } };
    case "DELETE /requests":
      requests.clear();
      return { status: 200, body: { total: 0, requests: [] } };
    case "POST /rate-limit": {
      const parsed = budgetSchema.safeParse(json(text));
      if (!parsed.success) return wrong(z.prettifyError(parsed.error));
      rateLimit.set(parsed.data.remaining);
      return { status: 200, body: rateLimit.headers() };
    }
    default:
      return { status: 404, body: { error: "there are /_sim/faults, /_sim/requests and /_sim/rate-limit" } };
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function wrong(error: string): ControlAnswer {
  return { status: 422, body: { error } };
}
