// Waiting for a real process to get somewhere: a condition with a deadline, never a fixed pause.
import { setTimeout as pause } from "node:timers/promises";

export interface EventuallyOptions {
  /** 10 s unless told otherwise. */
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
  /** What is waited for, for the message of a failure. */
  readonly what?: string;
}

/** Calls `check` until it returns something truthy, and returns that. What it threw last is the cause of the failure. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<Exclude<T, undefined | null | false | 0 | "">> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value) return value as Exclude<T, undefined | null | false | 0 | "">;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline)
      throw new Error(`${options.what ?? "the condition"} did not come true within ${timeoutMs} ms`, { cause: last });
    await pause(options.intervalMs ?? 20);
  }
}
