// Whether a request may become a lease: limits on leases and on cost, and the one retry of a build that ran out of memory.
import { type SpawnRequest, type Tier, TriplaneError, tierAbove } from "@triplane/contract";
import type { Capabilities, Offer } from "../provider.ts";
import { centsFor, committedBy } from "./cost.ts";
import { isEnded, type LeaseRecord } from "./lease.ts";
import { candidates, tierOf } from "./offers.ts";
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

/** The cheapest offer that will do, which is what the lease is counted at from now on. Throws `pool_full`, `pool_cost_limit`, `tier_not_offered`. */
export function assertAdmitted(request: SpawnRequest, view: AdmissionView): Offer {
  const { limits } = view;
  const live = view.live.filter((lease) => !isEnded(lease));
  if (live.length >= limits.leases) throw new TriplaneError("pool_full", `${live.length} leases are live, the limit is ${limits.leases}`);
  const own = live.filter((lease) => lease.tenant === request.tenant).length;
  if (own >= limits.leasesPerTenant)
    throw new TriplaneError("pool_full", `${request.tenant} has ${own} live leases, the limit for one tenant is ${limits.leasesPerTenant}`);
  const fitting = candidates(view.offers, { tier: request.tier, platform: request.platform });
  const [cheapest] = fitting;
  if (cheapest === undefined)
    throw new TriplaneError("tier_not_offered", `the provider offers nothing for ${request.platform} with the memory of ${request.tier}`);
  const left = centsLeft(request.tenant, view);
  if (left !== undefined && centsFor(cheapest, request.ttl_s, view.billing) > left)
    throw new TriplaneError("pool_cost_limit", `${request.tenant} has ${left} cents left this month, which do not pay for ${request.tier}`);
  return cheapest;
}

/** What a tenant may still spend, live leases counted at the most that they may come to; undefined without a limit. */
export function centsLeft(tenant: string, view: Omit<AdmissionView, "offers">): number | undefined {
  if (view.limits.centsPerTenantMonth === undefined) return undefined;
  const committed = view.live
    .filter((lease) => lease.tenant === tenant && !isEnded(lease))
    .reduce((sum, lease) => sum + committedBy(lease, view.billing), 0);
  return Math.max(0, Math.round((view.limits.centsPerTenantMonth - view.spentCents - committed) * 1000) / 1000);
}

export interface RetryView {
  /** The lease of the build that is retried. */
  readonly first: LeaseRecord | undefined;
  /** What its launcher reported of it; undefined where no report came. */
  readonly outcome: string | undefined;
  /** Leases that retry the same build. */
  readonly others: readonly LeaseRecord[];
}

/** Throws `retry_refused` for anything but the first retry of a build that ran out of memory, one tier above what it ran on (`oom-retry-bounded`). */
export function assertRetry(request: SpawnRequest, { first, outcome, others }: RetryView): void {
  if (request.retry_of === undefined) return;
  const refused = (why: string): TriplaneError =>
    new TriplaneError("retry_refused", `${request.build_id} cannot retry ${request.retry_of}: ${why}`);
  if (first === undefined) throw refused("no lease was ever made for it");
  const isSame = first.key.repo === request.repo && first.key.target === request.target && first.key.platform === request.platform;
  if (!isSame || first.tenant !== request.tenant) throw refused("it is of another repository, target, platform or tenant");
  if (first.retryOf !== undefined) throw refused("it was a retry itself");
  if (others.length > 0) throw refused(`${others[0]?.buildId ?? ""} did`);
  if (outcome !== undefined && outcome !== "oom") throw refused(`its launcher reported ${outcome}, not oom`);
  const ran = ranOn(first);
  if (request.tier !== tierAbove(ran)) throw refused(`it ran on ${ran}, a retry is one tier above`);
}

/** The tier that a lease's runner amounts to, which is above the one asked for where that was not to be had. */
export function ranOn(lease: Pick<LeaseRecord, "tier" | "offer" | "bootingAtS">): Tier {
  return lease.bootingAtS === undefined || lease.offer === undefined ? lease.tier : tierOf(lease.offer, lease.tier);
}
