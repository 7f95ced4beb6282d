// Whether a lease still stands: asked of the pool, remembered for a moment.
//
// 1. A lease that is gone never comes back, so that answer is kept; that it stands is believed for a few seconds only.
// 2. Where the pool does not answer, nobody knows that the lease stands, and the token does not count (`no-fail-open`).
import type { Clock } from "@triplane/contract";

/** Throws `unavailable` where the answer cannot be had. */
export type LeaseStands = (leaseId: string) => Promise<boolean>;

const MAX_REMEMBERED = 10_000;

export function rememberingLeases(ask: LeaseStands, options: { readonly clock: Clock; readonly believedMs: number }): LeaseStands {
  const gone = new Set<string>();
  const standsUntilMs = new Map<string, number>();
  const asking = new Map<string, Promise<boolean>>();

  const askOnce = async (leaseId: string): Promise<boolean> => {
    const stands = await ask(leaseId);
    const memory = stands ? standsUntilMs : gone;
    if (memory.size >= MAX_REMEMBERED) memory.clear();
    if (stands) standsUntilMs.set(leaseId, options.clock.nowMs() + options.believedMs);
    else gone.add(leaseId);
    return stands;
  };

  return async (leaseId) => {
    if (gone.has(leaseId)) return false;
    if ((standsUntilMs.get(leaseId) ?? 0) > options.clock.nowMs()) return true;
    let answer = asking.get(leaseId);
    if (answer === undefined) {
      answer = askOnce(leaseId).finally(() => asking.delete(leaseId));
      asking.set(leaseId, answer);
    }
    return await answer;
  };
}
