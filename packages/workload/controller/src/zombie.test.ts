import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { openStore, type Store } from "@triplane/store";
import { eventually } from "@triplane/testkit";
import { MIGRATIONS } from "./rows.ts";
import { type Bench, bench } from "./testing/bench.ts";
import { CRASH_POINTS } from "./testing/crash-points.ts";
import { type ServedStore, serveStore } from "./testing/served-store.ts";

describe("Controller: stopped for longer than its lease, and let go on after another one took over", () => {
  let parts: Bench;
  let store: Store;
  let served: ServedStore;
  before(async () => {
    parts = await bench();
    store = await openStore({ url: parts.newStoreUrl(), migrations: MIGRATIONS });
    served = await serveStore(store);
  });
  after(async () => {
    await parts[Symbol.asyncDispose]();
    await served[Symbol.asyncDispose]();
    await store.close();
  });

  for (const point of CRASH_POINTS) {
    it(`${point}: the op is applied once and ends in one record, and the late one ends (ops-controller-single-workqueue-consumer)`, async () => {
      const { world, orchestrator } = parts;
      const op = world.op({ target: `web-${point}` });
      const { jti } = op.claims;
      const late = parts.spawn({ storeUrl: served.url, owner: `late-${point}`, standby: true, stopAt: point });
      await parts.send(world.admission(op));
      const stopped = () => late.log().includes(`stopped at ${point}`) || (late.process.exitCode !== null && assert.fail(late.log()));
      await eventually(stopped, { what: "the first one to stop", timeoutMs: 30_000 });

      const heir = parts.spawn({ storeUrl: served.url, owner: `heir-${point}`, standby: true });
      await eventually(() => heir.log().includes('"msg":"active"'), { what: "the second one to take over", timeoutMs: 30_000 });
      const record = await parts.recordOf(jti);
      late.process.kill("SIGCONT");
      assert.equal(await late.ended, "1", late.log());
      assert.match(late.log(), /lease_lost|fencing_stale/);

      const next = world.op({ target: `web-${point}`, expected_state_version: 1 });
      await parts.send(world.admission(next));
      assert.equal((await parts.recordOf(next.claims.jti)).claims.outcome, "applied", "the second one goes on");
      await heir.stop();
      assert.equal(orchestrator.effects.filter((effect) => effect.jti === jti).length, 1);
      const about = (await parts.records()).filter((each) => each.claims.subject === jti);
      assert.deepEqual(new Set(about.map((each) => each.token.digest)), new Set([record.token.digest]), "all copies have the same bytes");
    });
  }

  it("before-apply: what the late one still sent was refused by its fence", () => {
    const fences = parts.orchestrator.calls.filter(({ target }) => target === "web-before-apply").map(({ fence }) => fence);
    const highest = Math.max(...fences);
    assert.ok(
      fences.some((fence) => fence < highest),
      "the late call reached the orchestrator",
    );
    const applied = parts.orchestrator.effects.filter(({ target }) => target === "web-before-apply").map(({ fence }) => fence);
    assert.deepEqual(new Set(applied), new Set([highest]));
  });
});
