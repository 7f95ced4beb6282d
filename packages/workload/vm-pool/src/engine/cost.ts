// What a lease costs, and what a tenant has spent. Cents of the provider's currency, before tax.
import type { Capabilities, Offer } from "../provider.ts";
import type { LeaseRecord } from "./lease.ts";

const HOUR_S = 3600;

/** Of a server for so long: begun hours where they are billed. */
export function centsFor(offer: Offer, seconds: number, billing: Capabilities["billing"]): number {
  if (billing === "none") return 0;
  return rounded(Math.max(1, Math.ceil(seconds / HOUR_S)) * offer.centsPerHour);
}

/** What a lease has cost until now; undefined where it never had a server, or nothing is billed. */
export function costOf(lease: LeaseRecord, nowS: number, billing: Capabilities["billing"]): number | undefined {
  if (billing === "none" || lease.offer === undefined || lease.bootingAtS === undefined) return undefined;
  return centsFor(lease.offer, (lease.endedAtS ?? nowS) - (lease.attemptAtS ?? lease.bootingAtS), billing);
}

/** What a live lease may come to, if it stays as long as it may. */
export function committedBy(lease: LeaseRecord, billing: Capabilities["billing"]): number {
  return lease.offer === undefined ? 0 : centsFor(lease.offer, lease.expiresAtS - (lease.attemptAtS ?? lease.createdAtS), billing);
}

/** Spent by each tenant in each calendar month (UTC), of leases that are over. */
export class Spending {
  readonly #cents = new Map<string, number>();

  add(lease: LeaseRecord, billing: Capabilities["billing"]): void {
    const cents = costOf(lease, lease.endedAtS ?? lease.createdAtS, billing);
    if (cents === undefined) return;
    const key = keyOf(lease.tenant, lease.endedAtS ?? lease.createdAtS);
    this.#cents.set(key, rounded((this.#cents.get(key) ?? 0) + cents));
  }

  of(tenant: string, nowS: number): number {
    return this.#cents.get(keyOf(tenant, nowS)) ?? 0;
  }
}

function keyOf(tenant: string, atS: number): string {
  return `${tenant} ${new Date(atS * 1000).toISOString().slice(0, 7)}`;
}

/** To thousandths, so that sums of prices stay prices. */
function rounded(cents: number): number {
  return Math.round(cents * 1000) / 1000;
}
