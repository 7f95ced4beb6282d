// Dying at named steps of an op's way: one step for certain, or every step with a probability of 1 %.
import { FAILPOINTS, type Failpoint } from "@triplane/contract";
import { eventually, giveOrder, takeBackOrder } from "@triplane/testkit";
import { below, between, pick } from "../draw.ts";
import { SEAT_NAMES } from "../load/step.ts";
import { anywhere, type Fault, holding } from "./fault.ts";

const OWNERS: Readonly<Record<string, readonly string[]>> = {
  submitter: SEAT_NAMES,
  keeper: ["keeper-daemon"],
  controller: ["ops-controller"],
  orchestrator: ["orchestrator"],
  mirror: ["audit-mirror"],
};

export const failpointStorm: Fault = {
  name: "failpoint-storm",
  about: "whoever passes any failpoint dies there with a probability of 1 %",
  holdMs: [10_000, 20_000],
  times: 2,
  needs: anywhere,
  inflict: async (arena, random) =>
    await holding(arena, ["failpoint storm"], async () => {
      await giveOrder(arena.cluster.faults, "any", { action: "kill", probability: 0.01, seed: String(below(random, 2 ** 32)) });
      return { what: "1 % at every failpoint", undo: () => takeBackOrder(arena.cluster.faults, "any") };
    }),
};

export const failpoint: Fault = {
  name: "failpoint",
  about: "SIGKILL at one named step, at one of the next times that somebody gets there",
  holdMs: [4_000, 12_000],
  times: 3,
  needs: anywhere,
  inflict: async (arena, random) => {
    const step = pick(random, FAILPOINTS);
    const owner = ownerOf(step, below(random, 2));
    const hits = between(random, 1, 4);
    return await holding(arena, [`failpoint of ${owner}`], async () => {
      await arena.cluster.arm(owner, step, { action: "kill", hits });
      return { what: `${owner} is to die at ${step}`, undo: () => arena.cluster.disarm(owner, step) };
    });
  },
};

export const answersAndDies: Fault = {
  name: "answers-and-dies",
  about: "the orchestrator dies right after it recorded what it did, before anybody hears of it",
  holdMs: [0, 0],
  needs: anywhere,
  inflict: async (arena) =>
    await holding(arena, ["failpoint of orchestrator"], async () => {
      const order = await arena.cluster.arm("orchestrator", "orchestrator.after-record");
      const fired = await order.fired(20_000).then(
        () => true,
        () => false,
      );
      await arena.cluster.disarm("orchestrator", "orchestrator.after-record");
      return { what: fired ? "the orchestrator recorded and died" : "the orchestrator had nothing to record" };
    }),
};

export const slowOrchestrator: Fault = {
  name: "slow-orchestrator",
  about: "the orchestrator stands still in the middle of an apply, for longer than anybody waits for its answer",
  holdMs: [0, 0],
  needs: anywhere,
  inflict: async (arena, random) => {
    const delayMs = between(random, 2_000, 14_000);
    return await holding(arena, ["failpoint of orchestrator"], async () => {
      const step = pick(random, ["orchestrator.before-effect", "orchestrator.after-effect", "orchestrator.after-intent"] as const);
      const order = await arena.cluster.arm("orchestrator", step, { action: "delay", delayMs });
      await eventually(() => order.fired(500).catch(() => undefined), { timeoutMs: 20_000 }).catch(() => undefined);
      await arena.cluster.disarm("orchestrator", step);
      return { what: `the orchestrator stood still for ${delayMs} ms at ${step}` };
    });
  },
};

function ownerOf(step: Failpoint, which: number): string {
  const owners = OWNERS[step.slice(0, step.indexOf("."))] ?? [];
  return owners[which % owners.length] ?? "keeper-daemon";
}
