// Scene: the keeper is away; an op waits, and a person does the keeper's work with their own key.

import { admitPending, type HandOptions, openBucket } from "@triplane/keeper";
import { silentLogger, sleep } from "@triplane/kit";
import { audienceOf } from "../../home/workspace-file.ts";
import { withBus } from "../../people/connect.ts";
import { policySource } from "../../people/policy.ts";
import { admissionIn } from "../records.ts";
import type { Scene } from "../scene.ts";

const LOOK_AGAIN_MS = 1_000;

export const byHandScene: Scene = {
  id: "by-hand",
  title: "Without a keeper the op waits, until a person admits it",
  claims: {
    waits: "the op waits on the queue and is not applied",
    "own-op": "its issuer may not admit it",
    "by-hand": "another operator admits it with keeper-cli, under their own signature and the same policy",
    applied: "the op is applied",
  },
  play: async (world, tell) => {
    if ((await world.processes("signing")).length > 0) await world.takeDown("signing");
    const sent = await world.submit(
      "ana",
      await world.plan("ana", { op: "component.deploy", target: "worker", args: { component: "worker" } }),
    );
    const { jti } = sent.entry;
    tell.say("operator", "ana signs component.deploy worker; no keeper runs");
    await sleep(LOOK_AGAIN_MS, world.options.signal);
    const [stage, pending, worker] = [await world.stage("ana", jti), await world.waiting("pending"), await world.target("worker")];
    tell.observe(
      "signing",
      "waits",
      stage === "sent" && pending === 1 && worker.version === 0,
      `after a second: ${pending} op waits on the queue, worker does not exist`,
    );
    const own = await admitAs("ana");
    tell.observe("operator", "own-op", own[0]?.verdict === "own", "ana tries to admit her own op: it goes back to the queue");
    const ben = await world.person("ben");
    const worked = await world.eventually("an op to admit", async () => {
      const done = await admitAs("ben");
      return done.length > 0 && done;
    });
    const record = await world.outcome("ana", jti);
    const admission = admissionIn(record);
    tell.observe(
      "operator",
      "by-hand",
      worked[0]?.verdict === "admit" && admission.iss === ben.key.did,
      `ben runs keeper-cli admit: rule ${admission.rule}, signed by ben's own key`,
    );
    tell.observe("workload", "applied", record.claims.outcome === "applied", `worker is ${(await world.target("worker")).health}`);

    async function admitAs(principal: string) {
      const { layout, workspace, options } = world;
      const person = await world.person(principal);
      return await withBus({ role: "keeper-cli" }, layout, workspace, options, async (bus) => {
        const hand: HandOptions = {
          ...{
            bus,
            bucket: await openBucket(bus, workspace.workspace),
            audience: audienceOf(workspace),
            source: policySource(layout, workspace),
          },
          ...{ key: await person.key.unlock(), clock: options.clock, logger: silentLogger },
        };
        return await admitPending(hand, { max: 1, waitMs: 1_500, signal: options.signal });
      });
    }
  },
};
