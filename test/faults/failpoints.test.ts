import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { FAILPOINTS, type Failpoint, type FailpointRoom, type Random } from "@triplane/contract";
import { eventually, seededRandom } from "@triplane/testkit";
import { change, dieAt, OWNERS, ownerOf, QUICK, roomOf, submit } from "./at-failpoint.ts";
import { Cluster } from "./cluster.ts";
import { backlogOf, outcomesOf, type Submitted } from "./evidence.ts";
import { brokenPromises, comeToRest } from "./promises.ts";

// FAULTS_SEED draws the same second deaths again.
const SEED = process.env["FAULTS_SEED"] ?? String(randomInt(1_000_000));
const SECOND_DEATHS = 5;
// Suites have the concurrency of the suite around them.
const ONE_BY_ONE = { concurrency: 1 } as const;

/** Rooms whose steps are tried in one workspace, one after another; the workspaces run at the same time. */
const LANES: readonly (readonly FailpointRoom[])[] = [
  // What the mirror left comes again after 30 s, while the keeper's steps are tried.
  ["submitter", "mirror", "keeper"],
  ["controller", "orchestrator"],
];

/** A workspace for the tests of one lane. */
function workspace() {
  let cluster: Cluster | undefined;
  const submitted: Submitted[] = [];
  before(async () => {
    cluster = await Cluster.create(QUICK);
    await cluster.start();
  });
  after(async () => assert.deepEqual(await cluster?.close(), []));
  const running = (): Cluster => cluster ?? assert.fail("the workspace did not start");
  return {
    running,
    submitted,
    answered: async (op: Submitted): Promise<void> => {
      submitted.push(op);
      const answer = async () => (await outcomesOf(running().world, [op])).get(op.op.entry.jti);
      const { outcome } = await eventually(answer, { timeoutMs: 45_000, intervalMs: 100, what: `an outcome of ${op.op.claims.target}` });
      assert.equal(outcome, "applied");
    },
    keepsItsPromises: async (): Promise<void> => {
      const rest = await comeToRest(running().world, submitted);
      assert.deepEqual(await brokenPromises(running().world, submitted), []);
      assert.equal(rest, "drained");
    },
  };
}

describe("a process that is killed at every step of an op's way", { concurrency: true, timeout: 400_000 }, () => {
  for (const rooms of LANES) {
    describe(rooms.join(", "), ONE_BY_ONE, () => {
      const { running, submitted, answered, keepsItsPromises } = workspace();

      for (const failpoint of stepsOf(rooms)) {
        it(`${failpoint}: dies there, and the op is applied (applied-once, persist-before-ack, publish-before-ack)`, async () => {
          const cluster = running();
          const owner = ownerOf(failpoint);
          if (owner !== "submitter") await cluster.healthy(owner);
          const { submitted: op, fired, death } = await dieAt(cluster, failpoint, "ana", `flags-${failpoint.replace(".", "-")}`);
          assert.equal(fired.failpoint, failpoint);
          assert.equal(death.signal, "SIGKILL");
          await answered(op);
          await eventually(async () => (await backlogOf(cluster.world)).cmd === 0, { timeoutMs: 30_000, what: "an empty command stream" });
        });
      }

      it("everything has one record, one effect, and nothing waits (every-command-lands, applied-once)", async () => {
        const steps = stepsOf(rooms);
        assert.equal(submitted.length, steps.length);
        await keepsItsPromises();
      });
    });
  }

  describe(`a second death at the first step after the first, FAULTS_SEED=${SEED}`, ONE_BY_ONE, () => {
    const { running, answered, keepsItsPromises } = workspace();

    for (const [index, failpoint] of draw(seededRandom(SEED), SECOND_DEATHS).entries()) {
      it(`${failpoint}, then the next step that ${ownerOf(failpoint)} reaches`, async (test) => {
        const cluster = running();
        const owner = ownerOf(failpoint);
        await cluster.healthy(owner);
        cluster.keepRunning(owner, false);
        const first = await dieAt(cluster, failpoint, "ben", `flags-first-${index}`);
        const again = await cluster.arm(owner, "any");
        cluster.keepRunning(owner, true);
        // Where nothing is left to do after the first death, this one reaches a step.
        const next = await submit(cluster, "ben", change(`flags-second-${index}`));
        const fired = await again.fired(60_000);
        test.diagnostic(`died at ${failpoint}, then at ${fired.failpoint}`);
        assert.notEqual(fired.pid, first.fired.pid);
        assert.equal((await cluster.death(fired.pid)).signal, "SIGKILL");
        await answered(first.submitted);
        await answered(next);
      });
    }

    it("a daemon that was started as an installation starts it passes every failpoint, whatever is ordered", async () => {
      const cluster = running();
      await cluster.restart("keeper-daemon", { armed: false });
      const pid = cluster.pid("keeper-daemon");
      const order = await cluster.arm("keeper-daemon", "any");
      await answered(await submit(cluster, "ben", change("flags-unarmed")));
      assert.equal(cluster.pid("keeper-daemon"), pid);
      await assert.rejects(order.fired(0));
      await cluster.disarm("keeper-daemon", "any");
    });

    it("everything has one record, one effect, and nothing waits (every-command-lands, applied-once)", keepsItsPromises);
  });

  it("every failpoint has a lane, and every lane a process", () => {
    assert.deepEqual(new Set(LANES.flat()), new Set(FAILPOINTS.map(roomOf)));
    assert.deepEqual(new Set(Object.keys(OWNERS)), new Set(LANES.flat()));
  });
});

/** Steps of daemons, drawn without repetition. */
function draw(random: Random, count: number): readonly Failpoint[] {
  const steps = FAILPOINTS.filter((each) => roomOf(each) !== "submitter");
  const weighed = steps.map((step) => ({ step, weight: Buffer.from(random.bytes(4)).readUInt32BE() }));
  return weighed
    .toSorted((a, b) => a.weight - b.weight)
    .map(({ step }) => step)
    .slice(0, count);
}

/** Room by room, in this order. */
function stepsOf(rooms: readonly FailpointRoom[]): readonly Failpoint[] {
  return rooms.flatMap((room) => FAILPOINTS.filter((each) => roomOf(each) === room));
}
