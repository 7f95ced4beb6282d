// Scene: the same signed op arrives twice.
import { CONSUMERS, streamNames, subjects } from "@triplane/contract";
import { withSubmitter } from "../../people/person.ts";
import type { Scene } from "../scene.ts";
import type { World } from "../world.ts";

export const twiceScene: Scene = {
  id: "twice",
  title: "The same op is sent twice",
  claims: {
    "both-taken": "the keeper took both copies off the queue",
    once: "the target's version rose by one, and the ledger has one record",
  },
  play: async (world, tell) => {
    const before = await world.target("web");
    const sent = await world.submit("ana", await world.plan("ana", { op: "component.scale", target: "web", args: { replicas: 2 } }));
    const { workspace } = world.workspace;
    const copy = await withSubmitter(await world.person("ana"), (_, bus) => bus.publish(subjects(workspace).pending, sent.entry.op));
    tell.say("operator", `ana sends component.scale web twice; the broker keeps the copy as message ${copy.streamSeq} of its own`);
    const record = await world.outcome("ana", sent.entry.jti);
    const taken = await world.eventually("both copies to be settled", async () => {
      const bus = await world.watcher();
      const { ackFloorSeq } = await bus.consumerState(streamNames(workspace).pending, CONSUMERS.pending);
      return ackFloorSeq >= copy.streamSeq && (await world.waiting("cmd")) === 0 && ackFloorSeq;
    });
    tell.observe(
      "signing",
      "both-taken",
      taken >= copy.streamSeq,
      "the keeper took both copies off the queue, and the controller settled what came of them",
    );
    const after = await world.target("web");
    await world.eventually("the record in the ledger", () => world.ledgerRecord(sent.entry.jti));
    const [accepted, count] = [await startsOf(world, sent.entry.jti), await world.ledgerCount(sent.entry.jti)];
    const once = record.claims.outcome === "applied" && after.version === before.version + 1 && accepted === 1 && count === 1;
    tell.observe(
      "workload",
      "once",
      once,
      `web went from version ${before.version} to ${after.version}: ${accepted} process more was started; ${count} record in the ledger`,
    );
  },
};

/** Processes of web that were started besides the first. */
async function startsOf(world: World, jti: string): Promise<number> {
  const events = await world.eventsUntilFinished(jti);
  return events.filter((event) => event.type === "replica.started" && event.target === "web").length - 1;
}
