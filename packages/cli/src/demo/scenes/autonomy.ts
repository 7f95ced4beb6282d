// Scene: the keeper and the CI plane go down while an admitted op is being applied.
import { askHealth } from "../../planes/health.ts";
import { endpointsIn } from "../records.ts";
import type { Scene } from "../scene.ts";

const WARMUP_MS = 4_000;

export const autonomyScene: Scene = {
  id: "autonomy",
  title: "The signing plane and the CI plane go down",
  claims: {
    "planes-down": "no process of the signing plane and of the CI plane answers any more",
    "still-applied": "what was admitted is applied to its end by the workload plane alone",
    "still-in-ledger": "and it is in the ledger",
  },
  play: async (world, tell) => {
    const settings = { title: "Slow to start", warmup_ms: WARMUP_MS };
    const sent = await world.submit(
      "ana",
      await world.plan("ana", { op: "component.deploy", target: "web-slow", args: { component: "web", settings } }),
    );
    const { jti } = sent.entry;
    await world.eventually("the apply to begin", async () => (await world.applying(jti))?.status === "running");
    tell.say("workload", `ana's web-slow is admitted and being applied; it takes ${WARMUP_MS / 1000} s to become healthy`);
    const records = [...(await world.processes("signing")), ...(await world.processes("ci"))];
    const stopped = (await Promise.all([world.takeDown("signing"), world.takeDown("ci")])).flat();
    const answers = await Promise.all(records.map((record) => askHealth(record.healthUrl ?? "", 500)));
    const downMs = world.options.clock.nowMs();
    const down = stopped.length === records.length && stopped.length > 0 && answers.every((answer) => !answer.ok);
    tell.observe("signing", "planes-down", down, `${stopped.join(" and ")} are stopped and answer no more`);
    const record = await world.outcome("ana", jti);
    const [endpoint = ""] = endpointsIn(record);
    const health = await askHealth(`${endpoint}/healthz`);
    const later = record.claims.finished_at * 1000 + 999 >= downMs;
    tell.observe(
      "workload",
      "still-applied",
      record.claims.outcome === "applied" && later && health.ok,
      `applied after both planes were gone; ${endpoint}/healthz answers`,
    );
    const inLedger = await world.eventually("the record in the ledger", () => world.ledgerRecord(jti));
    tell.observe("ledger", "still-in-ledger", inLedger.claims.outcome === "applied", "the audit-mirror committed it");
  },
};
