// What the orchestrator counts about ops.
import type { ApplyResult } from "@triplane/contract";
import type { Logger, Metrics, Tracer } from "@triplane/kit";
import type { OpRow } from "./op-row.ts";
import type { Records } from "./records.ts";
import type { OrchestratorService } from "./service.ts";

export function observe(metrics: Metrics, records: Records, logger: Logger, tracer: Tracer) {
  const ops = metrics.counter("orchestrator_ops_total");
  const seconds = metrics.histogram("orchestrator_apply_seconds");
  const revision = metrics.gauge("orchestrator_revision");
  revision.set(records.revision);
  return (row: OpRow, result: ApplyResult, durationMs: number): void => {
    // The kind comes from the op and may be anything; only kinds that exist become labels.
    const kind = result.code === "kind_unknown" ? "unknown" : row.op;
    ops.add({ kind, status: result.status });
    seconds.observe(durationMs / 1000, { kind });
    revision.set(records.revision);
    const { status, code } = result;
    const times = { startMs: row.acceptedAtMs, endMs: row.acceptedAtMs + durationMs, failed: status !== "applied" };
    tracer.span({ jti: row.jti, name: "orchestrator.apply", ...times, attributes: { status, code } });
    logger.info({ jti: row.jti, op: row.op, target: row.target, status: result.status, code: result.code, durationMs }, "op finished");
  };
}

const HEALTH = ["healthy", "unhealthy", "starting", "stopped", "unknown"] as const;

/** Counts targets by health whenever somebody reads the metrics. */
export function observeTargets(metrics: Metrics, service: Pick<OrchestratorService, "state">): void {
  metrics.gauge("orchestrator_targets", {
    collect: async (gauge) => {
      const { targets } = await service.state();
      for (const health of HEALTH) gauge.set(targets.filter((target) => target.health === health).length, { health });
    },
  });
}
