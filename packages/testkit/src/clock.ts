// A clock that only moves when told.
import type { Clock } from "@triplane/contract";

export interface ManualClock extends Clock {
  advance(ms: number): void;
  set(nowMs: number): void;
}

/** Starts at 2026-01-05T09:00:00Z, a Monday morning, unless told otherwise. */
export function manualClock(startMs = Date.UTC(2026, 0, 5, 9)): ManualClock {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
    },
    set: (ms) => {
      nowMs = ms;
    },
  };
}
