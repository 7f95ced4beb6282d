// The launcher dies, is told to stop, or is not alone: its runner is given back, or goes by itself. `runner-always-destroyed`
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { eventually } from "@triplane/testkit";
import { bulky, greeting, waiting } from "./plane/dockerfiles.ts";
import type { RunningBuild } from "./plane/launcher.ts";
import { whyNoPlane } from "./plane/needs.ts";
import { assertTold, BuildPlace, closed } from "./plane/place.ts";

const skip = (await whyNoPlane()) ?? false;
const SLOW = { timeout: 600_000 };

describe("launchers that do not come to their end", { skip, timeout: 880_000 }, () => {
  let opening: Promise<BuildPlace>;
  let place: BuildPlace;
  before(async () => {
    opening = BuildPlace.open();
    place = await opening;
  }, SLOW);
  after(() => closed(opening));

  const aLease = async (state: RegExp): Promise<void> => {
    await eventually(async () => (await place.plane.orchestrator.leases()).leases.some((lease) => state.test(lease.state)), {
      timeoutMs: 120_000,
      what: `a lease that is ${state}`,
    });
  };
  /** From the moment that the pool knows of the build until the image is on its way. */
  const moments: Readonly<Record<string, (running: RunningBuild) => Promise<void>>> = {
    "while the runner is made": () => aLease(/creating|booting/),
    "when the runner is ready": () => aLease(/ready/),
    "while a step runs": (running) => running.says(/the step runs/),
  };
  for (const [moment, reached] of Object.entries(moments)) {
    it(`SIGKILL ${moment}: the lease ends by its missed heartbeats, nothing is left`, SLOW, async () => {
      const running = await place.start("faults/killed", waiting(place.base, 300));
      await reached(running);
      running.signal("SIGKILL");
      const end = await running.end();
      assert.equal(end.signal, "SIGKILL");
      await place.assertNothingLeft(60_000);
      const [id] = end.log.match(/lease-[0-9a-f]{32}/) ?? [];
      if (id !== undefined) assert.equal((await place.plane.orchestrator.lease(id)).code, "lease_abandoned");
    });
  }

  it("SIGKILL while the image is pushed: nothing is left", SLOW, async () => {
    const running = await place.start("faults/pushing", bulky(place.base, 200));
    await running.says(/pushing|exporting/);
    running.signal("SIGKILL");
    await running.end();
    await place.assertNothingLeft(60_000);
  });

  for (const [signal, exitCode] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    it(`${signal}: the runner is given back before the launcher ends with ${exitCode}`, SLOW, async () => {
      const running = await place.start("faults/stopped", waiting(place.base, 300));
      await running.says(/the step runs/);
      running.signal(signal);
      const end = await running.end();
      assertTold(end, { exitCode, says: /stopped as asked/, hint: /start it again|given back/i });
      const id = end.receipt?.runs[0]?.lease_id ?? "";
      assert.match((await place.plane.orchestrator.lease(id)).state, /releasing|gone/);
      await place.assertNothingLeft();
    });
  }

  it("two launchers for one commit: one builds, the other says that it is taken and touches nothing", SLOW, async () => {
    const args = ["--build-id", "commit-0123abc"];
    const files = greeting(place.base, "one commit");
    const running = [await place.start("faults/twice", files, { args }), await place.start("faults/twice", files, { args })];
    const ends = await Promise.all(running.map((each) => each.end()));
    const won = ends.filter(({ exitCode }) => exitCode === 0);
    const [lost] = ends.filter(({ exitCode }) => exitCode !== 0);
    assert.equal(won.length, 1, ends.map(({ log, out }) => log + out).join("\n---\n"));
    assert.ok(lost !== undefined);
    assert.match(lost.receipt?.error?.code ?? "", /^(?:build_taken|build_id_taken)$/);
    assert.match(lost.out, /id of its own/);
    await place.assertNothingLeft();
  });
});
