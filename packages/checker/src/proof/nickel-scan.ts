// Finds what makes a function in Nickel text, in tokens outside strings and comments. It is no parser: it only has to miss nothing.

export interface Found {
  readonly token: string;
  readonly line: number;
  readonly column: number;
}

const WORD = /[A-Za-z_][A-Za-z0-9_'-]*/y;
const SYMBOLIC = /[A-Za-z][A-Za-z0-9_-]*-s(%+)"|m(%+)"/y;
const OPERATOR_VALUE = /\(\s*(?:\+\+?|-|\*|\/|%|==|!=|<=?|>=?|&&|\|\||!|&|\|>|\.)\s*\)/y;
const FUNCTION_WORDS: ReadonlySet<string> = new Set(["fun", "match"]);

export function findFunctions(text: string): readonly Found[] {
  const found: Found[] = [];
  scan(text, 0, undefined, (token, at) => {
    const before = text.slice(0, at);
    found.push({ token, line: before.split("\n").length, column: at - before.lastIndexOf("\n") });
  });
  return found;
}

type Tell = (token: string, at: number) => void;

/** Scans code from `at` to the brace that closes an interpolation, or to the end. Returns where it stopped. */
function scan(text: string, start: number, inside: "interpolation" | undefined, tell: Tell): number {
  let depth = 0;
  for (let at = start; at < text.length; ) {
    const char = text[at] ?? "";
    const symbolic = match(SYMBOLIC, text, at);
    if (symbolic !== undefined) {
      at = multiline(text, at + symbolic[0].length, (symbolic[1] ?? symbolic[2] ?? "").length, tell);
      continue;
    }
    if (char === "#") {
      at = endOfLine(text, at);
      continue;
    }
    if (char === '"') {
      at = string(text, at + 1, tell);
      continue;
    }
    if (char === "'") {
      // An enum tag: its name is no keyword.
      at = text[at + 1] === '"' ? string(text, at + 2, tell) : at + 1 + (match(WORD, text, at + 1)?.[0].length ?? 0);
      continue;
    }
    if (char === "{") depth += 1;
    if (char === "}") {
      if (depth === 0 && inside === "interpolation") return at + 1;
      depth -= 1;
    }
    const operator = match(OPERATOR_VALUE, text, at);
    if (operator !== undefined) tell(operator[0], at);
    if (text.startsWith("=>", at)) tell("=>", at);
    const word = match(WORD, text, at)?.[0];
    if (word === undefined) {
      at += text.startsWith("=>", at) ? 2 : 1;
      continue;
    }
    const isField = /\.\s*$/.test(text.slice(Math.max(0, at - 40), at));
    if (!isField && FUNCTION_WORDS.has(word)) tell(word, at);
    if (!isField && word === "std" && /^\s*\./.test(text.slice(at + 3, at + 40))) tell("std", at);
    at += word.length;
  }
  return text.length;
}

/** After the opening quote; returns the place after the closing one. */
function string(text: string, start: number, tell: Tell): number {
  for (let at = start; at < text.length; ) {
    if (text[at] === "\\") at += 2;
    else if (text[at] === '"') return at + 1;
    else if (text.startsWith("%{", at)) at = scan(text, at + 2, "interpolation", tell);
    else at += 1;
  }
  return text.length;
}

/** A string that ends at a quote and as many percent signs as it began with; that many also begin an interpolation. */
function multiline(text: string, start: number, percents: number, tell: Tell): number {
  const end = `"${"%".repeat(percents)}`;
  const interpolation = `${"%".repeat(percents)}{`;
  for (let at = start; at < text.length; ) {
    if (text.startsWith(end, at)) return at + end.length;
    if (text.startsWith(interpolation, at)) at = scan(text, at + interpolation.length, "interpolation", tell);
    else at += 1;
  }
  return text.length;
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}
