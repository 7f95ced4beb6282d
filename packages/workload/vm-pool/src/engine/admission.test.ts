import assert from "node:assert/strict";
import { test } from "node:test";
import { type FailureCode, type SpawnRequest, TIER_SIZES, TIERS } from "@triplane/contract";
import fc from "fast-check";
import type { Offer } from "../provider.ts";
import { leaseOf, OFFERS } from "../testing/leases.ts";
import { type AdmissionView, assertAdmitted, assertRetry, centsLeft, type RetryView, ranOn } from "./admission.ts";
import { mayCall } from "./budget.ts";
import { centsFor, committedBy, costOf, Spending } from "./cost.ts";
import { candidates, tierOf, UnavailableOffers } from "./offers.ts";

const HOUR_S = 3600;

function requestOf(more: Partial<SpawnRequest> = {}): SpawnRequest {
  return {
    ...{ build_id: "b2", repo: "acme/api", target: "", platform: "linux/amd64", tier: "cx22", ttl_s: HOUR_S, tenant: "default" },
    ssh_public_key: "ssh-ed25519 AAAA",
    ...more,
  };
}

function viewOf(more: Partial<AdmissionView> = {}): AdmissionView {
  const limits = { leases: 3, leasesPerTenant: 2, centsPerTenantMonth: undefined };
  return { live: [], offers: OFFERS, spentCents: 0, billing: "hour", limits, ...more };
}

const refuses = (request: SpawnRequest, view: AdmissionView, code: FailureCode): void =>
  assert.throws(() => assertAdmitted(request, view), { code });

test("assertAdmitted: the cheapest that will do; nothing that will do is tier_not_offered", () => {
  assert.equal(assertAdmitted(requestOf({ tier: "cx32" }), viewOf()), OFFERS[1]);
  refuses(requestOf({ tier: "cx52" }), viewOf({ offers: OFFERS.slice(0, 3) }), "tier_not_offered");
  refuses(requestOf({ platform: "linux/arm64" }), viewOf(), "tier_not_offered");
});

test("assertAdmitted: live leases count for the pool and for the tenant; those that are over do not", () => {
  const live = [leaseOf({}), leaseOf({ tenant: "other" })];
  assertAdmitted(requestOf(), viewOf({ live }));
  refuses(requestOf(), viewOf({ live: [...live, leaseOf({})] }), "pool_full");
  refuses(requestOf({ tenant: "other" }), viewOf({ live: [...live, leaseOf({ tenant: "other" })] }), "pool_full");
  refuses(requestOf({ tenant: "third" }), viewOf({ live: [...live, leaseOf({ tenant: "x" })] }), "pool_full");
  assertAdmitted(requestOf(), viewOf({ live: [leaseOf({ state: "gone" }), leaseOf({ state: "failed" }), leaseOf({})] }));
});

test("assertAdmitted: a lease that has asked for nothing yet is paid for already", () => {
  const limits = { leases: 9, leasesPerTenant: 9, centsPerTenantMonth: 10 };
  assertAdmitted(requestOf({ tier: "cx52" }), viewOf({ limits, spentCents: 2 }));
  refuses(requestOf({ tier: "cx52" }), viewOf({ limits, spentCents: 3 }), "pool_cost_limit");
  const live = [leaseOf({ offer: OFFERS[3], tier: "cx52" })];
  assert.equal(centsLeft("default", viewOf({ limits, live })), 2);
  refuses(requestOf({ tier: "cx42" }), viewOf({ limits, live }), "pool_cost_limit");
  assertAdmitted(requestOf({ tier: "cx42", tenant: "other" }), viewOf({ limits, live }));
  assertAdmitted(requestOf({ tier: "cx52", ttl_s: 24 * HOUR_S }), viewOf({ limits, billing: "none" }));
});

test("oom-retry-bounded: one retry, of the same build, one tier above what it ran on, and only where memory was the reason", () => {
  const first = leaseOf({ state: "gone", bootingAtS: 1010 });
  const retry = requestOf({ retry_of: "b1", tier: "cx32" });
  const view = (more: Partial<RetryView> = {}): RetryView => ({ first, outcome: "oom", others: [], ...more });
  assertRetry(retry, view());
  // A report may get lost; the pool then has the launcher's word only.
  assertRetry(retry, view({ outcome: undefined }));
  const refused = (request: SpawnRequest, parts: RetryView): void =>
    assert.throws(() => assertRetry(request, parts), { code: "retry_refused" });
  for (const tier of ["cx22", "cx42", "cx52"] as const) refused({ ...retry, tier }, view());
  for (const outcome of ["built", "failed", "disk-full", "cancelled", "infrastructure"]) refused(retry, view({ outcome }));
  refused(retry, view({ first: undefined }));
  refused(retry, view({ first: { ...first, retryOf: "b0" } }));
  refused(retry, view({ others: [leaseOf({ buildId: "b9", retryOf: "b1" })] }));
  refused({ ...retry, repo: "acme/other" }, view());
  refused({ ...retry, tenant: "other" }, view());
  refused({ ...retry, tier: "cx52" }, view({ first: leaseOf({ tier: "cx52", offer: OFFERS[3], bootingAtS: 1 }) }));
  const larger = leaseOf({ offer: OFFERS[1], bootingAtS: 1010 });
  assert.equal(ranOn(larger), "cx32");
  assertRetry({ ...retry, tier: "cx42" }, view({ first: larger }));
  refused(retry, view({ first: larger }));
});

const offerArb: fc.Arbitrary<Offer> = fc.record({
  ...{ type: fc.string(), location: fc.string(), cpus: fc.integer({ min: 1, max: 64 }), memoryMib: fc.integer({ min: 1, max: 200_000 }) },
  ...{ platform: fc.constantFrom("linux/amd64", "linux/arm64"), centsPerHour: fc.integer({ min: 0, max: 1000 }) },
});

test("candidates, tierOf: never below the memory that is needed, cheapest first", () => {
  fc.assert(
    fc.property(fc.array(offerArb), fc.constantFrom(...TIERS), (offers, tier) => {
      const found = candidates(offers, { tier, platform: "linux/amd64" });
      for (const [at, offer] of found.entries()) {
        assert.ok(offer.memoryMib >= TIER_SIZES[tier].memoryMib && offer.platform === "linux/amd64");
        assert.ok(at === 0 || (found[at - 1]?.centsPerHour ?? 0) <= offer.centsPerHour);
        assert.ok(TIERS.indexOf(tierOf(offer, tier)) >= TIERS.indexOf(tier));
        assert.ok(TIER_SIZES[tierOf(offer, tier)].memoryMib <= Math.max(offer.memoryMib, TIER_SIZES[tier].memoryMib));
      }
    }),
  );
});

test("UnavailableOffers: left out until the time is over, and only at that place", () => {
  const unavailable = new UnavailableOffers();
  unavailable.add(OFFERS[0], 100);
  assert.deepEqual([unavailable.has(OFFERS[0], 99), unavailable.has({ ...OFFERS[0], location: "b" }, 99)], [true, false]);
  assert.deepEqual([unavailable.has(OFFERS[0], 100), unavailable.has(OFFERS[0], 99)], [false, false]);
});

test("centsFor, costOf, committedBy: begun hours, from the create on; nothing where nothing is billed or nothing was made", () => {
  assert.deepEqual(
    [0, 1, 3600, 3601].map((seconds) => centsFor(OFFERS[1], seconds, "hour")),
    [2, 2, 2, 4],
  );
  assert.equal(centsFor(OFFERS[1], 9999, "none"), 0);
  const lease = leaseOf({ attemptAtS: 1000, bootingAtS: 1100, ttlS: 2 * HOUR_S });
  assert.deepEqual([costOf(lease, 1000 + HOUR_S, "hour"), costOf(lease, 1001 + HOUR_S, "hour")], [1, 2]);
  assert.deepEqual([costOf({ ...lease, endedAtS: 1200 }, 99_999, "hour"), costOf(lease, 1001, "none")], [1, undefined]);
  assert.equal(costOf(leaseOf({}), 5000, "hour"), undefined);
  assert.equal(committedBy(leaseOf({ offer: OFFERS[3], ttlS: 2 * HOUR_S }), "hour"), 16);
});

test("Spending: by tenant and calendar month", () => {
  const spending = new Spending();
  const march = Date.UTC(2026, 2, 31, 23) / 1000;
  spending.add(leaseOf({ state: "gone", attemptAtS: march, bootingAtS: march, endedAtS: march + 60 }), "hour");
  spending.add(leaseOf({ state: "gone", attemptAtS: march, bootingAtS: march, endedAtS: march + 2 * HOUR_S }), "hour");
  spending.add(leaseOf({ state: "failed", endedAtS: march }), "hour");
  assert.deepEqual([spending.of("default", march), spending.of("default", march + HOUR_S), spending.of("other", march)], [1, 2, 0]);
});

test("mayCall: what destroys goes first, and a spent budget is waited for", () => {
  const budget = (remaining: number) => ({ limit: 3600, remaining, fullAtS: 1000 });
  for (const kind of ["destroy", "list", "create", "look"] as const)
    assert.ok(mayCall(kind, undefined, 9, 0) && mayCall(kind, budget(0), 9, 1000));
  assert.ok(mayCall("destroy", budget(0), 100, 0));
  assert.deepEqual([mayCall("list", budget(10), 5, 0), mayCall("list", budget(11), 5, 0)], [false, true]);
  assert.deepEqual([mayCall("create", budget(25), 5, 0), mayCall("create", budget(26), 5, 0)], [false, true]);
  assert.ok(mayCall("create", { limit: 4, remaining: 3, fullAtS: 1000 }, 50, 0), "a small limit does not forbid everything");
});
