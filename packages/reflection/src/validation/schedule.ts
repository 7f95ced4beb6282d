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

/**
 * The validations of the schedule whose last whole run is a period ago, or that never ran; the longest overdue first. `everyS` stands for the
 * periods of all of them.
 */
export function dueValidations(runs: readonly PastRun[], nowS: number, everyS?: number): readonly ValidationName[] {
  const overdue = [...PERIODS].flatMap(([validation, usualS]) => {
    const periodS = everyS ?? usualS;
    const last = lastWholeRunS(runs, validation);
    // A clock that was ahead must not keep a validation from ever running.
    const sinceS = last === undefined || last > nowS ? Number.POSITIVE_INFINITY : nowS - last;
    return sinceS >= periodS ? [{ validation, byS: sinceS - periodS }] : [];
  });
  return overdue.sort((a, b) => b.byS - a.byS).map(({ validation }) => validation);
}

/** When all checks of a validation were made last, in seconds since 1970. */
export function lastWholeRunS(runs: readonly PastRun[], validation: ValidationName): number | undefined {
  const whole = CHECKS_OF[validation].length;
  return runs.findLast((run) => run.validation === validation && run.checks.length >= whole)?.ended_s;
}
