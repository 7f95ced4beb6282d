// What a proposal changes, file by file and line by line, from the bytes of both commits.
import { TriplaneError } from "@triplane/contract";
import { printable } from "@triplane/kit";

export type Files = ReadonlyMap<string, string>;

export interface FileDifference {
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  readonly added: number;
  readonly removed: number;
  /** Lines that begin with `+`, `-` or a space, with `@@` between places; fit for a terminal. */
  readonly lines: readonly string[];
}

const CONTEXT = 3;
/** Beyond this the difference of a file is its old and its new text. */
const MAX_CELLS = 4_000_000;
const MAX_LINES = 20_000;

/** Files that differ, sorted by path. Throws `proposal_invalid` for files of more lines than anybody reads. */
export function differenceOf(before: Files, after: Files): readonly FileDifference[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    const [old, now] = [before.get(path), after.get(path)];
    if (old === now) return [];
    const kind = old === undefined ? "added" : now === undefined ? "removed" : "changed";
    const edits = editsBetween(linesOf(path, old), linesOf(path, now));
    return [
      {
        path,
        kind,
        added: edits.filter(({ sign }) => sign === "+").length,
        removed: edits.filter(({ sign }) => sign === "-").length,
        lines: hunks(edits).map(printable),
      },
    ];
  });
}

function linesOf(path: string, text: string | undefined): readonly string[] {
  if (text === undefined || text === "") return [];
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  else lines.push("\\ no newline at the end");
  if (lines.length > MAX_LINES) throw new TriplaneError("proposal_invalid", `${path} has more than ${MAX_LINES} lines`);
  return lines;
}

interface Edit {
  readonly sign: "+" | "-" | " ";
  readonly text: string;
}

function editsBetween(old: readonly string[], now: readonly string[]): readonly Edit[] {
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old[old.length - 1 - end] === now[now.length - 1 - end]) end += 1;
  const same = (lines: readonly string[]): Edit[] => lines.map((text) => ({ sign: " ", text }));
  const middle = changed(old.slice(start, old.length - end), now.slice(start, now.length - end));
  return [...same(old.slice(0, start)), ...middle, ...same(old.slice(old.length - end))];
}

/** By the longest common subsequence, as a table. */
function changed(old: readonly string[], now: readonly string[]): Edit[] {
  const [rows, columns] = [old.length, now.length];
  const minus = (text: string): Edit => ({ sign: "-", text });
  const plus = (text: string): Edit => ({ sign: "+", text });
  if (rows * columns > MAX_CELLS) return [...old.map(minus), ...now.map(plus)];
  const width = columns + 1;
  const common = new Uint32Array((rows + 1) * width);
  const at = (row: number, column: number): number => common[row * width + column] ?? 0;
  for (let row = rows - 1; row >= 0; row -= 1)
    for (let column = columns - 1; column >= 0; column -= 1)
      common[row * width + column] =
        old[row] === now[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
  const edits: Edit[] = [];
  let [row, column] = [0, 0];
  while (row < rows || column < columns) {
    const [left, right] = [old[row], now[column]];
    if (row < rows && column < columns && left === right) {
      edits.push({ sign: " ", text: left ?? "" });
      row += 1;
      column += 1;
    } else if (column >= columns || (row < rows && at(row + 1, column) >= at(row, column + 1))) {
      edits.push(minus(left ?? ""));
      row += 1;
    } else {
      edits.push(plus(right ?? ""));
      column += 1;
    }
  }
  return edits;
}

function hunks(edits: readonly Edit[]): string[] {
  const near = edits.map(() => false);
  for (const [index, { sign }] of edits.entries()) {
    if (sign === " ") continue;
    for (let at = Math.max(0, index - CONTEXT); at <= Math.min(edits.length - 1, index + CONTEXT); at += 1) near[at] = true;
  }
  const lines: string[] = [];
  let [oldLine, isOpen] = [1, false];
  for (const [index, { sign, text }] of edits.entries()) {
    if (near[index] === true) {
      if (!isOpen) lines.push(`@@ line ${oldLine} @@`);
      lines.push(`${sign}${text}`);
    }
    isOpen = near[index] === true;
    if (sign !== "+") oldLine += 1;
  }
  return lines;
}
