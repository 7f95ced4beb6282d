// The orchestrator dies at every step of a lease's way, and its clock goes wrong: builds end well or say why, and no runner is left. `runner-always-destroyed`
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { LEASE_FAILPOINTS, type LeaseFailpoint } from "@triplane/contract";
import {
  ARMING_MODULE,
  allFired,
  eventually,
  FAULTS_DIR_VARIABLE,
  FAULTS_NAME_VARIABLE,
  giveOrder,
  skewClock,
  takeBackOrder,
} from "@triplane/testkit";
import { greeting, waiting } from "./plane/dockerfiles.ts";
import { whyNoPlane } from "./plane/needs.ts";
import { assertTold, BuildPlace, closed } from "./plane/place.ts";

const skip = (await whyNoPlane()) ?? false;
const SLOW = { timeout: 600_000 };
const ONE_HOUR_MS = 3_600_000;

describe("orchestrators that do not come to their end", { skip, timeout: 880_000 }, () => {
  let opening: Promise<BuildPlace>;
  let place: BuildPlace;
  before(async () => {
    opening = BuildPlace.open();
    place = await opening;
  }, SLOW);
  // Also after a test that failed: the next one begins with clocks that are right.
  afterEach(async () => {
    for (const process of [undefined, "launcher"]) await skewClock(place.plane.orchestrator.faults, 0, process);
  });
  after(() => closed(opening));

  /** What a supervisor does, until told to stop. */
  const supervise = (): { stop(): Promise<void> } => {
    const { orchestrator } = place.plane;
    let wanted = true;
    const loop = (async () => {
      while (wanted) {
        // One that dies while it starts is started again like any other.
        if (orchestrator.program.hasEnded) await orchestrator.restart([], true).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    return {
      stop: async () => {
        wanted = false;
        await loop;
      },
    };
  };

  for (const step of ["intent", "attempt", "create", "record", "destroy", "end"] as const) {
    it(`SIGKILL before and after the step ${step}: the build goes on, nothing is left`, SLOW, async () => {
      const { orchestrator } = place.plane;
      const names = LEASE_FAILPOINTS.filter((name) => name.endsWith(`-${step}`)) as readonly LeaseFailpoint[];
      assert.equal(names.length, 2);
      await orchestrator.restart([], true);
      const before = (await allFired(orchestrator.faults)).length;
      for (const name of names) await giveOrder(orchestrator.faults, name, { action: "kill" });
      const supervisor = supervise();
      try {
        const died = async (): Promise<boolean> => (await allFired(orchestrator.faults)).length === before + 2;
        // A launcher waits ten seconds for a pool that does not take its request; on a machine that is slow to start one it says so.
        for (let tries = 0; tries < 3 && !(await died()); tries += 1) {
          const end = await place.build("faults/orchestrator", greeting(place.base, `the orchestrator died around ${step}`));
          if (end.exitCode !== 0) assertTold(end, { exitCode: 5, code: "unavailable", says: /vm-pool/, hint: /triplane status/ });
          await eventually(died, { timeoutMs: 20_000 }).catch(() => undefined);
        }
        assert.ok(await died(), `no death at each of ${names.join(", ")}`);
      } finally {
        for (const name of names) await takeBackOrder(orchestrator.faults, name);
        await supervisor.stop();
      }
      // The proof of a death is on disk a moment before the death.
      const pool = async () => {
        if (orchestrator.program.hasEnded) await orchestrator.restart();
        return await orchestrator.leases();
      };
      await eventually(pool, { timeoutMs: 60_000, what: "the pool" });
      await place.assertNothingLeft(60_000);
    });
  }

  it(
    "SIGKILL while a build runs, and nobody starts it again for a while: the step goes on, a push without a pool is told",
    SLOW,
    async () => {
      const { orchestrator } = place.plane;
      const running = await place.start("faults/away", waiting(place.base, 8));
      await running.says(/the step runs/);
      await orchestrator.program.kill();
      await new Promise((resolve) => setTimeout(resolve, 3000));
      await orchestrator.restart();
      const end = await running.end();
      assert.match(end.log, /RUN echo the step runs[\s\S]*exporting to image/);
      // Where it is not back when the image is pushed, the gateway cannot know whether the lease stands.
      if (end.exitCode !== 0) assertTold(end, { exitCode: 5, says: /registry could not be reached/, hint: /whether the registry answers/ });
      await place.assertNothingLeft(60_000);
    },
  );

  it("its clock jumps an hour and more ahead during a build: the lease is over, the launcher says so", SLOW, async () => {
    const { orchestrator } = place.plane;
    await orchestrator.restart([], true);
    const running = await place.start("faults/ahead", waiting(place.base, 300));
    await running.says(/the step runs/);
    await skewClock(orchestrator.faults, 2 * ONE_HOUR_MS);
    const end = await running.end();
    assertTold(end, { exitCode: 5, code: "lease_ended", says: /its time of \d+ s is over|no heartbeat/, hint: /start the build again/ });
    await place.assertNothingLeft(60_000);
  });

  it("its clock is set back an hour during a build: the build ends well", SLOW, async () => {
    const { orchestrator } = place.plane;
    await orchestrator.restart([], true);
    const running = await place.start("faults/back", waiting(place.base, 4));
    await running.says(/the step runs/);
    await skewClock(orchestrator.faults, -ONE_HOUR_MS);
    const end = await running.end();
    assert.equal(end.exitCode, 0, end.log + end.out);
    await place.assertNothingLeft(60_000);
  });

  it(
    "its clock is an hour ahead of the registry's when it makes the token: the registry refuses, and the hint names clocks",
    SLOW,
    async () => {
      const { orchestrator } = place.plane;
      await orchestrator.restart([], true);
      await skewClock(orchestrator.faults, ONE_HOUR_MS);
      const end = await place.build("faults/early", greeting(place.base, "from the future"));
      assertTold(end, { exitCode: 1, says: /registry refused/, hint: /clocks/ });
      await place.assertNothingLeft(60_000);
    },
  );

  it("the launcher's own clock is a day wrong: nothing depends on it", SLOW, async () => {
    const { orchestrator } = place.plane;
    await skewClock(orchestrator.faults, 24 * ONE_HOUR_MS, "launcher");
    const env = { [FAULTS_DIR_VARIABLE]: orchestrator.faults, [FAULTS_NAME_VARIABLE]: "launcher" };
    const end = await place.build("faults/wrong-clock", greeting(place.base, "what day is it"), { imports: [ARMING_MODULE], env });
    assert.equal(end.exitCode, 0, end.log + end.out);
    await place.assertNothingLeft(60_000);
  });
});
