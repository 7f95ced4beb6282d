// The insides of strings: escapes, interpolation (refused), multi-line strings and their indentation.
// Source: lexer.rs and utils.rs (strip_indent) of nickel-lang-parser 0.4.0, Nickel 1.18.
import { failAt, notDeclarative } from "./refusals.ts";
import type { Source } from "./source-position.ts";

export interface ReadString {
  readonly text: string;
  /** Offset after the closing delimiter. */
  readonly end: number;
}

const ESCAPES: Readonly<Record<string, string>> = { "'": "'", '"': '"', "\\": "\\", "%": "%", n: "\n", r: "\r", t: "\t" };
const ASCII_ESCAPE = /x([0-9A-Fa-f]{2})/y;
const UNICODE_ESCAPE = /u\{([0-9A-Fa-f]{1,6})\}/y;
const STANDARD_PLAIN = /[^"%\\\r]+/y;
const MULTILINE_PLAIN = /[^"%\r]+/y;
const PERCENTS = /%*/y;

/** Reads from `start`, the offset after the opening quote. */
export function readStandardString(source: Source, start: number): ReadString {
  const { text } = source;
  let decoded = "";
  let at = start;
  for (;;) {
    const plain = match(STANDARD_PLAIN, text, at);
    decoded += plain;
    at += plain.length;
    const head = text[at];
    if (head === undefined) throw failAt("nickel_syntax", { source, offset: start - 1 }, "this string does not end");
    if (head === '"') return { text: decoded, end: at + 1 };
    if (head === "%") {
      if (text[at + 1] === "{") throw notDeclarative({ source, offset: at }, "string interpolation");
      decoded += "%";
      at += 1;
    } else if (head === "\r") {
      at = readCarriageReturn(source, at);
      decoded += "\n";
    } else {
      const character = readEscape(source, at);
      decoded += character.text;
      at = character.end;
    }
  }
}

/** Reads from `start`, the offset after the opening `m%"` with `percents` percent signs; strips the indentation. */
export function readMultilineString(source: Source, start: number, percents: number): ReadString {
  const { text } = source;
  let decoded = "";
  let at = start;
  for (;;) {
    const plain = match(MULTILINE_PLAIN, text, at);
    decoded += plain;
    at += plain.length;
    const head = text[at];
    if (head === undefined) throw failAt("nickel_syntax", { source, offset: start }, "this multi-line string does not end");
    if (head === "\r") {
      at = readCarriageReturn(source, at);
      decoded += "\n";
      continue;
    }
    const quote = head === '"' ? 1 : 0;
    const run = match(PERCENTS, text, at + quote).length;
    const end = at + quote + run;
    if (run > 0 && text[end] === "{") {
      if (run >= percents) throw notDeclarative({ source, offset: end - percents }, "string interpolation");
    } else if (quote === 1 && run === percents) {
      return { text: stripIndent(decoded), end };
    } else if (quote === 1 && run > percents) {
      throw failAt("nickel_syntax", { source, offset: at }, `this string was opened with ${percents} and is closed with ${run} %`);
    }
    decoded += text.slice(at, end);
    at = end;
  }
}

// Nickel normalises CR LF and means to forbid a lone CR, but lets it through inside strings; here it is refused everywhere.
function readCarriageReturn(source: Source, at: number): number {
  if (source.text[at + 1] !== "\n") throw failAt("nickel_syntax", { source, offset: at }, "a carriage return without a line feed");
  return at + 2;
}

function readEscape(source: Source, at: number): ReadString {
  const letter = source.text[at + 1];
  const simple = letter === undefined ? undefined : ESCAPES[letter];
  if (simple !== undefined) return { text: simple, end: at + 2 };
  ASCII_ESCAPE.lastIndex = at + 1;
  const ascii = ASCII_ESCAPE.exec(source.text);
  if (ascii?.[1] !== undefined) {
    const code = Number.parseInt(ascii[1], 16);
    if (code <= 0x7f) return { text: String.fromCharCode(code), end: at + 4 };
  }
  UNICODE_ESCAPE.lastIndex = at + 1;
  const unicode = UNICODE_ESCAPE.exec(source.text);
  if (unicode?.[1] !== undefined) {
    const code = Number.parseInt(unicode[1], 16);
    const surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code <= 0x10ffff && !surrogate) return { text: String.fromCodePoint(code), end: at + 1 + unicode[0].length };
  }
  throw failAt("nickel_syntax", { source, offset: at }, "an escape that Nickel does not have");
}

/** Removes the smallest indentation of all lines that are not blank, then a blank first and a blank last line. */
export function stripIndent(text: string): string {
  const indents = text.split("\n").flatMap((line) => (isBlank(line) ? [] : [indentOf(line)]));
  const smallest = indents.reduce((least, indent) => Math.min(least, indent), Number.POSITIVE_INFINITY);
  const lines = text.split("\n").map((line) => line.slice(Math.min(smallest, indentOf(line))));
  if (lines.length > 1 && isBlank(lines[0] ?? "")) lines.shift();
  if (lines.length > 1 && isBlank(lines.at(-1) ?? "")) lines.pop();
  return lines.join("\n");
}

function indentOf(line: string): number {
  let count = 0;
  while (line[count] === " " || line[count] === "\t") count += 1;
  return count;
}

function isBlank(line: string): boolean {
  return indentOf(line) === line.length;
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
