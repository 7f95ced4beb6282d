import assert from "node:assert/strict";
import { test } from "node:test";
import { TIER_SIZES, TIERS, type Tier } from "@triplane/contract";
import fc from "fast-check";
import { decideSize, HEADROOM, MIN_SAMPLES, SHRINK_ROOM, type SizeSample, sizingOf } from "./decide.ts";

const GIB = 1024;

/** Newest first, all on `tier`. */
function runs(tier: Tier, ...gib: readonly number[]): readonly SizeSample[] {
  return gib.map((each, at) => ({ finishedAtS: 1000 - at, tier, peakMib: each * GIB, isLowerBound: false }));
}

function outOfMemory(tier: Tier, peakMib = 0): SizeSample {
  return { finishedAtS: 2000, tier, peakMib, isLowerBound: true };
}

const tiersOf = (decision: ReturnType<typeof decideSize>): readonly string[] => [decision.tier, decision.source];

test("decideSize: without enough samples the language says", () => {
  assert.deepEqual(tiersOf(decideSize([], "rust")), ["cx42", "language"]);
  assert.deepEqual(tiersOf(decideSize(runs("cx42", 1, 1, 1, 1), "node")), ["cx22", "language"]);
  assert.match(decideSize([], "other").reason, /0 samples, 5 are needed; builds of an unknown language begin with cx22/);
});

test("decideSize: few samples only raise: a run that needed more, or was out of memory", () => {
  assert.deepEqual(tiersOf(decideSize(runs("cx32", 5), "node")), ["cx32", "history"]);
  assert.deepEqual(tiersOf(decideSize([outOfMemory("cx22")], "node")), ["cx32", "history"]);
  assert.match(decideSize([outOfMemory("cx22")], "node").reason, /a run was out of memory/);
  assert.deepEqual(tiersOf(decideSize([outOfMemory("cx52")], "node")), ["cx52", "history"], "there is nothing above");
});

test("decideSize: p95 × 1.2 decides where there are enough", () => {
  const decision = decideSize(runs("cx42", 5, 5, 5, 5, 5), "node");
  assert.deepEqual([...tiersOf(decision), decision.p95Mib], ["cx32", "history", 5 * GIB]);
  assert.match(decision.reason, /p95 of 5 samples is 5\.0 GiB, × 1\.2 = 6\.0 GiB: cx32 has 8\.0 GiB/);
  assert.deepEqual(tiersOf(decideSize(runs("cx22", 3, 3, 3, 3, 7), "node")), ["cx42", "history"]);
});

test("decideSize: of twenty one may be odd, of fewer none", () => {
  assert.equal(decideSize(runs("cx22", ...Array<number>(19).fill(2), 20), "node").tier, "cx22");
  assert.equal(decideSize(runs("cx22", ...Array<number>(18).fill(2), 20), "node").tier, "cx52");
});

test("decideSize: a run out of memory counts as more than its machine had", () => {
  const decision = decideSize([outOfMemory("cx32"), ...runs("cx32", 2, 2, 2, 2, 2)], "node");
  assert.deepEqual(tiersOf(decision), ["cx42", "history"]);
  assert.match(decision.reason, /1 run out of memory counted/);
});

test("decideSize: goes down only to a tier that the need does not all but fill", () => {
  assert.equal(decideSize(runs("cx32", 2.8, 2.8, 2.8, 2.8, 2.8), "node").tier, "cx22", "3.36 of 4 GiB: room");
  const near = decideSize(runs("cx32", 3, 3, 3, 3, 3), "node");
  assert.equal(near.tier, "cx32", "3.6 of 4 GiB");
  assert.match(near.reason, /too close to all of cx22 to go down to it from cx32/);
  assert.equal(decideSize(runs("cx52", 3, 3, 3, 3, 3), "node").tier, "cx32", "not all the way stays at the top");
  assert.equal(decideSize(runs("cx22", 3, 3, 3, 3, 3), "node").tier, "cx22", "where it is there already it stays");
});

const sampleArb: fc.Arbitrary<SizeSample> = fc
  .record({
    tier: fc.constantFrom(...TIERS),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    isLowerBound: fc.boolean(),
    finishedAtS: fc.nat(),
  })
  .map(({ tier, share, ...rest }) => ({ ...rest, tier, peakMib: Math.floor(TIER_SIZES[tier].memoryMib * share) }));

test("decideSize: what it decides holds p95 × 1.2, and another larger sample never makes it smaller", () => {
  fc.assert(
    fc.property(fc.array(sampleArb, { maxLength: 60 }), (samples) => {
      const { tier, p95Mib } = decideSize(samples, "other");
      if (p95Mib !== undefined) assert.ok(tier === "cx52" || TIER_SIZES[tier].memoryMib >= p95Mib * HEADROOM);
      const tops = samples.map((sample) => ({ ...sample, peakMib: TIER_SIZES[sample.tier].memoryMib }));
      assert.ok(TIERS.indexOf(decideSize(tops, "other").tier) >= TIERS.indexOf(tier));
    }),
  );
});

test("decideSize: a build that always needs the same comes to rest", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30_000 }), fc.constantFrom(...TIERS), (peakMib, start) => {
      let history: readonly SizeSample[] = [];
      let tier: Tier = start;
      const seen: Tier[] = [];
      for (let run = 0; run < 3 * MIN_SAMPLES; run += 1) {
        const isLowerBound = peakMib > TIER_SIZES[tier].memoryMib;
        history = [{ finishedAtS: run, tier, peakMib: Math.min(peakMib, TIER_SIZES[tier].memoryMib), isLowerBound }, ...history];
        tier = decideSize(history, "other").tier;
        seen.push(tier);
      }
      assert.equal(new Set(seen.slice(-MIN_SAMPLES)).size, 1, seen.join(" "));
      assert.ok(tier === "cx52" || TIER_SIZES[tier].memoryMib >= peakMib);
    }),
  );
});

test("sizingOf: the key, the decision and the newest samples; SHRINK_ROOM leaves what HEADROOM wants", () => {
  const sizing = sizingOf({ repo: "acme/api", target: "", platform: "linux/amd64" }, runs("cx22", ...Array<number>(60).fill(1)), "go");
  assert.deepEqual([sizing.repo, sizing.tier, sizing.p95_mib, sizing.samples.length], ["acme/api", "cx22", GIB, 50]);
  assert.ok(SHRINK_ROOM < 1 && HEADROOM > 1);
});
