import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, it } from "node:test";
import { FAILPOINTS, type Failpoint, type FailpointRoom, type Random } from "@triplane/contract";
import { eventually, seededRandom } from "@triplane/testkit";
import { change, dieAt, OWNERS, ownerOf, roomOf, submit } from "./at-failpoint.ts";
import { backlogOf } from "./evidence.ts";
import { type Workspace, workspaceOfSuite } from "./workspace.ts";

// FAULTS_SEED draws the same second deaths again.
const SEED = process.env["FAULTS_SEED"] ?? String(randomInt(1_000_000));
const SECOND_DEATHS = 5;
// Suites have the concurrency of the suite around them.
const ONE_BY_ONE = { concurrency: 1 } as const;

interface Lane {
  /** Their steps are tried in one workspace, one after another; the workspaces run at the same time. */
  readonly rooms: readonly FailpointRoom[];
  readonly more?: (workspace: Workspace) => void;
}

const LANES: readonly Lane[] = [
  // What the mirror left comes again after 30 s, while the keeper's steps are tried.
  { rooms: ["submitter", "mirror", "keeper"] },
  { rooms: ["controller"] },
  { rooms: ["orchestrator"], more: diesAgain },
];

describe("pitfall 5: a process that is killed at every step of an op's way", { concurrency: true, timeout: 570_000 }, () => {
  for (const { rooms, more } of LANES) {
    describe(rooms.join(", "), ONE_BY_ONE, () => {
      const workspace = workspaceOfSuite();
      for (const failpoint of stepsOf(rooms)) dies(workspace, failpoint);
      more?.(workspace);
      it("everything has one record, one effect, and nothing waits (every-command-lands, applied-once)", workspace.keepsItsPromises);
    });
  }

  it("every failpoint has a lane, and every lane a process", () => {
    const rooms = LANES.flatMap((lane) => lane.rooms);
    assert.deepEqual(new Set(rooms), new Set(FAILPOINTS.map(roomOf)));
    assert.deepEqual(new Set(Object.keys(OWNERS)), new Set(rooms));
  });
});

function dies({ running, answered }: Workspace, failpoint: Failpoint): void {
  it(`${failpoint}: dies there, and the op is applied (applied-once, persist-before-ack, publish-before-ack)`, async () => {
    const cluster = running();
    const owner = ownerOf(failpoint);
    if (owner !== "submitter") await cluster.healthy(owner);
    const { submitted, fired, death } = await dieAt(cluster, failpoint, "ana", `flags-${failpoint.replace(".", "-")}`);
    assert.equal(fired.failpoint, failpoint);
    assert.equal(death.signal, "SIGKILL");
    await answered(submitted);
    // What is delivered again must not meet the next order.
    await eventually(async () => (await backlogOf(cluster.world)).cmd === 0, { timeoutMs: 30_000, what: "an empty command stream" });
  });
}

function diesAgain({ running, answered }: Workspace): void {
  for (const [index, failpoint] of draw(seededRandom(SEED), SECOND_DEATHS).entries()) {
    it(`FAULTS_SEED=${SEED} ${failpoint}, then the next step that ${ownerOf(failpoint)} reaches`, async (test) => {
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
}

/** Steps of daemons, drawn without repetition. */
function draw(random: Random, count: number): readonly Failpoint[] {
  const steps = FAILPOINTS.filter((each) => roomOf(each) !== "submitter");
  const weighed = steps.map((step) => ({ step, weight: Buffer.from(random.bytes(4)).readUInt32BE() }));
  const shuffled = weighed.toSorted((a, b) => a.weight - b.weight).map(({ step }) => step);
  return shuffled.slice(0, count);
}

/** Room by room, in this order. */
function stepsOf(rooms: readonly FailpointRoom[]): readonly Failpoint[] {
  return rooms.flatMap((room) => FAILPOINTS.filter((each) => roomOf(each) === room));
}
