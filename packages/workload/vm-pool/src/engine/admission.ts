// Whether a request may become a lease: limits on leases and on cost, and the one retry of a build that ran out of memory.
import { type SpawnRequest, TriplaneError, tierAbove } from "@triplane/contract";
import type { Capabilities, Offer } from "../provider.ts";
import { centsFor, committedBy } from "./cost.ts";
import { isEnded, type LeaseRecord } from "./lease.ts";
import { candidates } from "./offers.ts";
import type { PoolLimits } from "./settings.ts";

export interface AdmissionView {
  /** That are not over. */
  readonly live: readonly LeaseRecord[];
  readonly offers: readonly Offer[];
  /** By the request's tenant, this month, of leases that are over. */
  readonly spentCents: number;
  readonly billing: Capabilities["billing"];
  readonly limits: PoolLimits;
}

/** Throws `pool_full`, `pool_cost_limit`, `tier_not_offered`. */
export function assertAdmitted(request: SpawnRequest, view: AdmissionView): void {
  const { live, limits } = view;
  const live1 = live.filter((lease) => !isEnded(lease));
  if (live1.length >= limits.leases) throw new TriplaneError("pool_full", `${live1.length} leases are live, the limit is ${limits.leases}`);
  const own = live1.filter((lease) => lease.tenant === request.tenant).length;
  if (own >= limits.leasesPerTenant)
    throw new TriplaneError("pool_full", `${request.tenant} has ${own} live leases, the limit for one tenant is ${limits.leasesPerTenant}`);
  const fitting = candidates(view.offers, { tier: request.tier, platform: request.platform });
  if (fitting.length === 0)
    throw new TriplaneError("tier_not_offered", `the provider offers nothing for ${request.platform} with the memory of ${request.tier}`);
  const left = centsLeft(request.tenant, view);
  if (left !== undefined && !fitting.some((offer) => centsFor(offer, request.ttl_s, view.billing) <= left))
    throw new TriplaneError("pool_cost_limit", `${request.tenant} has ${left} cents left this month, which do not pay for ${request.tier}`);
}

/** What a tenant may still spend, live leases counted at the most that they may come to; undefined without a limit. */
export function centsLeft(tenant: string, view: Omit<AdmissionView, "offers">): number | undefined {
  if (view.limits.centsPerTenantMonth === undefined) return undefined;
  const committed = view.live
    .filter((lease) => lease.tenant === tenant && !isEnded(lease))
    .reduce((sum, lease) => sum + committedBy(lease, view.billing), 0);
  return Math.max(0, Math.round((view.limits.centsPerTenantMonth - view.spentCents - committed) * 1000) / 1000);
}

/**
 * Throws `retry_refused` for anything but the first retry of a build, one tier up (`oom-retry-bounded`).
 * `first`: the lease of the build that is retried; `others`: leases that retry the same.
 */
export function assertRetry(request: SpawnRequest, first: LeaseRecord | undefined, others: readonly LeaseRecord[]): void {
  if (request.retry_of === undefined) return;
  const refused = (why: string): TriplaneError =>
    new TriplaneError("retry_refused", `${request.build_id} cannot retry ${request.retry_of}: ${why}`);
  if (first === undefined) throw refused("no lease was ever made for it");
  const isSame = first.key.repo === request.repo && first.key.target === request.target && first.key.platform === request.platform;
  if (!isSame || first.tenant !== request.tenant) throw refused("it is of another repository, target, platform or tenant");
  if (first.retryOf !== undefined) throw refused("it was a retry itself");
  if (others.length > 0) throw refused(`${others[0]?.buildId ?? ""} did`);
  if (request.tier !== tierAbove(first.tier)) throw refused(`it ran on ${first.tier}, a retry is one tier above`);
}
