import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { eventually } from "@triplane/testkit";
import { type Bench, bench } from "./testing/bench.ts";
import { CRASH_POINTS } from "./testing/crash-points.ts";

describe("Controller: killed with SIGKILL and started again", () => {
  let parts: Bench;
  let storeUrl: string;
  before(async () => {
    parts = await bench();
    storeUrl = parts.newStoreUrl();
  });
  after(() => parts[Symbol.asyncDispose]());

  for (const point of CRASH_POINTS) {
    it(`${point}: the op is applied once and ends in one record (applied-once, persist-before-ack, every-command-lands)`, async () => {
      const { world, orchestrator } = parts;
      const op = world.op({ target: `web-${point}` });
      const { jti } = op.claims;
      await parts.send(world.admission(op));

      const doomed = parts.spawn({ storeUrl, owner: `doomed-${point}`, standby: true, killAt: point });
      assert.equal(await doomed.ended, "SIGKILL", doomed.log());
      const heir = parts.spawn({ storeUrl, owner: `heir-${point}`, standby: true });
      const record = await parts.recordOf(jti);
      await eventually(() => parts.streamIsEmpty(), { what: "the command stream to be empty", timeoutMs: 15_000 });

      assert.equal(record.claims.outcome, "applied");
      assert.equal(record.claims.iss, world.keys.controller.did);
      await heir.stop();
      assert.equal(orchestrator.effects.filter((effect) => effect.jti === jti).length, 1);
      const about = (await parts.records()).filter((each) => each.claims.subject === jti);
      assert.deepEqual(new Set(about.map((each) => each.token.digest)), new Set([record.token.digest]), "all copies have the same bytes");
    });
  }
});
