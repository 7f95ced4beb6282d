import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type AuditRecord, digestOf, nowSeconds } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { openStore, type Store } from "@triplane/store";
import { eventually, TEST_COMMIT } from "@triplane/testkit";
import { Records } from "../adapters/store-records.ts";
import { MIGRATIONS } from "../rows.ts";
import { type Bench, bench } from "../testing/bench.ts";
import { NEXT_COMMIT, policyOf, testSource, WORKSPACE } from "../testing/world.ts";
import { notInLedger, publishAgain } from "./not-in-ledger.ts";
import { type RebuildReport, rebuildDatabase } from "./rebuild.ts";
import { databaseStanding } from "./standing.ts";

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

describe("a controller whose database was lost", () => {
  let parts: Bench;
  let records: readonly AuditRecord[];
  let live: Store;
  before(async () => {
    parts = await bench();
    const { world } = parts;
    live = await open();
    const running = await parts.start({ openStore: async () => kept(live) });
    const first = world.op({ target: "one" });
    const refused = world.op({ op: "component.remove" });
    const conflicted = world.op({ target: "two", expected_state_version: 5 });
    const reused = world.op({ target: "one", jti: first.claims.jti });
    const now = { iat: nowSeconds(systemClock), exp: nowSeconds(systemClock) + 600 };
    const broke = world.op({ target: "night-one", seq: 1, ...now }, "ana-sealed");
    const decided = { decided_at: now.iat };
    const texts = [world.admission(first), world.refusal(refused), world.admission(conflicted), world.admission(reused)];
    for (const text of [...texts, world.glass(broke, decided)]) await parts.send(text);
    for (const subject of [first.claims.jti, refused.claims.jti, conflicted.claims.jti, reused.token.digest, broke.claims.jti])
      await parts.recordOf(subject);
    records = await parts.records();
    await running.stop();
  });
  after(() => parts[Symbol.asyncDispose]());

  /** The same store, for a controller that closes it when it ends: a store can be opened once in a process. */
  const kept = (store: Store): Store => ({
    commit: (writes) => store.commit(writes),
    get: (table, id) => store.get(table, id),
    list: (table, options) => store.list(table, options),
    pages: (table) => store.pages(table),
    count: (table, where) => store.count(table, where),
    highest: (table, field, above) => store.highest(table, field, above),
    close: async () => undefined,
  });
  const open = async (): Promise<Store> => await openStore({ url: parts.newStoreUrl(), migrations: MIGRATIONS });
  const rebuild = async (store: Store, from: readonly AuditRecord[] = records): Promise<RebuildReport> => {
    const origin = { size: from.length, root: "root" };
    return await rebuildDatabase({ store, workspace: WORKSPACE, records: each(from), source: parts.source, origin });
  };

  it("starts on no empty database while the stream remembers settled messages (no-fail-open)", async () => {
    const running = await parts.start();
    const ended = await running.ended;
    assert.equal((ended as { code?: string } | undefined)?.code, "state_lost");
  });

  it("rebuildDatabase: keeps the policy that a controller remembered before it got its first op", async () => {
    const store = await open();
    const remembered = { commit: NEXT_COMMIT, policy_version: 2, identity_revision: 1, since_ms: 5 };
    await store.commit([{ kind: "create", table: "meta", id: "policy", document: remembered }]);
    await rebuild(store);
    assert.deepEqual(await store.get("meta", "policy"), remembered);
    assert.equal(await databaseStanding(store), "filled");
    await store.close();
  });

  it("rebuildDatabase: rows are those of the lost database, but for numbers of the stream", async () => {
    const store = await open();
    const report = await rebuild(store);
    assert.deepEqual([report.ops, report.policy.commit], [5, TEST_COMMIT]);
    const rebuilt = new Records(store);
    const lost = new Records(live);
    for (const { claims } of records) {
      const [now, then] = [await rebuilt.op(claims.subject), await lost.op(claims.subject)];
      assert.deepEqual({ ...now, position: 0 }, { ...then, position: 0, stream_seq: 0 });
    }
    assert.deepEqual(await rebuilt.glass(), await lost.glass());
    assert.equal((await rebuilt.glass()).length, 1);
    assert.equal(await rebuilt.lastPosition(), 5);
    assert.deepEqual(await rebuilt.unfinished(), []);
    await store.close();
  });

  it("rebuilt: a known op is answered with its receipt, not applied again (applied-once)", async () => {
    const store = await open();
    await rebuild(store);
    const effects = parts.orchestrator.effects.length;
    const running = await parts.start({ openStore: async () => store });
    const [first] = records;
    await parts.send(first?.claims.decision ?? "");
    await eventually(async () => (await parts.streamIsEmpty()) && (await new Records(store).outboxDepth()) === 0);
    assert.equal(parts.orchestrator.effects.length, effects);
    await running.stop();
  });

  it("rebuildDatabase: stopped at any commit, a second run comes to the same, and until then no controller starts", async () => {
    for (const commits of [1, 2, 3]) {
      const store = await open();
      let left = commits;
      const dying: Store = {
        ...kept(store),
        commit: async (writes) => {
          if (left-- === 0) throw new Error("stopped here");
          await store.commit(writes);
        },
      };
      await assert.rejects(rebuild(dying), /stopped here/);
      assert.equal(await databaseStanding(store), "begun");
      const running = await parts.start({ openStore: async () => kept(store) });
      assert.equal(((await running.ended) as { code?: string }).code, "replay_unfinished");
      assert.equal((await rebuild(store)).ops, 5);
      assert.equal(await databaseStanding(store), "filled");
      await assert.rejects(rebuild(store), { code: "replay_not_empty" });
      await store.close();
    }
  });

  it("rebuildDatabase: a policy clone that is behind the ledger rebuilds nothing", async () => {
    const store = await open();
    const source = testSource(policyOf(parts.world.keys, 1));
    const behind = { ...source, isApprovedStep: async () => false };
    const rebuilding = rebuildDatabase({
      store,
      workspace: WORKSPACE,
      records: each(records),
      source: behind,
      origin: { size: 4, root: "" },
    });
    await assert.rejects(rebuilding, { code: "policy_rollback" });
    await store.close();
  });

  it("rebuildDatabase: what the newest policy never decided in the ledger is held against it from the beginning", async () => {
    const store = await open();
    const source = testSource(policyOf(parts.world.keys, 1));
    source.add(NEXT_COMMIT, policyOf(parts.world.keys, 2));
    const options = { store, workspace: WORKSPACE, records: each(records), source, origin: { size: 4, root: "" } };
    const { policy } = await rebuildDatabase(options);
    assert.deepEqual([policy.commit, policy.policy_version, policy.since_ms], [NEXT_COMMIT, 2, 0]);
    await store.close();
  });

  it("notInLedger: finds what ended and was not mirrored; publishAgain puts it into the outbox once", async () => {
    const [first] = records;
    const inLedger = new Set(records.slice(1).map(({ claims }) => claims.subject));
    const { finished, accepted } = await notInLedger(live, (subject) => inLedger.has(subject));
    assert.deepEqual([finished.map(({ subject }) => subject), accepted], [[first?.claims.subject], []]);
    assert.equal(digestOf(finished[0]?.record ?? ""), first?.token.digest);
    for (let round = 0; round < 2; round += 1) await publishAgain(live, finished);
    const outbox = await new Records(live).outbox("audit", 10);
    assert.deepEqual(
      outbox.map(({ id, row }) => [id, row.kind === "audit" ? row.record : ""]),
      [[first?.claims.subject, first?.token.compact]],
    );
    await live.close();
  });
});
