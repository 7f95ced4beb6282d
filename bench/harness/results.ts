// bench/RESULTS.md and, beside it for programs, RESULTS.json. A row that is measured again replaces its former outcome: ratios are made
// within a row, so rows of different runs may stand in one table.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Machine, machineLines } from "./machine.ts";
import { asMarkdown } from "./report.ts";
import type { RowContext } from "./row.ts";
import type { RowOutcome } from "./run.ts";

export interface Kept {
  /** `2026-11-23`. */
  readonly date: string;
  readonly size: RowContext["size"];
  readonly machine: Machine;
  readonly outcome: RowOutcome;
}

/** In the order of `ids`, with what is new in the place of what was there. */
export function mergeResults(before: readonly Kept[], now: readonly Kept[], ids: readonly string[]): readonly Kept[] {
  return ids.flatMap((id) => [now, before].flatMap((kept) => kept.filter(({ outcome }) => outcome.id === id)).slice(0, 1));
}

export function resultsPage(kept: readonly Kept[]): string {
  const runs = new Map<string, readonly string[]>();
  for (const { date, size, machine, outcome } of kept) {
    const about = [
      date,
      ...(size === "full" ? [] : [`sizes **${size}**, smaller than what the targets are about`]),
      ...machineLines(machine),
    ];
    runs.set(about.join("; "), [...(runs.get(about.join("; ")) ?? []), outcome.id]);
  }
  const lines = [...runs].map(([about, ids]) => `- ${ids.join(", ")}: ${about}`);
  return [
    "# Results",
    "",
    "Written by `npm run bench -- --write`; do not edit. Each row compares two things that were measured in one run:",
    "",
    ...lines,
    "",
    asMarkdown(kept.map(({ outcome }) => outcome)),
    "",
  ].join("\n");
}

/** Puts these outcomes into the files of `folder`, and leaves those of other rows. */
export async function writeResults(folder: string, now: readonly Kept[], ids: readonly string[]): Promise<void> {
  const file = join(folder, "RESULTS.json");
  const before = await readFile(file, "utf8").then(
    (text) => JSON.parse(text) as readonly Kept[],
    () => [],
  );
  const kept = mergeResults(before, now, ids);
  await writeFile(file, `${JSON.stringify(kept, undefined, 2)}\n`);
  await writeFile(join(folder, "RESULTS.md"), resultsPage(kept));
}
