// The checker's report as text: one line for each invariant, its evidence below.
import type { Finding, Report } from "@triplane/checker";
import { counted } from "../../framework/table.ts";

const MARKS = { holds: "✔", violated: "✘", "not-checkable": "?" } as const;
const WORDS = { holds: "holds", violated: "VIOLATED", "not-checkable": "not checkable" } as const;

export function renderReport(report: Report): string {
  const { workspace, findings, quiesced, violated, notCheckable } = report;
  const holding = findings.length - violated.length - notCheckable.length;
  const sums = [
    `${holding} of ${counted(findings.length, "invariant")} hold`,
    `${violated.length} violated`,
    `${notCheckable.length} not checkable`,
  ];
  return [
    `workspace ${workspace}${quiesced ? ", where nothing is to be on its way" : ""}`,
    "",
    ...findings.flatMap(lines),
    "",
    `${sums.join(", ")}.`,
  ].join("\n");
}

function lines({ invariant, status, evidence, why, violations, inFlight, counts }: Finding): readonly string[] {
  const untold = (counts["violations"] ?? 0) - violations.length;
  return [
    `${MARKS[status]} ${invariant}  ${WORDS[status]}`,
    ...violations.map(({ what }) => `    ✘ ${what}`),
    ...(untold > 0 ? [`    ✘ and ${untold} more`] : []),
    ...why.map((line) => `    ? ${line}`),
    ...evidence.map((line) => `    ${line}`),
    ...(inFlight.length === 0 ? [] : [`    on their way: ${counts["in_flight"] ?? inFlight.length}; ${inFlight[0] ?? ""}`]),
  ];
}
