// The table as text and as Markdown.
import type { Line, Measure } from "./row.ts";
import type { RowOutcome } from "./run.ts";

const COLUMNS = ["row", "what", "ours", "against", "ratio", "target", "met"] as const;

function cells(outcome: RowOutcome): readonly (readonly string[])[] {
  if (outcome.failure !== undefined) return [[outcome.id, outcome.summary, "–", "–", "–", "–", `failed: ${outcome.failure}`]];
  return outcome.lines.map((line) => [
    outcome.id,
    line.what,
    shown(line.ours),
    line.against === undefined ? "–" : shown(line.against),
    line.ratio === undefined ? "–" : `${digits(line.ratio)} ×`,
    line.target,
    verdict(line),
  ]);
}

function verdict(line: Line): string {
  return line.met === undefined ? "–" : line.met ? "yes" : "NO";
}

export function shown({ value, unit }: Measure): string {
  return `${digits(value)} ${unit}`;
}

/** Three significant digits, thousands set apart. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const rounded = Number(value.toPrecision(3));
  return Math.abs(rounded) >= 1000 ? Math.round(rounded).toLocaleString("en-US") : String(rounded);
}

export function asText(outcomes: readonly RowOutcome[]): string {
  const rows = [[...COLUMNS], ...outcomes.flatMap(cells)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const notes = notesOf(outcomes).map((note) => `* ${note}`);
  return [...table, "", ...notes].join("\n");
}

export function asMarkdown(outcomes: readonly RowOutcome[]): string {
  const line = (row: readonly string[]) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const table = [line(COLUMNS), line(COLUMNS.map(() => "---")), ...outcomes.flatMap(cells).map(line)];
  return [...table, "", ...notesOf(outcomes).map((note) => `- ${note}`)].join("\n");
}

function notesOf(outcomes: readonly RowOutcome[]): readonly string[] {
  return outcomes.flatMap((outcome) => outcome.lines.flatMap((line) => line.notes.map((note) => `${outcome.id}, ${line.what}: ${note}`)));
}
