// Scene: somebody holds the keeper's credential on the bus, but not its key.
import { digestOf, formatAudience, generateSigningKey, nowSeconds, signAdmission, subjects } from "@triplane/contract";
import { withdraw } from "@triplane/keeper";
import { asReviewer } from "../../commands/keeper/options.ts";
import { audienceOf } from "../../home/workspace-file.ts";
import { withBus } from "../../people/connect.ts";
import { policyInForce } from "../../people/policy.ts";
import type { Scene } from "../scene.ts";

export const forgeryScene: Scene = {
  id: "forgery",
  title: "An attacker writes a forged admission to the command stream",
  claims: {
    published: "the broker took the message: write access is not what protects the workload",
    alarmed: "the controller refused it and raised an alarm",
    "not-applied": "nothing was applied, and the ledger holds no word of it",
  },
  play: async (world, tell) => {
    const { workspace, layout, options } = world;
    const planned = await world.plan("ana", { op: "component.remove", target: "kv" });
    const sent = await world.submit("ana", planned);
    const { jti } = sent.entry;
    await world.eventually("the review", async () => (await world.stage("ana", jti)) === "review");
    tell.say("operator", "ana asks to remove kv; the op, soundly signed, waits for two approvals");

    const before = await world.target("kv");
    const alarmsBefore = (await world.alarms()).length;
    const { ref } = await policyInForce(layout, workspace);
    const forged = signAdmission(
      {
        ...{ aud: formatAudience(audienceOf(workspace)), op: sent.entry.op, op_jti: jti, op_digest: digestOf(sent.entry.op), policy: ref },
        ...{ rule: "routine", basis: "auto", approvals: [], facts: {}, decided_at: nowSeconds(options.clock) },
      },
      generateSigningKey(),
    );
    const ack = await withBus({ role: "keeper" }, layout, workspace, options, (bus) =>
      bus.publish(subjects(workspace.workspace).cmd, forged),
    );
    tell.observe(
      "attacker",
      "published",
      ack.streamSeq > 0,
      "with the keeper's NATS credential and a key of their own, the attacker publishes an admission of that op",
    );
    const alarm = await world.eventually("the alarm", async () =>
      (await world.alarms()).slice(alarmsBefore).find((each) => each.code === "chain_broken"),
    );
    await world.eventually("the command stream to be empty", async () => (await world.waiting("cmd")) === 0);
    tell.observe("workload", "alarmed", true, `${alarm.source} refuses it, alarm ${alarm.code}: ${alarm.message}`);
    const after = await world.target("kv");
    const recorded = (await world.ledgerRecord(jti)) ?? (await world.ledgerRecord(digestOf(forged)));
    const untouched = after.version === before.version && after.health === "healthy" && recorded === undefined;
    tell.observe("workload", "not-applied", untouched, `kv is ${after.health}, still at version ${after.version}; no record in the ledger`);

    const ana = await world.person("ana");
    await asReviewer(ana, (deps) => withdraw(deps, { jti, key: ana.key }));
    const record = await world.outcome("ana", jti);
    tell.say("operator", `ana withdraws her op; that is in the ledger, too: ${record.claims.code ?? record.claims.outcome}`);
  },
};
