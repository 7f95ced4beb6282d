// A mode in a terminal: a line for each step, after all that it waits for, with rails that lead from one to the other.
import type { Mode } from "../modes/schema.ts";
import { type Line, type LineKind, linesOf } from "./lines.ts";

const MARKS: Readonly<Record<LineKind, string>> = { Always: "", OnSuccess: " ✔", OnFailure: " ✘", Fallback: " in place of it" };

export function drawText(mode: Mode): string {
  const lines = linesOf(mode);
  const before: Line[][] = mode.steps.map(() => []);
  const after: Line[][] = mode.steps.map(() => []);
  for (const line of lines) {
    before[line.to]?.push(line);
    after[line.from]?.push(line);
  }
  const rails: (number | undefined)[] = [];
  const left = after.map((each) => each.length);
  const rows = inOrder(before, after).map((index) => {
    const needs = before[index] ?? [];
    for (const { from } of needs) left[from] = (left[from] ?? 0) - 1;
    const own = railFor(rails, left, needs);
    const cells = row(rails, left, needs, own);
    for (const [at, from] of rails.entries()) if (from !== undefined && (left[from] ?? 0) === 0) rails[at] = undefined;
    rails[own] = (left[index] ?? 0) > 0 ? index : undefined;
    return { index, cells };
  });
  const width = Math.max(...rows.map(({ cells }) => cells.length));
  const names = Math.max(...mode.steps.map(({ id }) => id.length));
  return rows
    .map(({ index, cells }) => {
      const step = mode.steps[index];
      const waits = (before[index] ?? []).map(({ from, kind }) => `${mode.steps[from]?.id}${MARKS[kind]}`);
      const remark = waits.length === 0 ? "" : `  after ${waits.join(", ")}`;
      return `${cells.padEnd(width)}  ${(step?.id ?? "").padEnd(names)}  ${(step?.actor ?? "").toLowerCase().padEnd(5)}${remark}`.trimEnd();
    })
    .join("\n");
}

/** Each step after all that it waits for, and as soon as it may come: so rails stay short. */
function inOrder(before: readonly (readonly Line[])[], after: readonly (readonly Line[])[]): readonly number[] {
  const open = before.map((lines) => lines.length);
  const stack = open.flatMap((count, index) => (count === 0 ? [index] : [])).reverse();
  const order: number[] = [];
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    order.push(index);
    for (const { to } of (after[index] ?? []).toReversed()) {
      open[to] = (open[to] ?? 0) - 1;
      if (open[to] === 0) stack.push(to);
    }
  }
  return order;
}

/** A rail that ends at this step, else the first free one. */
function railFor(rails: readonly (number | undefined)[], left: readonly number[], needs: readonly Line[]): number {
  const ending = rails.findIndex((from) => from !== undefined && (left[from] ?? 0) === 0 && needs.some((line) => line.from === from));
  if (ending !== -1) return ending;
  const free = rails.indexOf(undefined);
  return free === -1 ? rails.length : free;
}

function row(rails: readonly (number | undefined)[], left: readonly number[], needs: readonly Line[], own: number): string {
  const joins = (at: number) => rails[at] !== undefined && needs.some(({ from }) => from === rails[at]);
  const touched = [own, ...[...rails.keys()].filter(joins)];
  const low = Math.min(...touched);
  const high = Math.max(...touched);
  let drawn = "";
  for (let at = 0; at <= Math.max(rails.length - 1, own); at += 1) {
    const from = rails[at];
    const inside = at > low && at < high;
    const ends = from !== undefined && (left[from] ?? 0) === 0;
    if (at === own) drawn += "●";
    else if (from !== undefined && joins(at)) drawn += inside ? (ends ? "┴" : "┼") : at < own ? (ends ? "╰" : "├") : ends ? "╯" : "┤";
    else if (from !== undefined) drawn += inside ? "┼" : "│";
    else drawn += inside ? "─" : " ";
    drawn += at >= low && at < high ? "─" : " ";
  }
  return drawn.trimEnd();
}
