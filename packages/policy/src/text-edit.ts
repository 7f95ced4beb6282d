// Where a value of a Nickel text ends, and how an item is cut out of its list. Pure; whoever edits reads the result again.
import { TriplaneError } from "@triplane/contract";
import type { SourcePosition } from "@triplane/nickel";

const CLOSING: Readonly<Record<string, string>> = { "[": "]", "{": "}" };

/** The offset of a place. Columns count characters. */
export function offsetOf(text: string, { line, column }: Pick<SourcePosition, "line" | "column">): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  return before + [...(lines[line - 1] ?? "")].slice(0, column - 1).join("").length;
}

/** The offset behind the value that begins here: a list, a record, a plain string, a number or a word. Throws `amendment_impossible`. */
export function endOfValue(text: string, from: number): number {
  const first = text[from] ?? "";
  if (first === '"') return endOfString(text, from);
  const closing = CLOSING[first];
  if (closing === undefined) {
    const word = /^'?[A-Za-z0-9_.+-]+/.exec(text.slice(from, from + 200))?.[0];
    if (word === undefined) throw unknown(text, from);
    return from + word.length;
  }
  let at = from + 1;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (character === closing) return at + 1;
    at = character in CLOSING || character === '"' ? endOfValue(text, at) : behind(text, at);
  }
  throw unknown(text, from);
}

/** The text without the item, its comma, and the line that would be left empty. */
export function withoutItem(text: string, from: number, to: number): string {
  let begin = from;
  while (begin > 0 && /[ \t]/.test(text[begin - 1] ?? "")) begin -= 1;
  const comma = /^\s*,/.exec(text.slice(to))?.[0].length;
  if (comma !== undefined) {
    const end = to + comma;
    const ownLine = text[begin - 1] === "\n" && /^[ \t]*(?:#[^\n]*)?\n/.exec(text.slice(end))?.[0];
    if (typeof ownLine === "string") return text.slice(0, begin) + text.slice(end + ownLine.length);
    return text.slice(0, from) + text.slice(end).replace(/^[ \t]+/, "");
  }
  // The last item without a comma behind it: the one before it goes.
  const before = /,\s*$/.exec(text.slice(0, from))?.[0].length ?? 0;
  return text.slice(0, from - before) + text.slice(to);
}

function behind(text: string, at: number): number {
  if (text[at] !== "#") return multilineRefused(text, at) + 1;
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

// m%"…"% may hold brackets and quotes; no policy needs one, so it is not guessed at.
function multilineRefused(text: string, at: number): number {
  if (text.startsWith('%"', at)) throw unknown(text, at);
  return at;
}

function endOfString(text: string, from: number): number {
  const found = /^"(?:[^"\\%]|\\[\s\S]|%(?!\{))*"/.exec(text.slice(from))?.[0];
  if (found === undefined) throw unknown(text, from);
  return from + found.length;
}

function unknown(text: string, at: number): TriplaneError {
  const line = text.slice(0, at).split("\n").length;
  return new TriplaneError("amendment_impossible", `line ${line} is written in a way that is not edited by a program`);
}
