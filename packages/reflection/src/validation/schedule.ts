// When validations are due: pure arithmetic over what was noted.

import { CHECKS_OF } from "./checks/index.ts";
import type { PastRun } from "./history.ts";
import type { ValidationName } from "./types.ts";

const DAY_S = 86_400;

/** How often a running workspace validates itself, in seconds. The others are run by people, pipelines and the timers of deploy/. */
export const PERIODS: ReadonlyMap<ValidationName, number> = new Map([
  ["validate-ops-contract", DAY_S],
  ["validate-radicle-governance", DAY_S],
  ["validate-build-infrastructure", 7 * DAY_S],
]);

/** The validations of the schedule whose last whole run is a period ago, or that never ran; the longest overdue first. */
export function dueValidations(runs: readonly PastRun[], nowS: number): readonly ValidationName[] {
  const overdue = [...PERIODS].flatMap(([validation, periodS]) => {
    const whole = CHECKS_OF[validation].length;
    const last = runs.findLast((run) => run.validation === validation && run.checks.length >= whole);
    // A clock that was ahead must not keep a validation from ever running.
    const sinceS = last === undefined || last.ended_s > nowS ? Number.POSITIVE_INFINITY : nowS - last.ended_s;
    return sinceS >= periodS ? [{ validation, byS: sinceS - periodS }] : [];
  });
  return overdue.sort((a, b) => b.byS - a.byS).map(({ validation }) => validation);
}
