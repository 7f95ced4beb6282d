// The whole way of an op, the product's own classes in one thread, under thousands of drawn interleavings of crash, redelivery, loss,
// duplicate, delay and wrong clocks. SIMULATION_SEED, SIMULATION_RUNS and SIMULATION_ONLY choose which.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { FAILPOINTS } from "@triplane/contract";
import { runCampaign, tellFailed } from "./campaign.ts";
import { runInterleaving } from "./interleaving.ts";
import { rememberSignatures } from "./memo.ts";
import { MUTATIONS } from "./mutations.ts";
import { MISHAPS } from "./weather.ts";

const SEED = process.env["SIMULATION_SEED"] ?? randomBytes(4).toString("hex");
const RUNS = Number(process.env["SIMULATION_RUNS"] ?? 2000);
const ONLY = process.env["SIMULATION_ONLY"];

/** Enough that every kind of mishap and every failpoint has happened many times over; and what is rare, too. */
const RUNS_THAT_MEET_ALL = 1500;
const RUNS_THAT_MEET_THE_RARE = 10_000;
const MAX_RUNS_UNTIL_FOUND = 400;

rememberSignatures();

if (ONLY !== undefined) {
  test("simulation: the interleaving that SIMULATION_ONLY names", async () => {
    const { violations } = await runInterleaving({ seed: SEED, number: Number(ONLY) });
    assert.deepEqual(violations, [], await tellFailed(SEED, Number(ONLY)));
  });
}

const MUST_HAPPEN = [
  ...MISHAPS,
  ...["applied", "conflict version_conflict", "refused policy_denied", "refused review_rejected", "refused review_expired"],
  ...["refused sequence_fork", "refused sequence_gap", "refused token_malformed", "refused clock_skew"],
  ...["redelivered from OPS_PENDING", "redelivered from OPS_REVIEW", "redelivered from OPS_CMD", "redelivered from OPS_AUDIT"],
  ...["publish_unconfirmed", "bus_unreachable", "lease_lost", "store_commit_unknown", "git_failed", "unavailable", "chain_broken"],
];

/** Once in some hundred interleavings. */
const RARE = ["orchestrator: fencing_stale", "refused policy_changed", "orchestrator: store_commit_unknown"];

test("simulation: no interleaving loses an op, does one twice, or leaves one behind (every-command-lands, applied-once, persist-before-ack, publish-before-ack)", async (context) => {
  context.diagnostic(`SIMULATION_SEED=${SEED} SIMULATION_RUNS=${RUNS}`);
  const startedMs = performance.now();
  const results = await runCampaign(SEED, RUNS);
  const seconds = (performance.now() - startedMs) / 1000;
  assert.equal(results.length, RUNS);
  const failed = results.find(({ violations }) => violations.length > 0);
  if (failed !== undefined) assert.fail(await tellFailed(SEED, failed.number));

  const happened = new Map<string, number>();
  for (const result of results)
    for (const [name, count] of Object.entries(result.happened)) happened.set(name, (happened.get(name) ?? 0) + count);
  const died = new Set(results.flatMap(({ failpoints }) => failpoints));
  const sum = (pick: (result: (typeof results)[number]) => number): number => results.reduce((all, result) => all + pick(result), 0);
  context.diagnostic(
    `${RUNS} interleavings of ${sum(({ ops }) => ops)} ops in ${seconds.toFixed(1)} s: ${(RUNS / seconds).toFixed(0)} a second, ` +
      `${sum(({ events }) => events)} events, ${(sum(({ virtualMs }) => virtualMs) / 3_600_000).toFixed(1)} hours of virtual time`,
  );
  const told = [...happened].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${name} ${count}`);
  context.diagnostic(`${told.join(", ")}; deaths at ${died.size} failpoints`);
  if (RUNS < RUNS_THAT_MEET_ALL) return;
  // What never happened proves nothing.
  assert.deepEqual(
    [...MUST_HAPPEN, ...(RUNS < RUNS_THAT_MEET_THE_RARE ? [] : RARE)].filter((name) => !happened.has(name)),
    [],
    "what never happened",
  );
  const expected = FAILPOINTS.filter((name) => !name.startsWith("submitter."));
  assert.deepEqual(
    expected.filter((name) => !died.has(name)),
    [],
    "failpoints at which nothing ever died",
  );
});

test("simulation: the same seed gives the same interleaving, event for event, in any order and in any thread (time-is-an-input)", async () => {
  const elsewhere = await runCampaign("again", 12);
  for (const { number, hash, events, virtualMs } of elsewhere.toReversed()) {
    const here = await runInterleaving({ seed: "again", number });
    assert.deepEqual([here.hash, here.events, here.virtualMs], [hash, events, virtualMs], `interleaving ${number}`);
  }
  assert.equal(new Set(elsewhere.map(({ hash }) => hash)).size, elsewhere.length);
});

for (const mutation of MUTATIONS) {
  for (const onlyAtRest of [false, true]) {
    const how = onlyAtRest ? "by what is left at the end" : "while it runs or at the end";
    test(`simulation: finds, ${how}: ${mutation.name}`, async (context) => {
      for (let number = 1; number <= MAX_RUNS_UNTIL_FOUND; number += 1) {
        const { violations } = await runInterleaving({ seed: SEED, number, mutation, onlyAtRest });
        if (violations.length === 0) continue;
        context.diagnostic(`found in interleaving ${number}: ${violations[0]}`);
        return;
      }
      assert.fail(`not found in ${MAX_RUNS_UNTIL_FOUND} interleavings of seed ${SEED}`);
    });
  }
}
