// Problems drawn into their source, as a compiler does: message, file:line:column, the line, what is meant underlined, a hint.
import type { Place } from "../source-position.ts";
import { inOrder, type Problem } from "./problems.ts";
import { type Cell, cellsOf, safeText } from "./safe-text.ts";

const COLUMNS = 100;
/** Columns that stay visible before the place where a line is cut. */
const BEFORE = 40;
const MAX_DRAWN = 50;
/** Code units of a line that are looked at on either side of the place. */
const NEAR = 2000;

/** All problems in order, a picture each, blank lines between. */
export function drawProblems(problems: readonly Problem[]): string {
  const drawn = inOrder(problems).slice(0, MAX_DRAWN).map(drawProblem);
  const left = problems.length - drawn.length;
  return [...drawn, ...(left > 0 ? [`and ${left} more`] : [])].join("\n\n");
}

function drawProblem({ message, place, path, hint }: Problem): string {
  const { file, line, column } = place.source.position(place.offset);
  const { shown, marked } = drawLine(place);
  const number = String(line);
  const margin = " ".repeat(number.length);
  return [
    `error: ${safeText([path, message].filter((part) => part !== undefined).join(": "))}`,
    `${margin}--> ${safeText(file)}:${line}:${column}`,
    `${margin} |`,
    `${number} | ${shown}`.trimEnd(),
    `${margin} | ${marked}`,
    ...(hint === undefined ? [] : [`${margin} = ${safeText(hint)}`]),
  ].join("\n");
}

function drawLine(place: Place): { readonly shown: string; readonly marked: string } {
  const { text } = place.source;
  const start = text.lastIndexOf("\n", place.offset - 1) + 1;
  const found = text.indexOf("\n", place.offset);
  const end = found === -1 ? text.length : found;
  const line = text.slice(Math.max(start, place.offset - NEAR), Math.min(end, place.offset + NEAR)).replace(/\r$/, "");
  const cells = cellsOf(line);
  const from = Math.min(place.offset - start, NEAR);
  const first = cellAt(cells, from);
  const last = Math.max(first + 1, cellAt(cells, from + tokenLength(line.slice(from))));
  return cut(cells, first, last);
}

/** The index of the cell that holds a code unit of the line. */
function cellAt(cells: readonly Cell[], unit: number): number {
  let units = 0;
  for (const [index, cell] of cells.entries()) {
    units += cell.units;
    if (unit < units) return index;
  }
  return cells.length;
}

/** The cells that fit, and carets under those from `first` up to `last`. */
function cut(cells: readonly Cell[], first: number, last: number): { readonly shown: string; readonly marked: string } {
  let from = 0;
  if (columnsOf(cells) > COLUMNS) {
    from = first;
    for (let room = BEFORE; from > 0; from -= 1) {
      room -= cells[from - 1]?.columns ?? 0;
      if (room < 0) break;
    }
  }
  let to = from;
  for (let room = COLUMNS; to < cells.length; to += 1) {
    room -= cells[to]?.columns ?? 0;
    if (room < 0) break;
  }
  const before = from > 0 ? "…" : "";
  const after = to < cells.length ? "…" : "";
  const indent = " ".repeat(before.length + columnsOf(cells.slice(from, first)));
  const carets = "^".repeat(Math.max(1, columnsOf(cells.slice(first, Math.min(last, to)))));
  return {
    shown: `${before}${cells
      .slice(from, to)
      .map(({ printed }) => printed)
      .join("")}${after}`,
    marked: `${indent}${carets}`,
  };
}

function columnsOf(cells: readonly Cell[]): number {
  return cells.reduce((sum, { columns }) => sum + columns, 0);
}

const TOKEN = /^(?:m%+".*|"(?:[^"\\]|\\.)*"?|'?[A-Za-z0-9_][\w'.-]*|=>|[[{]\s*[\]}]|\p{L}+)/u;

/** How much of a line, from a place on, is meant: one token. */
function tokenLength(rest: string): number {
  return TOKEN.exec(rest)?.[0].length ?? 1;
}
