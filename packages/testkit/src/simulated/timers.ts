// Timers of a simulation: while it runs, the global ones count virtual time and belong to the process that set them.
import type { Planned, Scheduler } from "./scheduler.ts";

type Callback = (...args: unknown[]) => void;

class VirtualTimer {
  planned: Planned | undefined;

  unref(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  hasRef(): boolean {
    return false;
  }
  [Symbol.dispose](): void {
    this.planned?.cancel();
  }
}

const NAMES = ["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"] as const;

/** Replaces the global timers until the result is called. One simulation at a time in a thread. */
export function useVirtualTimers(scheduler: Scheduler): () => void {
  const before = new Map(NAMES.map((name) => [name, globalThis[name]]));
  const timeoutBefore = AbortSignal.timeout;
  const once = (callback: Callback, afterMs: number, args: readonly unknown[]): VirtualTimer => {
    const timer = new VirtualTimer();
    timer.planned = scheduler.plan(Math.max(1, afterMs), scheduler.current, () => callback(...args));
    return timer;
  };
  const repeat = (callback: Callback, everyMs: number, args: readonly unknown[]): VirtualTimer => {
    const timer = new VirtualTimer();
    const owner = scheduler.current;
    const next = (): void => {
      timer.planned = scheduler.plan(Math.max(1, everyMs), owner, () => {
        next();
        callback(...args);
      });
    };
    next();
    return timer;
  };
  const clear = (timer: unknown): void => {
    if (timer instanceof VirtualTimer) timer.planned?.cancel();
  };
  const put = (name: (typeof NAMES)[number], value: unknown): void => {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true, enumerable: true });
  };
  put("setTimeout", (callback: Callback, afterMs = 1, ...args: unknown[]) => once(callback, afterMs, args));
  put("setInterval", (callback: Callback, everyMs = 1, ...args: unknown[]) => repeat(callback, everyMs, args));
  put("setImmediate", (callback: Callback, ...args: unknown[]) => once(callback, 0, args));
  for (const name of ["clearTimeout", "clearInterval", "clearImmediate"] as const) put(name, clear);
  AbortSignal.timeout = (afterMs) => {
    const controller = new AbortController();
    once(() => controller.abort(new DOMException("the time is over", "TimeoutError")), afterMs, []);
    return controller.signal;
  };
  return () => {
    for (const [name, value] of before) put(name, value);
    AbortSignal.timeout = timeoutBefore;
  };
}
