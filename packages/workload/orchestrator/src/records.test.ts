import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApplyResult, digestOf } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import type { Store, Write } from "@triplane/store";
import type { OpRow } from "./op-row.ts";
import { Records } from "./records.ts";
import { newJti, testHome } from "./testing.ts";

function rowOf(target: string, jti = newJti()): OpRow {
  const about = { jti, opDigest: digestOf(jti), op: "component.deploy", target, args: {}, fence: 1, acceptedAtMs: 1 };
  return { ...about, stateVersionBefore: 0, changes: [], targetState: undefined, result: undefined };
}

const resultOf =
  ({ jti, opDigest, target }: OpRow) =>
  (revision: number): ApplyResult => ({
    ...{ jti, op_digest: opDigest, status: "applied", target, state_version_before: 0, state_version_after: 1 },
    ...{ workspace_revision: revision, evidence: {} },
  });

function noting(store: Store, commits: (readonly Write[])[]): Store {
  return {
    commit: async (writes) => {
      commits.push(writes);
      await store.commit(writes);
    },
    get: (table, id) => store.get(table, id),
    list: (table, options) => store.list(table, options),
    pages: (table) => store.pages(table),
    count: (table, where) => store.count(table, where),
    highest: (table, field, above) => store.highest(table, field, above),
    close: () => store.close(),
  };
}

const finish = (records: Records, row: OpRow): Promise<ApplyResult> =>
  records.finish(row, [{ target: row.target, version: 1, state: { n: 1 } }], resultOf(row), [
    { type: "op.finished", target: row.target, data: { jti: row.jti } },
  ]);

test("Records: those who wait share a commit; each has its own revision, and events keep the order", async () => {
  await using home = await testHome();
  const commits: (readonly Write[])[] = [];
  const records = await Records.load(noting(await home.store(), commits), systemClock);
  commits.length = 0;
  const rows = Array.from({ length: 20 }, (_, index) => rowOf(`t${index}`));
  await Promise.all(rows.map((row) => records.begin(row, [{ type: "op.accepted", target: row.target, data: {} }])));
  const results = await Promise.all(rows.map((row) => finish(records, row)));
  assert.equal(commits.length, 2);
  assert.deepEqual(
    results.map(({ workspace_revision }) => workspace_revision),
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
  assert.equal(commits[1]?.filter(({ table }) => table === "meta").length, 1);
  assert.deepEqual(
    records.events.after(0).events.map(({ id }) => id),
    Array.from({ length: 40 }, (_, index) => index + 1),
  );

  const again = await Records.load(await home.store(), systemClock);
  assert.deepEqual([again.revision, again.events.lastId], [20, 40]);
  assert.deepEqual(await again.targets(), await records.targets());
  assert.deepEqual((await again.op(rows[7]?.jti ?? ""))?.result, results[7]);
});

test("Records: one jti that is taken does not hold up the others of its commit (applied-once)", async () => {
  await using home = await testHome();
  const records = await Records.load(await home.store(), systemClock);
  const taken = rowOf("taken");
  await records.begin(taken, []);
  const others = ["a", "b", "c"].map((target) => rowOf(target));
  for (const row of others) await records.begin(row, []);
  const outcomes = await Promise.allSettled([
    finish(records, others[0] ?? taken),
    records.begin(rowOf("x", taken.jti), []),
    finish(records, others[1] ?? taken),
    finish(records, others[2] ?? taken),
  ]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled", "fulfilled"],
  );
  assert.equal(records.revision, 3);
  assert.equal((await records.op(taken.jti))?.target, "taken");
});

test("Records: a fencing number is stored before anybody hears that it holds, and a lower one is refused at once", async () => {
  await using home = await testHome();
  const records = await Records.load(await home.store(), systemClock);
  const both = [records.fence(5), records.fence(5)];
  await assert.rejects(records.fence(4), { code: "fencing_stale" });
  await Promise.all(both);
  const again = await Records.load(await home.store(), systemClock);
  await assert.rejects(again.fence(4), { code: "fencing_stale" });
  await again.fence(5);
});

test("Records: what another process changed meanwhile is not overwritten", async () => {
  await using home = await testHome();
  const [one, other] = [await Records.load(await home.store(), systemClock), await Records.load(await home.store(), systemClock)];
  const [first, second] = [rowOf("a"), rowOf("b")];
  await one.begin(first, []);
  await other.begin(second, []);
  await finish(one, first);
  await assert.rejects(finish(other, second), { code: "store_conflict" });
});
