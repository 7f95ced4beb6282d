// What is left of the calls: the last headers, and what has been refilled since.
import type { Clock } from "@triplane/contract";
import type { CallBudget } from "@triplane/vm-pool";

const HOUR_S = 3600;

export class Budget {
  readonly #clock: Clock;
  #seen: { readonly limit: number; readonly remaining: number; readonly atMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes in the headers of an answer; without all of them, or with nonsense in them, nothing changes. */
  read(headers: Headers): void {
    const limit = count(headers.get("ratelimit-limit"));
    const remaining = count(headers.get("ratelimit-remaining"));
    if (limit === undefined || remaining === undefined || limit === 0 || remaining > limit) return;
    this.#seen = { limit, remaining, atMs: this.#clock.nowMs() };
  }

  /** The limit is of an hour and refilled evenly. undefined before the first answer. */
  now(): CallBudget | undefined {
    if (this.#seen === undefined) return undefined;
    const { limit, remaining, atMs } = this.#seen;
    const nowMs = this.#clock.nowMs();
    const refilled = Math.min(limit, remaining + (Math.max(0, nowMs - atMs) / 1000) * (limit / HOUR_S));
    return { limit, remaining: Math.floor(refilled), fullAtS: Math.ceil(nowMs / 1000 + (limit - refilled) * (HOUR_S / limit)) };
  }
}

function count(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
