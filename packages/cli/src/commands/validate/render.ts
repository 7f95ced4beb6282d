// Reports of validations as people read them.
import type { CheckReport, Verdict } from "@triplane/reflection";
import { isRed, type ValidationReport } from "@triplane/reflection";
import { counted, table } from "../../framework/table.ts";
import type { Noted } from "../../validation/note.ts";

export const MARKS: Readonly<Record<Verdict, string>> = { pass: "✔", fail: "✘", unknown: "?", skip: "–" };

export function renderReports(workspace: string, reports: readonly ValidationReport[], noted: Noted | undefined): string {
  const checks = reports.flatMap((report) => report.checks);
  return [
    ...reports.flatMap((report) => [renderReport(report), ""]),
    ...(noted === undefined || noted.changes.length === 0
      ? []
      : [...noted.changes.map(({ check, before, now }) => `changed: ${check}: ${before} → ${now}`), ""]),
    ...(noted !== undefined && noted.alarmed > 0 ? [`${counted(noted.alarmed, "alarm")} raised.`] : []),
    summary(workspace, checks),
  ].join("\n");
}

function renderReport({ validation, checks }: ValidationReport): string {
  const rows = checks.map(({ id, verdict, saw, invariant }) => [MARKS[verdict], id, saw, invariant]);
  const todos = checks.flatMap(({ id, verdict, todo, lookedAt }) =>
    todo === undefined ? [] : [`  ${MARKS[verdict]} ${id}: ${todo}${isRed(verdict) && lookedAt !== "" ? ` (looked at ${lookedAt})` : ""}`],
  );
  return [validation, table(["", "CHECK", "SAW", "GUARDS"], rows), ...(todos.length === 0 ? [] : ["to do:", ...todos])].join("\n");
}

function summary(workspace: string, checks: readonly CheckReport[]): string {
  const count = (verdict: Verdict): number => checks.filter((check) => check.verdict === verdict).length;
  const parts = [
    `${count("pass")} of ${counted(checks.length, "check")} hold`,
    ...(count("fail") === 0 ? [] : [`${count("fail")} do not`]),
    ...(count("unknown") === 0 ? [] : [`${count("unknown")} could not be looked at`]),
    ...(count("skip") === 0 ? [] : [`${count("skip")} are about parts that this system does not have`]),
  ];
  return `${workspace}: ${parts.join(", ")}.`;
}
