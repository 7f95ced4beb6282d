import assert from "node:assert/strict";
import { test } from "node:test";
import { LEASE_FAILPOINTS } from "@triplane/contract";
import { MUTANTS, mutatedWorld } from "./testing/mutants.ts";
import { type Outcome, SimulatedWorld } from "./testing/simulated-world.ts";

/** More of them: TRIPLANE_SIMULATIONS=5000. */
const RUNS = Number(process.env["TRIPLANE_SIMULATIONS"] ?? 300);
/** A mutant that so many worlds do not notice has survived. */
const MUTANT_RUNS = 150;

async function world(seed: string, World = SimulatedWorld): Promise<Outcome> {
  return await new World({ seed, launchers: 6 }).run();
}

test("runner-always-destroyed, oom-retry-bounded: whatever dies, gets lost or comes late, no runner is left, none below its memory, none twice", async () => {
  const outcomes: Outcome[] = [];
  for (let run = 0; run < RUNS; run += 1) outcomes.push(await world(`pool ${run}`));
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
  assert.equal((await world("same")).hash, (await world("same")).hash);
});

for (const mutant of MUTANTS) {
  test(`a world notices ${mutant.name}: ${mutant.wrong}`, async () => {
    const { SimulatedWorld: Mutated } = await mutatedWorld(mutant);
    const seen = new Set<string>();
    for (let run = 0; run < MUTANT_RUNS; run += 1) {
      const { broken } = await world(`mutant ${run}`, Mutated);
      for (const line of broken) seen.add(line);
      if (broken.some((line) => mutant.notices.test(line))) return;
    }
    assert.fail(`it survived ${MUTANT_RUNS} worlds, which told ${[...seen].join("; ") || "nothing"}`);
  });
}
