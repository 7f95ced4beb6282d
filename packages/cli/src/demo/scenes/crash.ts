// Scene: the controller is killed in the middle of an apply.
import { askHealth } from "../../planes/health.ts";
import { isRunning, signalProcess } from "../../planes/process-identity.ts";
import { endpointsIn } from "../records.ts";
import type { Scene } from "../scene.ts";

const WARMUP_MS = 3_000;

export const crashScene: Scene = {
  id: "crash",
  title: "kill -9 of the ops-controller in the middle of an apply",
  claims: {
    "in-the-middle": "the controller was killed while the orchestrator was still applying the op",
    "comes-back": "its supervisor started another one, under a new process",
    "exactly-once": "the op was applied once: one version, one process, one record",
  },
  play: async (world, tell) => {
    if ((await world.processes("signing")).length === 0) {
      await world.bringUp("signing");
      tell.say("signing", "the keeper is back; all it needed is its key");
    }
    const settings = { title: "Once", warmup_ms: WARMUP_MS };
    const sent = await world.submit(
      "ana",
      await world.plan("ana", { op: "component.deploy", target: "web-once", args: { component: "web", settings } }),
    );
    const { jti } = sent.entry;
    await world.eventually("the apply to begin", async () => (await world.applying(jti))?.status === "running");
    const controller = await processOf();
    await signalProcess(controller.process, "SIGKILL");
    await world.eventually("the controller to be dead", async () => !(await isRunning(controller.process)));
    const still = await world.applying(jti);
    tell.observe(
      "workload",
      "in-the-middle",
      still?.status === "running",
      `ops-controller (pid ${controller.process.pid}) is dead; the orchestrator is still applying web-once`,
    );
    const next = await world.eventually("the controller to come back", async () => {
      const now = await processOf();
      return now.process.pid !== controller.process.pid && (await isRunning(now.process)) && now;
    });
    tell.observe(
      "workload",
      "comes-back",
      next.restarts === controller.restarts + 1,
      `started again as pid ${next.process.pid}; it finds the op unfinished and asks the orchestrator first`,
    );
    const record = await world.outcome("ana", jti, 30_000);
    const target = await world.target("web-once");
    await world.eventually("the record in the ledger", () => world.ledgerRecord(jti));
    const starts = (await world.eventsUntilFinished(jti)).filter(
      (event) => event.type === "replica.started" && event.target === "web-once",
    ).length;
    const count = await world.ledgerCount(jti);
    const [endpoint = ""] = endpointsIn(record);
    const { ok } = await askHealth(`${endpoint}/healthz`);
    const once = record.claims.outcome === "applied" && target.version === 1 && starts === 1 && count === 1 && ok;
    tell.observe(
      "workload",
      "exactly-once",
      once,
      `web-once is ${target.health} at version ${target.version}: ${starts} process was ever started, ${count} record in the ledger`,
    );

    async function processOf() {
      const record = (await world.processes("workload")).find((each) => each.name === "ops-controller");
      if (record === undefined) throw new Error("there is no record of the ops-controller");
      return record;
    }
  },
};
