// What was found last, as metrics: whoever made the run, and also where nothing is due for days.
import type { Metrics } from "@triplane/kit";
import { VALIDATION_CHECKS } from "../validation/checks/index.ts";
import { latestOf, type PastRun } from "../validation/history.ts";
import { VALIDATIONS } from "../validation/types.ts";

export type ShowRuns = (runs: readonly PastRun[]) => void;

/** 1 for a check that holds, 0 for one that does not or could not be looked at; none for what this system does not have. */
export function validationMetrics(metrics: Metrics): ShowRuns {
  const held = metrics.gauge("validation_check");
  const lastRun = metrics.gauge("validation_last_run_time_seconds");
  const shown = new Set<string>();
  return (runs) => {
    const latest = latestOf(runs);
    for (const { validation, id, invariant } of VALIDATION_CHECKS) {
      const verdict = latest.get(id)?.verdict;
      const isJudged = verdict !== undefined && verdict !== "skip";
      if (!isJudged && !shown.has(id)) continue;
      shown.add(id);
      held.set(isJudged ? Number(verdict === "pass") : Number.NaN, { validation, check: id, invariant });
    }
    for (const validation of VALIDATIONS) {
      const last = runs.findLast((run) => run.validation === validation);
      if (last !== undefined) lastRun.set(last.ended_s, { validation });
    }
  };
}
