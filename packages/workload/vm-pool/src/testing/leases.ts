// Leases, offers and settings for tests of the engine.
import { type LeaseRecord, newLease } from "../engine/lease.ts";
import { DEFAULT_SETTINGS, type PoolSettings } from "../engine/settings.ts";
import type { Offer } from "../provider.ts";

/** One for each tier, twice the price for twice the memory. */
export const OFFERS: readonly [Offer, Offer, Offer, Offer] = [
  { type: "s2", location: "a", cpus: 2, memoryMib: 4096, platform: "linux/amd64", centsPerHour: 1 },
  { type: "s4", location: "a", cpus: 4, memoryMib: 8192, platform: "linux/amd64", centsPerHour: 2 },
  { type: "s8", location: "a", cpus: 8, memoryMib: 16_384, platform: "linux/amd64", centsPerHour: 4 },
  { type: "s16", location: "a", cpus: 16, memoryMib: 32_768, platform: "linux/amd64", centsPerHour: 8 },
];

/** Creating, for an hour, unless told otherwise. */
export function leaseOf(more: Partial<LeaseRecord>): LeaseRecord {
  const { createdAtS = 1000, ttlS = 3600, ...rest } = more;
  const terms = {
    ...({ id: `lease-${"0".repeat(32)}`, buildId: "b1", retryOf: undefined, tenant: "default", tier: "cx22", ttlS } as const),
    key: { repo: "acme/api", target: "", platform: "linux/amd64" } as const,
    ...{ mayPull: [], authorizedKey: "ssh-ed25519 AAAA", hostKey: "ssh-ed25519 BBBB", offer: OFFERS[0] },
  };
  return { ...newLease(terms, createdAtS), ...rest };
}

export function settingsOf(more: Partial<PoolSettings> = {}): PoolSettings {
  const limits = { leases: 8, leasesPerTenant: 6, centsPerTenantMonth: undefined };
  return { ...DEFAULT_SETTINGS, pool: "pool-a", limits, golden: { golden: "current" }, ...more };
}
