import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApplyRequest, digestOf, TriplaneError } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import type { Store } from "@triplane/store";
import { CatalogFolder } from "./adapters/catalog-folder.ts";
import { loadKinds } from "./adapters/kinds-folder.ts";
import type { ConvergeRequest, ConvergeResult, Driver } from "./drivers/driver.ts";
import type { DesiredSource } from "./kind.ts";
import { Records } from "./records.ts";
import { OrchestratorService } from "./service.ts";
import { FIXTURES, newJti, type TestHome, testHome } from "./testing.ts";

/** A convergent world that counts how often something really changed. */
class World implements Driver {
  readonly running = new Map<string, string>();
  readonly effects: string[] = [];
  fail = false;
  gate: Promise<void> = Promise.resolve();

  async converge({ target, want }: ConvergeRequest): Promise<ConvergeResult> {
    await this.gate;
    if (this.fail) return { ok: false, message: "it does not start", evidence: { exit_code: 3, rollback: "removed" } };
    const wanted = want === undefined ? undefined : `${want.generation}×${want.replicas}`;
    if (this.running.get(target) !== wanted) this.effects.push(`${target}: ${wanted ?? "gone"}`);
    if (wanted === undefined) this.running.delete(target);
    else this.running.set(target, wanted);
    return { ok: true, endpoints: [], evidence: {} };
  }

  health(): "healthy" {
    return "healthy";
  }
}

interface Setting {
  readonly service: OrchestratorService;
  readonly records: Records;
  readonly fatal: unknown[];
}

async function serviceOver(
  home: TestHome,
  world: World,
  more: { readonly desired?: DesiredSource; readonly store?: Store } = {},
): Promise<Setting> {
  const store = more.store ?? (await home.store());
  const records = await Records.load(store, systemClock);
  const fatal: unknown[] = [];
  const service = new OrchestratorService({
    ...{ workspace: "w1", records, driver: world, desired: more.desired, clock: systemClock },
    catalog: new CatalogFolder(FIXTURES, `${home.path}/releases`, `${home.path}/secrets`),
    kinds: await loadKinds(),
    signal: new AbortController().signal,
    onFatal: (error) => fatal.push(error),
  });
  return { service, records, fatal };
}

function request(more: Partial<ApplyRequest> = {}): ApplyRequest {
  const jti = more.jti ?? newJti();
  return {
    ...{ fence: 1, jti, op_digest: digestOf(jti), op: "component.deploy", target: "p", args: { component: "probe" } },
    ...{ expected_state_version: 0, ...more },
  };
}

test("apply: applied-once, however often and however concurrently the same op comes", async () => {
  await using home = await testHome();
  const world = new World();
  const { service } = await serviceOver(home, world);
  const op = request();
  const results = await Promise.all(Array.from({ length: 8 }, () => service.apply(op)));
  const later = await service.apply(op);
  for (const result of [...results, later, await service.op(op.jti)]) assert.deepEqual(result, results[0]);
  assert.equal(results[0]?.status, "applied");
  assert.equal(typeof results[0]?.finished_at, "number");
  assert.deepEqual([results[0]?.state_version_before, results[0]?.state_version_after, results[0]?.workspace_revision], [0, 1, 1]);
  assert.equal(world.effects.length, 1);
});

test("apply: another op under a known jti is refused, while the first runs and afterwards", async () => {
  await using home = await testHome();
  const world = new World();
  const { service } = await serviceOver(home, world);
  const gate = Promise.withResolvers<void>();
  world.gate = gate.promise;
  const op = request();
  const running = service.apply(op);
  const other = { ...op, op_digest: digestOf("other") };
  await assert.rejects(service.apply(other), { code: "jti_reused" });
  assert.equal((await service.op(op.jti)).status, "running");
  gate.resolve();
  await running;
  await assert.rejects(service.apply(other), { code: "jti_reused" });
  await assert.rejects(service.op(newJti()), { code: "op_unknown" });
});

test("apply: a lower fencing number changes nothing, also after a restart", async () => {
  await using home = await testHome();
  const world = new World();
  const { service } = await serviceOver(home, world);
  await service.apply(request({ fence: 5 }));
  await assert.rejects(service.apply(request({ fence: 4, expected_state_version: 1 })), { code: "fencing_stale" });
  const restarted = await serviceOver(home, world);
  await assert.rejects(restarted.service.apply(request({ fence: 4, expected_state_version: 1 })), { code: "fencing_stale" });
  assert.equal(world.effects.length, 1);
});

test("apply: a caller that was given a result which is not here is refused, and nothing changes (applied-once)", async () => {
  await using home = await testHome();
  const world = new World();
  const { service } = await serviceOver(home, world);
  const { jti, workspace_revision: revision } = await service.apply(request());
  const next = request({ expected_state_version: 1, op: "component.scale", args: { replicas: 2 } });
  // Of a revision that is not reached, and of one that another op came to.
  for (const seen of [
    { jti, revision: revision + 1 },
    { jti: newJti(), revision },
  ])
    await assert.rejects(service.apply({ ...next, seen }), { code: "state_lost", details: { revision, seen: seen.revision } });
  await assert.rejects(service.op(next.jti), { code: "op_unknown" });
  assert.equal(world.effects.length, 1);
  const applied = await service.apply({ ...next, seen: { jti, revision } });
  assert.equal(applied.status, "applied");
  const later = { jti: next.jti, revision: applied.workspace_revision };
  assert.equal((await service.apply(request({ seen: later, target: "q" }))).status, "applied");
  await assert.rejects(service.apply(request({ seen: { ...later, revision: 9 }, target: "r" })), { code: "state_lost" });
});

test("apply: another version than expected, or another plan than signed, is a recorded conflict without effect", async () => {
  await using home = await testHome();
  const world = new World();
  const { service } = await serviceOver(home, world);
  const stale = request({ expected_state_version: 3 });
  const conflict = await service.apply(stale);
  assert.deepEqual([conflict.status, conflict.code, conflict.state_version_after], ["conflict", "version_conflict", 0]);
  assert.deepEqual(await service.apply(stale), conflict);

  const shown = await service.plan({ op: "component.deploy", target: "p", args: { component: "probe" } });
  const changed = await service.apply(request({ args: { component: "probe", replicas: 2 }, plan: shown.digest }));
  assert.deepEqual([changed.status, changed.code], ["conflict", "plan_changed"]);
  assert.deepEqual(world.effects, []);
  assert.equal((await service.apply(request({ plan: shown.digest }))).status, "applied");
});

test("apply: what cannot be done is a recorded failure that names its reason", async () => {
  await using home = await testHome();
  const { service } = await serviceOver(home, new World());
  const cases: readonly (readonly [Partial<ApplyRequest>, string])[] = [
    [{ op: "component.explode" }, "kind_unknown"],
    [{ args: { component: "nothing" } }, "args_invalid"],
    [{ args: { component: "../probe" } }, "args_invalid"],
    [{ args: { component: "probe", version: "9.9.9" } }, "args_invalid"],
    [{ args: { component: "probe", replicas: 5 } }, "args_invalid"],
    [{ args: { component: "probe", settings: { mode: "x", other: 1 } } }, "args_invalid"],
    [{ args: { component: "probe", extra: 1 } }, "args_invalid"],
    [{ target: "workspace" }, "args_invalid"],
    [{ op: "component.restart", args: {} }, "target_unknown"],
    [{ op: "component.scale", args: { replicas: 2 } }, "target_unknown"],
    [{ op: "component.remove", args: {} }, "target_unknown"],
    [{ op: "desired.apply", args: { commit: "0".repeat(40) } }, "args_invalid"],
    [{ op: "desired.apply", target: "workspace", args: { commit: "0".repeat(40) } }, "args_invalid"],
  ];
  for (const [more, code] of cases) {
    const op = request(more);
    const result = await service.apply(op);
    assert.deepEqual([result.status, result.code, result.state_version_after], ["failed", code, 0], JSON.stringify(more));
    assert.deepEqual(await service.apply(op), result);
    await assert.rejects(service.plan({ op: op.op, target: op.target, args: op.args }), { code });
  }
});

test("apply: a failed effect leaves version and state as they were", async () => {
  await using home = await testHome();
  const world = new World();
  const { service } = await serviceOver(home, world);
  world.fail = true;
  const result = await service.apply(request());
  assert.deepEqual([result.status, result.code, result.state_version_after, result.workspace_revision], ["failed", "apply_failed", 0, 0]);
  assert.equal((await service.target("p")).version, 0);
});

test("apply: versions grow with changes only, and do not go back with a removal", async () => {
  await using home = await testHome();
  const world = new World();
  const { service } = await serviceOver(home, world);
  const versions: number[] = [];
  const steps: readonly Partial<ApplyRequest>[] = [
    {},
    {},
    { op: "component.scale", args: { replicas: 3 } },
    { op: "component.restart", args: {} },
    { op: "component.remove", args: {} },
    {},
  ];
  for (const more of steps) {
    const expected = (await service.target("p")).version;
    versions.push((await service.apply(request({ expected_state_version: expected, ...more }))).state_version_after);
  }
  assert.deepEqual(versions, [1, 1, 2, 3, 4, 5]);
});

test("apply: a target cannot be turned into another component, which would remove it without being a removal", async () => {
  await using home = await testHome();
  const { service } = await serviceOver(home, new World());
  await service.apply(request());
  const result = await service.apply(request({ args: { component: "other" }, expected_state_version: 1 }));
  assert.deepEqual([result.code, result.evidence["message"]], ["args_invalid", "component: p runs probe; remove it first"]);
});

const component = (name: string, replicas = 1) => ({ name, component: "probe", replicas, settings: {} });

test("desired.apply: makes, changes and removes what the desired state lists, and leaves alone what ops made", async () => {
  await using home = await testHome();
  const world = new World();
  let components = [component("a"), component("b", 2)];
  const desired: DesiredSource = { at: async () => ({ version: 1, workspace: "w1", components }) };
  const { service } = await serviceOver(home, world, { desired });
  await service.apply(request({ target: "mine" }));
  const apply = async (digit: string) => {
    const { version } = await service.target("workspace");
    const op = { op: "desired.apply", target: "workspace", args: { commit: digit.repeat(40) }, expected_state_version: version };
    return service.apply(request(op));
  };
  const first = await apply("1");
  assert.deepEqual([first.status, first.state_version_after], ["applied", 1]);
  components = [component("a", 3)];
  const second = await apply("2");
  assert.deepEqual([second.status, second.state_version_after], ["applied", 2]);
  assert.deepEqual([...world.running.keys()].sort(), ["a", "mine"]);
  const { targets } = await service.state();
  assert.deepEqual(
    targets.map(({ target, version }) => `${target} ${version}`),
    ["a 2", "b 2", "mine 1", "workspace 2"],
  );
});

test("desired.apply: a source that cannot be read now decides nothing; the same op is applied later", async () => {
  await using home = await testHome();
  let reachable = false;
  const desired: DesiredSource = {
    at: async () => {
      if (!reachable) throw new TriplaneError("unavailable", "not now");
      return { version: 1, workspace: "w1", components: [] };
    },
  };
  const { service } = await serviceOver(home, new World(), { desired });
  const op = request({ op: "desired.apply", target: "workspace", args: { commit: "1".repeat(40) } });
  await assert.rejects(service.apply(op), { code: "unavailable" });
  reachable = true;
  assert.equal((await service.apply(op)).status, "applied");
});

/** Passes commits on until the chosen one, which fails before or after it happened; everything later fails as well. */
function crashingStore(store: Store, at: number, when: "before" | "after"): Store {
  let commits = 0;
  return {
    ...store,
    commit: async (writes) => {
      commits += 1;
      if (commits < at || (commits === at && when === "after")) await store.commit(writes);
      if (commits >= at) throw new TriplaneError("store_commit_unknown", "crashed here");
    },
  };
}

test("resume: a crash at any commit, before or after it, ends in one effect, one version, one result (applied-once)", async () => {
  for (const when of ["before", "after"] as const) {
    // Commits of an apply: fence, intent, result.
    for (const at of [1, 2, 3]) {
      await using home = await testHome();
      const world = new World();
      await Records.load(await home.store(), systemClock);
      const crashing = await serviceOver(home, world, { store: crashingStore(await home.store(), at, when) });
      const op = request();
      await assert.rejects(crashing.service.apply(op), { code: "store_commit_unknown" });

      const { service } = await serviceOver(home, world);
      await service.resume();
      await service.idle();
      const result = await service.apply(op);
      const label = `commit ${at} ${when}`;
      assert.deepEqual([result.status, result.state_version_after, result.workspace_revision], ["applied", 1, 1], label);
      assert.equal(world.effects.length, 1, label);
      assert.equal((await service.target("p")).version, 1, label);
    }
  }
});

test("apply: a commit of unknown outcome, or an op that cannot be carried on, ends the process once: only a start reads what is stored", async () => {
  for (const at of [1, 2, 3]) {
    await using home = await testHome();
    await Records.load(await home.store(), systemClock);
    const { service, fatal } = await serviceOver(home, new World(), { store: crashingStore(await home.store(), at, "before") });
    await assert.rejects(service.apply(request()), { code: "store_commit_unknown" });
    assert.equal(fatal.length, 1, `commit ${at}`);
  }
});

test("state: its hash changes with every change of a target, and says nothing about health", async () => {
  await using home = await testHome();
  const { service } = await serviceOver(home, new World());
  const empty = (await service.state()).state_hash;
  await service.apply(request());
  const one = (await service.state()).state_hash;
  await service.apply(request({ op: "component.restart", args: {}, expected_state_version: 1 }));
  assert.equal(new Set([empty, one, (await service.state()).state_hash]).size, 3);
});
