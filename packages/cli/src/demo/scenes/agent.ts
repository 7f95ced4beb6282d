// Scene: an AI agent asks for more than it was granted, and is told why, and what it could do instead.
import { orchestratorOf } from "../../people/person.ts";
import { refusalIn } from "../records.ts";
import type { Scene } from "../scene.ts";

export const agentScene: Scene = {
  id: "agent",
  title: "An agent asks for something outside its grant",
  claims: {
    refused: "the keeper refused the agent's op",
    reasoned: "the refusal names the rule, the fact, and the nearest allowed variant",
    unchanged: "the target is as it was",
  },
  play: async (world, tell) => {
    const target = async () => await (await orchestratorOf(await world.person("scout"))).target("kv");
    const before = await target();
    const sent = await world.submit(
      "scout",
      await world.plan("scout", { op: "component.restart", target: "kv", reason: "latency looks high" }),
    );
    tell.say("agent", "scout, whose grant is to restart web*, signs component.restart kv");
    const record = await world.outcome("scout", sent.entry.jti);
    const refusal = refusalIn(record);
    tell.observe("signing", "refused", record.claims.outcome === "refused", `refused: ${refusal.code}`);
    const nearest = refusal.nearest === undefined ? "" : JSON.stringify(refusal.nearest);
    const reasoned = refusal.rule !== undefined && refusal.fact !== "" && nearest !== "";
    tell.observe("signing", "reasoned", reasoned, `rule ${refusal.rule ?? "?"} · fact: ${refusal.fact} · nearest allowed: ${nearest}`);
    const after = await target();
    tell.observe(
      "workload",
      "unchanged",
      after.version === before.version && after.health === "healthy",
      `kv is ${after.health}, still at version ${after.version}`,
    );
  },
};
