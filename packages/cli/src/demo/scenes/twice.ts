// Scene: the same signed op arrives twice, and not as a duplicate that the broker would recognise.
import { messageIdOf } from "@triplane/bus";
import { subjects } from "@triplane/contract";
import { withSubmitter } from "../../people/person.ts";
import type { Scene } from "../scene.ts";

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
    // Under another message id the broker takes the copy for a new message, as it does after a restart of its own.
    await withSubmitter(await world.person("ana"), async (_, bus) => {
      const { workspace } = world.workspace;
      const again = await bus.publish(subjects(workspace).pending, sent.entry.op, { messageId: messageIdOf(`again ${sent.entry.op}`) });
      tell.say("operator", `ana sends component.scale web twice; the broker keeps both (the copy as message ${again.streamSeq})`);
    });
    const record = await world.outcome("ana", sent.entry.jti);
    await world.eventually("both copies settled", async () => (await world.waiting("pending")) === 0 && (await world.waiting("cmd")) === 0);
    tell.observe("signing", "both-taken", true, "both were taken in; the second got the answer of the first");
    const after = await world.target("web");
    const inLedger = await world.eventually("the record in the ledger", () => world.ledgerRecord(sent.entry.jti));
    const once =
      after.version === before.version + 1 && inLedger.claims.outcome === record.claims.outcome && record.claims.outcome === "applied";
    tell.observe("workload", "once", once, `web went from version ${before.version} to ${after.version}; one record in the ledger`);
  },
};
