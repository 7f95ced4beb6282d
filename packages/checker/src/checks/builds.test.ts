// Leases that break what they promise, one by one.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@triplane/testkit";
import type { Evidence } from "../evidence.ts";
import { Case, type Finding } from "../report.ts";
import { type LeaseRow, PoolReading, type PoolRows, type RunnerSeen, readLocalRunners } from "../sources/pool.ts";
import { checkRetries } from "./oom-retry-bounded.ts";
import { checkRunners } from "./runner-always-destroyed.ts";

const HOUR_S = 3600;
const idOf = (digit: number): string => `lease-${String(digit).repeat(32)}`;

function leaseRow(digit: number, more: Partial<LeaseRow> = {}): readonly [string, Record<string, unknown>] {
  const row = {
    ...{
      build_id: `b${digit}`,
      retry_of: null,
      repo: "acme/api",
      tier: "cx22",
      state: "gone",
      created_at: 1000,
      expires_at: 1000 + HOUR_S,
    },
    ...{ server_id: null, booting_at: 1010, ended_at: 2000, offer: { memory_mib: 4096 }, ...more },
  };
  return [idOf(digit), row];
}

interface World {
  readonly leases?: readonly (readonly [string, Record<string, unknown>])[];
  readonly outcomes?: Readonly<Record<number, string>>;
  readonly reaper?: { readonly at: number; readonly servers: number; readonly orphans: number; readonly oldest_orphan_at: number | null };
  readonly runners?: readonly RunnerSeen[];
}

function poolOf({ leases = [], outcomes = {}, reaper }: World): PoolRows {
  const reading = new PoolReading();
  for (const [id, document] of leases) reading.add({ table: "leases", id, document });
  for (const [digit, outcome] of Object.entries(outcomes)) reading.add({ table: "builds", id: idOf(Number(digit)), document: { outcome } });
  if (reaper !== undefined) reading.add({ table: "pool", id: "reaper", document: reaper });
  return reading.rows();
}

type CheckName = "runner-always-destroyed" | "oom-retry-bounded";

function found(name: CheckName, world: World, quiesced = false, early: World = world): Finding {
  const told = new Case(name, quiesced);
  const pools = { early: { pool: poolOf(early) }, late: { pool: poolOf(world) } };
  const runners = world.runners === undefined ? undefined : { ok: true, value: world.runners };
  const evidence = { orchestrator: { ok: true, value: pools }, runners } as unknown as Evidence;
  (name === "oom-retry-bounded" ? checkRetries : checkRunners)(evidence, told);
  return told.finding();
}

function violated(name: CheckName, world: World, what: RegExp, quiesced = false): void {
  const finding = found(name, world, quiesced);
  assert.equal(finding.status, "violated", JSON.stringify(finding));
  assert.match(finding.violations.map((each) => each.what).join("\n"), what);
}

const REAPER = { at: 5000, servers: 0, orphans: 0, oldest_orphan_at: null };
const READY: Partial<LeaseRow> = { state: "ready", server_id: "s1", ended_at: null };

test("both: where no lease was ever made there is nothing to check", () => {
  for (const name of ["runner-always-destroyed", "oom-retry-bounded"] as const) assert.equal(found(name, {}).status, "not-checkable");
});

test("runner-always-destroyed: holds where every lease that is over has no server, and live ones are in their time", () => {
  const runners = [{ id: "s1", name: idOf(1), lease: idOf(1) }];
  const world = {
    leases: [leaseRow(1, READY), leaseRow(2), leaseRow(3, { state: "failed", booting_at: null, offer: null })],
    reaper: REAPER,
    runners,
  };
  const finding = found("runner-always-destroyed", world);
  assert.deepEqual([finding.status, finding.inFlight], ["holds", [`${idOf(1)} is ready`]]);
  assert.equal(found("runner-always-destroyed", { leases: [leaseRow(2)], reaper: REAPER, runners: [] }, true).status, "holds");
  violated("runner-always-destroyed", world, /is ready, and nothing may be on its way any more/, true);
});

test("runner-always-destroyed: is violated by each thing that must not be", () => {
  const id = "runner-always-destroyed";
  violated(id, { leases: [leaseRow(1, { server_id: "s1" })] }, /is gone and still has the server s1/);
  violated(id, { leases: [leaseRow(1, { ended_at: null })] }, /not recorded when it ended/);
  violated(id, { leases: [leaseRow(1, READY)], reaper: { ...REAPER, at: 1000 + HOUR_S + 901 } }, /is ready 901 s after its time/);
  violated(id, { leases: [leaseRow(1, READY), leaseRow(2, READY)], reaper: REAPER }, /both have the server s1/);
  violated(id, { leases: [leaseRow(1), leaseRow(2, { build_id: "b1" })] }, /both have the build id b1/);
  violated(id, { reaper: { ...REAPER, orphans: 2, oldest_orphan_at: 4000 } }, /2 runners have no live lease, one of them for 1000 s/);
  violated(id, { leases: [[idOf(1), { state: "ready" }]] }, /is no row that the pool writes/);
  violated(
    id,
    { leases: [leaseRow(1)], reaper: REAPER, runners: [{ id: "s1", name: idOf(1), lease: idOf(1) }] },
    /the runner s1 is there, and its lease .* is gone/,
  );
  const stray = { leases: [leaseRow(1)], reaper: REAPER, runners: [{ id: "s9", name: "x", lease: idOf(9) }] };
  assert.equal(found(id, stray).status, "holds", "its reaper may be about to destroy it");
  violated(id, stray, /the runner s9, called x, is of no lease/, true);
});

test("runner-always-destroyed: a lease that ended after the runners were listed is no violation", () => {
  const runners = [{ id: "s1", name: idOf(1), lease: idOf(1) }];
  const late = { leases: [leaseRow(1)], reaper: REAPER, runners };
  assert.equal(found("runner-always-destroyed", late, false, { ...late, leases: [leaseRow(1, READY)] }).status, "holds");
});

test("oom-retry-bounded: one retry one tier above what the build ran on holds, everything else does not", () => {
  const id = "oom-retry-bounded";
  const retry = (more: Partial<LeaseRow> = {}) => leaseRow(2, { retry_of: "b1", tier: "cx32", offer: { memory_mib: 8192 }, ...more });
  const leases = [leaseRow(1), retry()];
  assert.equal(found(id, { leases, outcomes: { 1: "oom", 2: "built" } }).status, "holds");
  assert.equal(found(id, { leases: [retry()] }).status, "holds", "the first one is forgotten first");
  violated(id, { leases: [...leases, leaseRow(3, { retry_of: "b1", tier: "cx32" })] }, /b1 was retried by b2 and by b3/);
  violated(id, { leases: [...leases, leaseRow(3, { retry_of: "b2", tier: "cx42" })] }, /b3 retries b2, which was a retry itself/);
  violated(id, { leases, outcomes: { 1: "built" } }, /whose launcher reported built/);
  for (const tier of ["cx22", "cx42"])
    violated(id, { leases: [leaseRow(1), retry({ tier })] }, /b2 ran on .* and b1, which it retries, on cx22/);
  violated(id, { leases: [leaseRow(1, { offer: { memory_mib: 8192 } }), retry()] }, /which it retries, on cx32/);
});

test("readLocalRunners: what lies in the folder of local runners", async () => {
  await using folder = await tempDir("runners");
  assert.deepEqual(await readLocalRunners(join(folder.path, "none")), []);
  for (const name of [idOf(1), ".making"]) await mkdir(join(folder.path, name));
  await writeFile(
    join(folder.path, idOf(1), "runner.json"),
    JSON.stringify({ id: "r1", name: idOf(1), labels: { lease: idOf(1) }, more: 1 }),
  );
  assert.deepEqual(await readLocalRunners(folder.path), [{ id: "r1", name: idOf(1), lease: idOf(1) }]);
});
