import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { nowSeconds, type OpClaims, TriplaneError } from "@triplane/contract";
import { createMetrics, silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { openStore, type Store } from "@triplane/store";
import { eventually } from "@triplane/testkit";
import { orchestratorOverHttp } from "../adapters/orchestrator-http.ts";
import { Records } from "../adapters/store-records.ts";
import { controllerMetrics } from "../metrics.ts";
import { MIGRATIONS } from "../rows.ts";
import { type Bench, bench, type RunningController } from "../testing/bench.ts";
import { AUDIENCE, WORKSPACE } from "../testing/world.ts";
import { type AppliedHere, applyHere } from "./apply-here.ts";

describe("applyHere: on the controller's machine, with the broker down", () => {
  let parts: Bench;
  let store: Store;
  let running: RunningController;
  let url: string;
  before(async () => {
    parts = await bench();
    url = parts.newStoreUrl();
    store = await openStore({ url, migrations: MIGRATIONS });
  });
  after(() => parts[Symbol.asyncDispose]());

  // A store can be opened once in a process; the controllers of this test hold it one after the other.
  const kept = (): Store => ({
    commit: (writes) => store.commit(writes),
    get: (table, id) => store.get(table, id),
    list: (table, options) => store.list(table, options),
    pages: (table) => store.pages(table),
    count: (table, where) => store.count(table, where),
    highest: (table, field, above) => store.highest(table, field, above),
    close: async () => undefined,
  });
  const start = () => parts.start({ openStore: async () => kept(), leaseTtlMs: 1000 });
  const apply = (compact: string, waitMs = 5000, on: Store = store): Promise<AppliedHere> =>
    applyHere(compact, {
      ...{ ...AUDIENCE, key: parts.world.keys.controller, store: on, source: parts.source, waitMs },
      orchestrator: orchestratorOverHttp({
        ...{ baseUrl: parts.orchestrator.url, workspace: WORKSPACE, token: parts.orchestrator.token, timeoutMs: 2000 },
      }),
      ...{ clock: systemClock, random: systemRandom, logger: silentLogger, signal: new AbortController().signal },
      metrics: controllerMetrics(createMetrics({ name: "ops-controller" })),
    });
  const times = () => ({ iat: nowSeconds(systemClock), exp: nowSeconds(systemClock) + 600 });
  const sealedOp = (seq: number, claims: Partial<OpClaims> = {}) =>
    parts.world.op({ target: "night-web", ...times(), ...claims, seq }, "ana-sealed");
  const glass = (op: ReturnType<typeof sealedOp>) => parts.world.glass(op, { decided_at: nowSeconds(systemClock) });

  it("no controller was ever active here: nothing says which fencing number is new (no-fail-open)", async () => {
    await assert.rejects(apply(glass(sealedOp(1))), { code: "break_glass_impossible" });
    assert.equal(await store.count("ops"), 0);
  });

  it("is applied once under a number above the last lease's, and lands when the broker is back (every-command-lands)", async () => {
    running = await start();
    const first = parts.world.op({ target: "day", ...times() });
    await parts.send(parts.world.admission(first, { decided_at: nowSeconds(systemClock) }));
    await parts.recordOf(first.claims.jti);
    await running.stop();
    await parts.nats.kill();
    const lease = (await new Records(store).leaseFence()) ?? 0;
    const op = sealedOp(1);
    const text = glass(op);
    const told = await apply(text);
    assert.deepEqual([told.outcome, told.fence], ["applied", lease + 1]);
    assert.ok((told.ratifyByS ?? 0) > nowSeconds(systemClock) + 3500);
    assert.equal((await apply(text)).outcome, "applied", "the same file again is the same op");
    assert.equal(parts.orchestrator.effects.filter(({ jti }) => jti === op.claims.jti).length, 1);
    await parts.nats.restart();
    running = await start();
    const { claims } = await parts.recordOf(op.claims.jti);
    assert.deepEqual([claims.outcome, claims.decision], ["applied", text]);
    const alarms = await eventually(async () => {
      const all = await parts.alarms();
      return all.some(({ code }) => code === "break_glass_used") ? all : undefined;
    });
    assert.equal(alarms.filter(({ subject }) => subject === op.claims.jti).length, 1);
    await parts.send(text);
    await eventually(() => parts.streamIsEmpty());
    assert.equal(parts.orchestrator.effects.filter(({ jti }) => jti === op.claims.jti).length, 1, "nor does the stream apply it again");
    const after = parts.world.op({ target: "night-web", ...times(), expected_state_version: 1 });
    await parts.send(parts.world.admission(after, { decided_at: nowSeconds(systemClock) }));
    assert.equal((await parts.recordOf(after.claims.jti)).claims.outcome, "applied", "the next lease's number is no lower");
    await running.stop();
  });

  it("a controller that still lives elsewhere is refused by the orchestrator from then on", async () => {
    const last = (await new Records(store).leaseFence()) ?? 0;
    const told = await apply(glass(sealedOp(2, { target: "night-b" })));
    assert.equal(told.outcome, "applied");
    const request = parts.orchestrator.calls.at(-1);
    assert.equal(request?.fence, last + 1);
    const zombie = orchestratorOverHttp({
      ...{ baseUrl: parts.orchestrator.url, workspace: WORKSPACE, token: parts.orchestrator.token, timeoutMs: 2000 },
    });
    const late = { ...request, fence: last, jti: parts.world.op().claims.jti } as NonNullable<typeof request>;
    await assert.rejects(zombie.apply(late, new AbortController().signal), { code: "fencing_stale" });
  });

  it("nothing else goes this way, and a wrong one leaves no trace", async () => {
    const { world } = parts;
    const ordinary = world.op({ target: "day", ...times() });
    const rows = await store.count("ops");
    const decided = { decided_at: nowSeconds(systemClock) };
    await assert.rejects(apply(world.admission(ordinary, decided)), { code: "break_glass_impossible" });
    const removal = world.op({ op: "component.remove", target: "day", ...times() });
    await assert.rejects(apply(world.refusal(removal, decided)), { code: "break_glass_impossible" });
    await assert.rejects(apply(glass(sealedOp(2, { target: "night-c" }))), { code: "sequence_fork" });
    await assert.rejects(apply(glass(sealedOp(9, { target: "night-c" }))), { code: "sequence_gap" });
    await assert.rejects(apply(glass(sealedOp(3, { target: "day" }))), { code: "chain_broken" });
    await assert.rejects(apply(world.glass(ordinary, decided, "ana")), { code: "chain_broken" });
    await assert.rejects(apply("garbage"), { code: "chain_broken" });
    assert.equal(await store.count("ops"), rows);
    assert.equal(await store.count("rejected"), 0);
  });

  it("stopped at a commit: nothing was done, or the controller goes on with it, once (applied-once)", async () => {
    const dying = (commits: number): Store => {
      let left = commits;
      return {
        ...kept(),
        commit: async (writes) => {
          if (left-- === 0) throw new TriplaneError("store_commit_unknown", "stopped here");
          await store.commit(writes);
        },
      };
    };
    const op = sealedOp(3, { target: "night-c" });
    const effects = () => parts.orchestrator.effects.filter(({ jti }) => jti === op.claims.jti).length;
    const text = glass(op);
    await assert.rejects(apply(text, 5000, dying(0)), { code: "store_commit_unknown" });
    assert.deepEqual([await store.get("ops", op.claims.jti), effects()], [undefined, 0]);
    await assert.rejects(apply(text, 5000, dying(1)), { code: "store_commit_unknown" });
    assert.equal(effects(), 1, "it was applied, and nobody wrote that down");
    running = await start();
    assert.equal((await parts.recordOf(op.claims.jti)).claims.outcome, "applied");
    assert.equal(effects(), 1);
    await running.stop();
  });

  it("an orchestrator that does not answer: it is accepted, and the controller goes on with it (applied-once)", async () => {
    parts.orchestrator.failWith = "unavailable";
    const op = sealedOp(4, { target: "night-d" });
    assert.equal((await apply(glass(op), 500)).outcome, undefined);
    parts.orchestrator.failWith = undefined;
    running = await start();
    assert.equal((await parts.recordOf(op.claims.jti)).claims.outcome, "applied");
    await running.stop();
  });
});
