import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  type ApplyResult,
  type AuditRecord,
  digestOf,
  generateSigningKey,
  type OpClaims,
  signAdmission,
  signAuditRecord,
  signOp,
  verifyAuditRecord,
  verifyOp,
} from "@triplane/contract";
import type { Store } from "@triplane/store";
import { CatalogFolder } from "../adapters/catalog-folder.ts";
import { loadKinds } from "../adapters/kinds-folder.ts";
import type { JsonRecord } from "../model.ts";
import { API, eventually, FIXTURES, newJti, type TestHome, type TestOrchestrator, testHome } from "../testing.ts";
import { type RebuildReport, rebuildDatabase, storedStateHash } from "./rebuild.ts";
import { databaseStanding } from "./standing.ts";

const KEYS = { issuer: generateSigningKey(), keeper: generateSigningKey(), controller: generateSigningKey() };
const AUD = "w1/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
const NOW_S = 1_800_000_000;

/** Applies signed ops and keeps what the controller would have recorded. */
class Recorder {
  readonly records: AuditRecord[] = [];
  readonly #orchestrator: TestOrchestrator;

  constructor(orchestrator: TestOrchestrator) {
    this.#orchestrator = orchestrator;
  }

  async apply(op: string, target: string, args: Record<string, unknown>, expected?: number): Promise<ApplyResult> {
    const version = expected ?? (await this.#orchestrator.version(target));
    const claims: Omit<OpClaims, "iss"> = {
      ...{ aud: AUD, jti: newJti(), iat: NOW_S, exp: NOW_S + 60, seq: this.records.length + 1, scope: "apps" },
      ...{ op, target, args: args as JsonRecord, expected_state_version: version },
    };
    const compact = signOp(claims, KEYS.issuer);
    const signed = verifyOp(compact);
    const more = { jti: claims.jti, op_digest: signed.token.digest, expected_state_version: version };
    const result = await this.#orchestrator.apply(op, target, args, more);
    this.records.push(recordOf(compact, claims, result));
    return result;
  }
}

function recordOf(op: string, claims: Omit<OpClaims, "iss">, result: ApplyResult): AuditRecord {
  const policy = { rid: "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5", commit: "0".repeat(40), digest: digestOf("policy") };
  const decided = { rule: "r", basis: "auto" as const, approvals: [], facts: {}, decided_at: NOW_S };
  const decision = signAdmission({ aud: AUD, op, op_jti: claims.jti, op_digest: digestOf(op), policy, ...decided }, KEYS.keeper);
  const record = signAuditRecord(
    {
      ...{ aud: AUD, subject: claims.jti, basis: "admission", decision, decision_digest: digestOf(decision) },
      outcome: result.status as "applied",
      ...(result.code === undefined ? {} : { code: result.code }),
      ...{ target: result.target, state_version_before: result.state_version_before, state_version_after: result.state_version_after },
      ...{ workspace_revision: result.workspace_revision, accepted_at: NOW_S, finished_at: NOW_S, evidence: result.evidence },
    },
    KEYS.controller,
  );
  return verifyAuditRecord(record);
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function rebuild(store: Store, home: TestHome, records: readonly AuditRecord[], catalogDir = FIXTURES): Promise<RebuildReport> {
  const catalog = new CatalogFolder(catalogDir, join(home.path, "releases"), join(home.path, "secrets"));
  const planning = { workspace: "w1", catalog, kinds: await loadKinds(), desired: undefined };
  return await rebuildDatabase({ store, records: each(records), planning, origin: { size: records.length, root: "root" } });
}

/** Ops with every outcome on a few targets, and the hash that the orchestrator reports at the end. */
async function history(home: TestHome) {
  const orchestrator = await home.start();
  const recorder = new Recorder(orchestrator);
  await recorder.apply("component.deploy", "p", { component: "probe", replicas: 2 });
  await recorder.apply("component.deploy", "q", { component: "probe", settings: { after_ms: 5 } });
  await recorder.apply("component.scale", "p", { replicas: 1 });
  await recorder.apply("component.restart", "p", {});
  await recorder.apply("component.scale", "p", { replicas: 3 }, 99);
  await recorder.apply("component.deploy", "p", { component: "nothing-like-it" });
  await recorder.apply("component.deploy", "bad", { component: "probe", settings: { mode: "exits" } });
  await recorder.apply("component.remove", "q", {});
  const { json } = await orchestrator.request(API);
  return { orchestrator, records: recorder.records, stateHash: String(json["state_hash"]), revision: Number(json["revision"]) };
}

const outcomes = (records: readonly AuditRecord[]) => records.map(({ claims }) => claims.outcome);

test("rebuildDatabase: comes to the state hash, the revision and the results that the lost database had", async () => {
  await using home = await testHome();
  const { orchestrator, records, stateHash, revision } = await history(home);
  assert.deepEqual(outcomes(records), ["applied", "applied", "applied", "applied", "conflict", "failed", "failed", "applied"]);
  await orchestrator.stop();
  await using fresh = await testHome();
  const store = await fresh.store();
  const report = await rebuild(store, fresh, records);
  assert.deepEqual(report, { ops: 8, targets: 2, revision, stateHash, inexact: [] });
  assert.equal(await storedStateHash(await home.store()), stateHash);

  const again = await fresh.start({ dataDir: home.path });
  const { json } = await again.request(API);
  assert.deepEqual([json["state_hash"], json["revision"]], [stateHash, revision]);
  for (const { claims } of records) {
    const { json: result } = await again.request(`${API}/ops/${claims.subject}`);
    assert.deepEqual([result["status"], result["evidence"]], [claims.outcome, claims.evidence]);
  }
  const [first] = records;
  const repeated = await again.apply("component.deploy", "p", {}, { jti: first?.claims.subject ?? "", op_digest: opDigestOf(first) });
  assert.deepEqual([repeated.status, repeated.state_version_after], ["applied", 1], "applied-once");
});

function opDigestOf(record: AuditRecord | undefined) {
  const payload = JSON.parse(Buffer.from(record?.claims.decision.split(".")[1] ?? "", "base64url").toString("utf8"));
  return digestOf(payload.op);
}

test("start after a rebuild: processes that still run are taken over, what is gone is started on its port, what nobody wants is ended", async () => {
  await using home = await testHome();
  const { orchestrator, records } = await history(home);
  await orchestrator.apply("component.deploy", "lost", { component: "probe" });
  const endpoints = await orchestrator.endpoints("p");
  const [pid] = await pidsAt(endpoints);
  const [unwanted] = await pidsAt(await orchestrator.endpoints("lost"));
  await orchestrator.stop();
  await using fresh = await testHome();
  const started = fresh.start({ dataDir: home.path });
  await assert.rejects(started, { code: "state_lost" }, "an empty database beside instances is not started on (no-fail-open)");
  await rebuild(await fresh.store(), home, records);
  const again = await fresh.start({ dataDir: home.path });
  assert.equal(await eventually("p is healthy", async () => (await again.health("p")) === "healthy" || undefined), true);
  assert.deepEqual(await pidsAt(endpoints), [pid]);
  assert.throws(() => process.kill(Number(unwanted), 0), { code: "ESRCH" });
});

test("start after a rebuild: with everything gone, the state's components run again where the state says", async () => {
  await using home = await testHome();
  const { orchestrator, records } = await history(home);
  const endpoints = await orchestrator.endpoints("p");
  await orchestrator.stop();
  await using fresh = await testHome();
  const pids = await pidsAt(endpoints);
  for (const pid of pids) process.kill(Number(pid), "SIGKILL");
  await rebuild(await fresh.store(), fresh, records);
  await rm(join(fresh.path, "releases"), { recursive: true, force: true });
  const again = await fresh.start();
  await eventually("p answers at its endpoint", async () => ((await again.health("p")) === "healthy" ? true : undefined));
  assert.notDeepEqual(await pidsAt(endpoints), pids);
});

async function pidsAt(endpoints: readonly string[]): Promise<readonly unknown[]> {
  return await Promise.all(endpoints.map(async (endpoint) => ((await (await fetch(endpoint)).json()) as { pid: number }).pid));
}

test("rebuildDatabase: older records are planned again, and a target that this leaves open is named", async () => {
  await using home = await testHome();
  const { orchestrator, records } = await history(home);
  await orchestrator.stop();
  const older = records.map((record): AuditRecord => {
    const { changed: _changed, ...evidence } = record.claims.evidence;
    return { ...record, claims: { ...record.claims, evidence } };
  });
  await using fresh = await testHome();
  const report = await rebuild(await fresh.store(), fresh, older);
  assert.deepEqual(
    report.inexact.map(({ target, version }) => [target, version]),
    [
      ["p", 3],
      ["q", 2],
    ],
  );
  const live = await (await home.store()).get("targets", "p");
  assert.deepEqual(await (await fresh.store()).get("targets", "p"), live, "the catalog has not changed, so that it comes to the same");
});

test("rebuildDatabase: a version is kept also where the state cannot be had, and lacking records are told", async () => {
  await using home = await testHome();
  const { orchestrator, records } = await history(home);
  await orchestrator.stop();
  await using fresh = await testHome();
  const left = records.filter((_, index) => index !== 2);
  const report = await rebuild(await fresh.store(), fresh, left);
  assert.deepEqual(report.inexact, [{ target: "p", version: 3, why: "the records lack 1 of its 3 changes" }]);
  await using empty = await testHome();
  const unknown = records.slice(0, 1).map((record) => ({ ...record, claims: { ...record.claims, evidence: { omitted_digest: "x" } } }));
  const lost = await rebuild(await empty.store(), empty, unknown, join(empty.path, "no-catalog"));
  assert.deepEqual(
    lost.inexact.map(({ target, version }) => [target, version]),
    [["p", 1]],
  );
});

test("rebuildDatabase: stopped at any commit, a second run comes to the same; a database that holds something is left alone", async () => {
  await using home = await testHome();
  const { orchestrator, records, stateHash } = await history(home);
  await orchestrator.stop();
  await assert.rejects(rebuild(await home.store(), home, records), { code: "replay_not_empty" });
  for (const commits of [1, 2, 3]) {
    await using fresh = await testHome();
    const store = await fresh.store();
    let left = commits;
    const dying: Store = {
      ...store,
      get: (table, id) => store.get(table, id),
      list: (table, options) => store.list(table, options),
      pages: (table) => store.pages(table),
      count: (table, where) => store.count(table, where),
      highest: (table, field, above) => store.highest(table, field, above),
      commit: async (writes) => {
        if (left-- === 0) throw new Error("stopped here");
        await store.commit(writes);
      },
    };
    await assert.rejects(rebuild(dying, fresh, records), /stopped here/);
    assert.equal(await databaseStanding(store), "begun");
    await assert.rejects(fresh.start(), { code: "replay_unfinished" });
    assert.equal((await rebuild(store, fresh, records)).stateHash, stateHash);
  }
});
