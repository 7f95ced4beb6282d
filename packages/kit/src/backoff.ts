// How long to wait before trying again: exponential with full jitter, so that clients that failed together do not return together.
import type { Random } from "@triplane/contract";

export interface BackoffLimits {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Milliseconds to wait after failure number `attempt` (the first is 1): between half of and the whole of `baseMs * 2^(attempt-1)`, at most `maxMs`. */
export function backoffMs(attempt: number, limits: BackoffLimits, random: Random): number {
  const exponent = Math.min(Math.max(attempt, 1) - 1, 30);
  const ceilingMs = Math.min(limits.baseMs * 2 ** exponent, limits.maxMs);
  return Math.round(ceilingMs * (0.5 + 0.5 * unitFraction(random)));
}

/** A number in [0, 1). */
function unitFraction(random: Random): number {
  const bytes = random.bytes(4);
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
}
