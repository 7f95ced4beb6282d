// The report of a campaign, for people and as data.
import { type CampaignResult, seconds } from "./campaign.ts";

/** Whether nothing was violated, everything landed, and the harness itself did what it should. */
export function survived(result: CampaignResult): boolean {
  const { findings, drained, broken } = result;
  return drained === "drained" && broken.length === 0 && findings.every(({ status }) => status !== "violated");
}

export function asJson(result: CampaignResult): object {
  const { plan, skipped, counts, outcomes, ...rest } = result;
  const entries = (map: ReadonlyMap<string, unknown>) => Object.fromEntries(map);
  return {
    ...{ seed: plan.options.seed, minutes: plan.options.durationMs / 60_000, survived: survived(result) },
    ...{ skipped: entries(skipped), counts: entries(counts), outcomes: entries(outcomes) },
    ...rest,
  };
}

export function asText(result: CampaignResult): string {
  const { plan, counts, outcomes, skipped, drained, open, findings, broken, faultsMs, drainMs } = result;
  const total = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
  return [
    `seed ${plan.options.seed}: ${seconds(faultsMs)} of faults, ${seconds(drainMs)} to land`,
    "",
    "what was done",
    ...rows(counts),
    ...[...skipped].map(([name, why]) => `  SKIPPED ${name}: ${why}`),
    ...broken.map((line) => `  FAILED ${line}`),
    "",
    `what became of ${total} ops`,
    ...rows(outcomes),
    ...drainLines(drained, open),
    "",
    "invariants",
    ...findings.flatMap(({ invariant, status, by, evidence }) => [
      `  ${status === "holds" ? "✔" : status === "violated" ? "✘" : "·"} ${invariant} (${by}): ${status}`,
      ...evidence.slice(0, 12).map((line) => `      ${line}`),
      ...(evidence.length > 12 ? [`      and ${evidence.length - 12} more`] : []),
    ]),
    "",
    survived(result) ? "SURVIVED" : "NOT SURVIVED",
  ].join("\n");
}

function drainLines(drained: CampaignResult["drained"], open: readonly string[]): readonly string[] {
  if (drained === "drained") return [];
  const what =
    drained === "stuck" ? "LOST: nothing moves any more, and these have no outcome" : "NOT DRAINED in time; this is not yet lost";
  return [
    `  ${what}`,
    ...open.slice(0, 20).map((line) => `    ${line}`),
    ...(open.length > 20 ? [`    and ${open.length - 20} more`] : []),
  ];
}

function rows(counts: ReadonlyMap<string, number>): readonly string[] {
  const width = Math.max(0, ...[...counts.keys()].map((name) => name.length));
  return [...counts].map(([name, count]) => `  ${name.padEnd(width)}  ${String(count).padStart(6)}`);
}
