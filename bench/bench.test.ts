// The benchmark runs: every row on tiny sizes, each line complete. No time is looked at.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { BACKENDS, whyMissing } from "@triplane/registry/testing";
import { measureFloor } from "./floor/floor.ts";
import { asMarkdown, asText, digits } from "./harness/report.ts";
import { type Kept, mergeResults, resultsPage } from "./harness/results.ts";
import { runRows } from "./harness/run.ts";
import { median, quantile, slope } from "./harness/statistics.ts";
import { ROWS } from "./rows/index.ts";
import { closedLoop } from "./spine/closed-loop.ts";
import { proveDurable } from "./spine/durability.ts";
import { openLoop } from "./spine/open-loop.ts";
import { Workspace } from "./spine/workspace.ts";

const folder = await mkdtemp(join(tmpdir(), "triplane-bench-test-"));
after(() => rm(folder, { recursive: true, force: true }));

// These start many processes or other people's servers; `node bench/main.ts --tiny --only …` runs each in a minute.
const LONG = new Set(["end-to-end", "latency", "rivals", "memory", "workspaces", "runner-start", "builds"]);

for (const row of ROWS.filter(({ id }) => !LONG.has(id))) {
  test(`bench ${row.id}: gives whole lines on a tiny size`, async (context) => {
    if (row.id === "registry" && (await Promise.all(BACKENDS.map(whyMissing))).every((missing) => missing !== undefined)) {
      return context.skip("NO REGISTRY IS HERE, its row is not tested: npm run tools distribution");
    }
    const options = { size: "tiny", cacheDir: join(folder, "cache"), soakMinutes: 0, signal: new AbortController().signal } as const;
    const said: string[] = [];
    const [outcome] = await runRows([row], { ...options, say: (line) => said.push(line) });
    assert.equal(outcome?.failure, undefined, said.join("\n"));
    assert.ok((outcome?.lines.length ?? 0) > 0);
    for (const line of outcome?.lines ?? []) {
      assert.ok(line.what.length > 0 && line.target.length > 0);
      assert.ok(Number.isFinite(line.ours.value), `${line.what}: ${line.ours.value}`);
      assert.equal(line.against === undefined, line.ratio === undefined, line.what);
      if (line.ratio !== undefined) assert.ok(Number.isFinite(line.ratio), line.what);
    }
  });
}

test("bench end-to-end: what is measured is durable, and every op that is sent is applied and in the ledger (persist-before-ack)", async () => {
  const { signal } = new AbortController();
  await using workspace = await Workspace.start({ signal });
  const durability = await proveDurable(workspace);
  assert.deepEqual([durability.natsSyncAlways, durability.gitSyncsAll], [true, true]);
  assert.equal(durability.stores.length, 2);
  for (const store of durability.stores) assert.match(store, /^rocksdb:/);
  const loop = { inFlight: 30, warmUpMs: 0, measureMs: 4_000, signal, progress: () => undefined };
  const { ops, applied } = await closedLoop(workspace, loop);
  assert.ok(ops >= 30);
  assert.equal(applied, ops);
  const before = workspace.issued;
  const latencies = await openLoop(workspace, { opsPerSecond: 20, warmUpOps: 5, ops: 20, signal });
  assert.equal(workspace.issued, before + 25);
  for (const part of [latencies.storedMs, latencies.appliedMs, latencies.recordedMs]) {
    assert.equal(part.length, 20);
    assert.ok(part.every(Number.isFinite));
  }
});

test("bench floor: signs, stores, commits and logs", async () => {
  assert.ok((await measureFloor({ folder: await mkdtemp(join(folder, "floor-")), ops: 128, batchesInFlight: 2 })) > 0);
});

test("bench rows: ids are unique and fit a command line", () => {
  const ids = ROWS.map((row) => row.id);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[a-z]+(?:-[a-z]+)*$/);
});

test("runRows: a row that fails is told and hides no other", async () => {
  const bad = { id: "bad", summary: "fails", run: async () => Promise.reject(new Error("no such luck")) };
  const good = { id: "good", summary: "works", run: async () => [] };
  const options = { size: "tiny", cacheDir: join(folder, "cache"), soakMinutes: 0, signal: new AbortController().signal } as const;
  const outcomes = await runRows([bad, good], { ...options, say: () => undefined });
  assert.deepEqual(
    outcomes.map(({ id, failure }) => [id, failure]),
    [
      ["bad", "no such luck"],
      ["good", undefined],
    ],
  );
  assert.match(asText(outcomes), /failed: no such luck/);
  assert.match(asMarkdown(outcomes), /\| bad \|/);
});

test("statistics: median, quantile by nearest rank, slope", () => {
  assert.deepEqual([median([3, 1, 2]), quantile([1, 2, 3, 4], 0.99), quantile([5], 0.5)], [2, 4, 5]);
  assert.equal(
    slope([
      { x: 0, y: 1 },
      { x: 1, y: 3 },
      { x: 2, y: 5 },
    ]),
    2,
  );
  assert.deepEqual([digits(1234.5), digits(0.12345)], ["1,230", "0.123"]);
});

test("bench/RESULTS.md: is what RESULTS.json says", async () => {
  const read = (name: string) => readFile(join(import.meta.dirname, name), "utf8");
  const kept = JSON.parse(await read("RESULTS.json")) as readonly Kept[];
  assert.equal(await read("RESULTS.md"), resultsPage(kept));
});

test("mergeResults: a row that was measured again replaces its former outcome, in the order of the rows", () => {
  const kept = (id: string, date: string): Kept =>
    ({ date, size: "full", machine: {}, outcome: { id, summary: "", lines: [], seconds: 0, failure: undefined } }) as unknown as Kept;
  const merged = mergeResults([kept("b", "old"), kept("a", "old"), kept("gone", "old")], [kept("b", "new")], ["a", "b", "c"]);
  assert.deepEqual(
    merged.map(({ date, outcome }) => `${outcome.id} ${date}`),
    ["a old", "b new"],
  );
});
