// What the orchestrator counts about ops.
import type { ApplyResult } from "@triplane/contract";
import type { Logger, Metrics } from "@triplane/kit";
import type { OpRow } from "./op-row.ts";
import type { Records } from "./records.ts";

const SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function observe(metrics: Metrics, records: Records, logger: Logger) {
  const ops = metrics.counter("orchestrator_ops_total", "Ops by kind and result.", ["kind", "status"]);
  const seconds = metrics.histogram("orchestrator_apply_seconds", "Time from accepting an op to its result.", SECONDS, ["kind"]);
  const revision = metrics.gauge("orchestrator_revision", "Revision of the workspace.");
  revision.set(records.revision);
  return (row: OpRow, result: ApplyResult, durationMs: number): void => {
    // The kind comes from the op and may be anything; only kinds that exist become labels.
    const kind = result.code === "kind_unknown" ? "unknown" : row.op;
    ops.add({ kind, status: result.status });
    seconds.observe(durationMs / 1000, { kind });
    revision.set(records.revision);
    logger.info({ jti: row.jti, op: row.op, target: row.target, status: result.status, code: result.code, durationMs }, "op finished");
  };
}
