// What the test command prints.
import type { ToolReport } from "@triplane/kit";
import type { TestLine } from "./reporter.ts";
import type { FileResult } from "./run-file.ts";

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Tests, and files that went wrong beside their tests. */
export function totalsOf(results: readonly FileResult[]): Totals {
  const tests = results.flatMap((result) => result.tests);
  const count = (outcome: TestLine["outcome"]): number => tests.filter((test) => test.outcome === outcome).length;
  const problems = results.filter((result) => result.problem !== undefined).length;
  return { passed: count("passed"), failed: count("failed") + problems, skipped: count("skipped") };
}

/** The last line of a run. */
export function summaryLine({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

export function fileLine(result: FileResult): string {
  const { failed, skipped } = totalsOf([result]);
  const mark = failed > 0 ? "✘" : "✔";
  const notes = [failed > 0 ? `${failed} failed` : "", skipped > 0 ? `${skipped} skipped` : ""].filter((note) => note !== "");
  const suffix = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
  return `${mark} ${result.file}: ${result.tests.length} tests${suffix}, ${(result.ms / 1000).toFixed(1)} s`;
}

/** Everything that explains a file that failed; empty for one that did not. */
export function failureLines(result: FileResult): string[] {
  const failed = result.tests.filter(({ outcome }) => outcome === "failed");
  if (failed.length === 0 && result.problem === undefined) return [];
  return [
    ...failed.flatMap((test) => [`  ✘ ${test.name} (${test.place})`, ...indent(test.why ?? "", "      ")]),
    ...(result.problem === undefined ? [] : [`  ✘ ${result.file} ${result.problem}`]),
    ...(result.output.trim() === "" ? [] : ["    what it printed:", ...indent(lastLines(result.output, 60), "    | ")]),
  ];
}

/** One line for each reason, with the number of tests. */
export function skippedLines(results: readonly FileResult[]): string[] {
  const reasons = new Map<string, number>();
  for (const result of results) {
    for (const test of result.tests.filter(({ outcome }) => outcome === "skipped")) {
      const reason = `${result.file}: ${test.why ?? "no reason given"}`;
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
  }
  return [...reasons].map(([reason, count]) => `  ${count} skipped in ${reason}`);
}

/** A box that nobody overlooks: what is missing, what is not tested because of it, how to get it. */
export function missingBox(missing: readonly ToolReport[]): string[] {
  if (missing.length === 0) return [];
  const lines = missing.flatMap((tool) => [
    `${tool.name} ${tool.range} is missing${tool.rejected.length > 0 ? ` (${tool.rejected.join(", ")})` : ""}`,
    `  not tested: ${tool.neededFor.join(", ")}`,
    `  get it:     ${tool.howToGet}`,
  ]);
  const title = "SOME TESTS CANNOT RUN ON THIS MACHINE";
  const width = Math.max(title.length, ...lines.map((line) => line.length));
  return [
    `╔${"═".repeat(width + 2)}╗`,
    `║ ${title.padEnd(width)} ║`,
    `╟${"─".repeat(width + 2)}╢`,
    ...lines.map((line) => `║ ${line.padEnd(width)} ║`),
    `╚${"═".repeat(width + 2)}╝`,
  ];
}

function indent(text: string, prefix: string): string[] {
  return text.split("\n").map((line) => `${prefix}${line}`);
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
