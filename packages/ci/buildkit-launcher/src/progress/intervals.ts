// Lengths of time that overlap. Pure.

/** Milliseconds since 1970, both. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Seconds that at least one of them covers. */
export function coveredSeconds(intervals: readonly Interval[]): number {
  let coveredMs = 0;
  let endMs = Number.NEGATIVE_INFINITY;
  for (const { fromMs, toMs } of intervals.toSorted((a, b) => a.fromMs - b.fromMs)) {
    coveredMs += Math.max(0, toMs - Math.max(fromMs, endMs));
    endMs = Math.max(endMs, toMs);
  }
  return coveredMs / 1000;
}
