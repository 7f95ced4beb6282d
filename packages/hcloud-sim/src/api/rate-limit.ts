// The budget of calls: a bucket that is refilled evenly, and the headers that tell of it.
import type { Clock } from "@triplane/contract";

export class RateLimit {
  readonly #perHour: number;
  readonly #clock: Clock;
  #remaining: number;
  #atMs: number;

  constructor(perHour: number, clock: Clock) {
    this.#perHour = perHour;
    this.#clock = clock;
    this.#remaining = perHour;
    this.#atMs = clock.nowMs();
  }

  /** Whether one call more is allowed; it is counted. */
  take(): boolean {
    this.#refill();
    if (this.#remaining < 1) return false;
    this.#remaining -= 1;
    return true;
  }

  /** Sets what is left, for a script. */
  set(remaining: number): void {
    this.#refill();
    this.#remaining = Math.min(remaining, this.#perHour);
  }

  headers(): Record<string, string> {
    this.#refill();
    const missing = this.#perHour - this.#remaining;
    const fullAtMs = this.#atMs + (missing / this.#perHour) * 3_600_000;
    return {
      "ratelimit-limit": String(this.#perHour),
      "ratelimit-remaining": String(Math.floor(this.#remaining)),
      "ratelimit-reset": String(Math.ceil(fullAtMs / 1000)),
    };
  }

  get message(): string {
    return `limit of ${this.#perHour} requests per hour reached`;
  }

  #refill(): void {
    const nowMs = this.#clock.nowMs();
    this.#remaining = Math.min(this.#perHour, this.#remaining + (Math.max(0, nowMs - this.#atMs) / 3_600_000) * this.#perHour);
    this.#atMs = nowMs;
  }
}
