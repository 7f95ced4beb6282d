import assert from "node:assert/strict";
import { test } from "node:test";
import { LEASE_FAILPOINTS } from "@triplane/contract";
import type { PoolParts } from "./ports.ts";
import { type Outcome, SimulatedWorld } from "./testing/simulated-world.ts";

/** More of them: TRIPLANE_SIMULATIONS=5000. */
const RUNS = Number(process.env["TRIPLANE_SIMULATIONS"] ?? 150);

async function worlds(count: number, prefix: string, spoil?: (parts: PoolParts) => PoolParts): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let run = 0; run < count; run += 1)
    outcomes.push(await new SimulatedWorld({ seed: `${prefix}${run}`, launchers: 6, ...(spoil === undefined ? {} : { spoil }) }).run());
  return outcomes;
}

test("runner-always-destroyed: whatever dies, gets lost or comes late, no runner is left, none below its memory, none twice", async () => {
  const outcomes = await worlds(RUNS, "pool ");
  assert.deepEqual(
    outcomes.filter(({ broken }) => broken.length > 0).map(({ seed, broken }) => [seed, broken]),
    [],
  );
  const steps = new Set(outcomes.flatMap(({ failpoints }) => [...failpoints]));
  assert.deepEqual([...steps].sort(), [...LEASE_FAILPOINTS].sort());
  const ends = new Set(outcomes.flatMap(({ ends: each }) => Object.keys(each)));
  for (const end of ["given back", "lease_expired", "lease_abandoned", "runner_not_ready", "runner_lost", "provider_limit"])
    assert.ok(ends.has(end), `none ended by ${end}`);
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((total, outcome) => total + of(outcome), 0);
  assert.ok(sum(({ deaths }) => deaths) > RUNS && sum(({ readyLeases }) => readyLeases) > RUNS);
});

test("the same seed gives the same interleaving", async () => {
  const [first, second] = [await worlds(2, "same "), await worlds(2, "same ")];
  assert.deepEqual(
    first.map(({ hash }) => hash),
    second.map(({ hash }) => hash),
  );
});

test("runner-always-destroyed: a pool that believes a lost create never happened is noticed", async () => {
  const forgets = (parts: PoolParts): PoolParts => ({
    ...parts,
    provider: { ...parts.provider, find: async () => undefined, list: async () => [] },
  });
  const outcomes = await worlds(10, "spoiled ", forgets);
  assert.ok(outcomes.some(({ broken }) => broken.some((line) => line.includes("never destroyed"))));
});
