import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { asReviewer } from "@triplane/cli";
import type { Failpoint } from "@triplane/contract";
import { approve } from "@triplane/keeper";
import { approvedHead, repositoryDir } from "@triplane/ledger";
import { eventually } from "@triplane/testkit";
import { change, ownerOf, submit } from "./at-failpoint.ts";
import type { Cluster } from "./cluster.ts";
import type { Submitted } from "./evidence.ts";
import { workspaceOfSuite } from "./workspace.ts";

async function inReview(cluster: Cluster, { issuer, op }: Submitted): Promise<void> {
  const stage = () => cluster.world.stage(issuer, op.entry.jti);
  await eventually(async () => (await stage()) === "review", { timeoutMs: 40_000, what: `a review of ${op.claims.target}` });
}

async function approveAs(cluster: Cluster, principal: string, jti: string): Promise<void> {
  const person = await cluster.world.person(principal);
  await asReviewer(person, (deps) => approve(deps, { jti, key: person.key }));
}

/** Steps of an op that is not simply admitted and applied. */
describe("a process that is killed on the other ways of an op", { timeout: 400_000 }, () => {
  const { running, answered, keepsItsPromises } = workspaceOfSuite();

  const diesDuring = async (failpoint: Failpoint, hits: number, act: () => Promise<void>): Promise<void> => {
    const cluster = running();
    await cluster.healthy(ownerOf(failpoint));
    const order = await cluster.arm(ownerOf(failpoint), failpoint, { hits });
    await act();
    assert.equal((await cluster.death((await order.fired()).pid)).signal, "SIGKILL");
  };

  for (const failpoint of ["keeper.before-sequence", "keeper.after-sequence", "keeper.before-publish", "keeper.after-publish"] as const) {
    it(`${failpoint}: the approval that completes a review is neither lost nor counted twice (publish-before-ack)`, async () => {
      const cluster = running();
      const target = `flags-${failpoint.replace(".", "-")}`;
      await answered(await submit(cluster, "ana", change(target)));
      const removal = await submit(cluster, "ana", { op: "component.remove", target, reason: "a test" });
      await inReview(cluster, removal);
      await approveAs(cluster, "ben", removal.op.entry.jti);
      await diesDuring(failpoint, 1, () => approveAs(cluster, "cleo", removal.op.entry.jti));
      await answered(removal);
    });
  }

  for (const failpoint of [
    "keeper.before-publish",
    "controller.before-persist",
    "controller.after-persist",
    "controller.before-mark",
  ] as const) {
    it(`${failpoint}: a refusal has its one record (every-command-lands)`, async () => {
      let refused: Submitted | undefined;
      await diesDuring(failpoint, 1, async () => {
        refused = await submit(running(), "scout", change(`flags-refused-${failpoint.replace(".", "-")}`));
      });
      await answered(refused ?? assert.fail(), "refused scope_exceeded");
    });
  }

  for (const failpoint of ["controller.after-apply", "controller.after-record"] as const) {
    it(`${failpoint}: a conflict has its one record, and changes nothing (applied-once)`, async () => {
      const cluster = running();
      const target = `flags-conflict-${failpoint.replace(".", "-")}`;
      const stale = await cluster.world.plan("ben", change(target));
      await answered(await submit(cluster, "ana", change(target)));
      let late: Submitted | undefined;
      await diesDuring(failpoint, 1, async () => {
        late = { issuer: "ben", op: await cluster.world.submit("ben", stale) };
      });
      await answered(late ?? assert.fail(), "conflict version_conflict");
      assert.equal((await cluster.world.target(target)).version, 1);
    });
  }

  it("orchestrator.before-effect: between two effects of one op, each happens once (applied-once)", async () => {
    const cluster = running();
    const { world } = cluster;
    const pin = world.workspace.pins.desired;
    const { commit } = await approvedHead(repositoryDir(world.layout.storage, pin.rid), pin, { branch: "main", minThreshold: 2 });
    let op: Submitted | undefined;
    await diesDuring("orchestrator.before-effect", 2, async () => {
      op = await submit(cluster, "ci", { op: "desired.apply", target: "workspace", args: { commit } });
    });
    await answered(op ?? assert.fail());
    for (const target of ["kv", "relay"]) assert.deepEqual((await world.target(target)).version, 1, target);
  });

  it("everything has one record, one effect, and nothing waits (every-command-lands, applied-once)", keepsItsPromises);
});
