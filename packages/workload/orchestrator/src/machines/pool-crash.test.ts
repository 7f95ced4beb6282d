// The orchestrator as a program, killed at every step of a lease; its cloud goes on.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { LEASE_FAILPOINTS } from "@triplane/contract";
import { firedOrder, giveOrder, takeBackOrder, tempDir } from "@triplane/testkit";
import { eventually } from "../testing.ts";
import { poolDaemon, poolPlace } from "./testing/pool-daemon.ts";
import { simulatedHcloud } from "./testing/simulated-hcloud.ts";

const REAPS = ["--vm-pool-reap-s", "1"];

test("runner-always-destroyed: SIGKILL at every failpoint of the pool, one after another: leases and runners come to zero", async () => {
  await using folder = await tempDir("pool-crash");
  await using cloud = await simulatedHcloud(folder.path);
  const place = await poolPlace(join(folder.path, "data"));
  const options = [...cloud.options, ...REAPS];
  for (const [at, failpoint] of LEASE_FAILPOINTS.entries()) {
    await using daemon = await poolDaemon(place, options, true);
    await giveOrder(place.faults, failpoint, { action: "kill" });
    const lease = await daemon.spawn({ build_id: `b${at}` }).catch(() => undefined);
    // Its holder is content with the machine that it has asked for, and gives it back as soon as it is there.
    const isPastCreate = /destroy|end/.test(failpoint);
    if (isPastCreate && lease !== undefined) {
      await daemon.until(lease.lease_id, "booting").catch(() => undefined);
      await daemon.release(lease.lease_id).catch(() => undefined);
    }
    await eventually(
      `it dies at ${failpoint}`,
      async () => (await firedOrder(place.faults, failpoint)) !== undefined || undefined,
      120_000,
    );
    await eventually("it is dead", () => daemon.child.signalCode !== null || undefined);
    assert.equal(daemon.child.signalCode, "SIGKILL");
    await takeBackOrder(place.faults, failpoint);
  }
  await using last = await poolDaemon(place, options);
  assert.ok((await last.list()).leases.length > 0, "something was under way when they died");
  // The same request again is the same lease.
  const again = await last.spawn({ build_id: "b1" });
  assert.equal((await last.spawn({ build_id: "b1" })).lease_id, again.lease_id);
  for (const { lease_id } of (await last.list()).leases) await last.release(lease_id);
  await eventually("every lease is over", async () => (await last.list()).leases.length === 0 || undefined, 180_000);
  assert.deepEqual(await cloud.servers(), []);
  await eventually("the reaper has seen that none is left", async () => (await last.list()).orphans === 0 || undefined);
});
