// One pattern of an ignore file, as BuildKit reads it (the rules of moby/patternmatcher): Go's filepath.Match with `**`.
//
// 1. A pattern is matched against a whole path from the root of the context, with `/` between its parts and none in front.
// 2. What a pattern says of a folder holds for everything below it; that is for the caller (ignore-rules.ts).
// 3. Three short cuts are part of what users see, and kept: a pattern without wildcards is equal or not, `x**` is a prefix, `**x` a suffix.
import { TriplaneError } from "@triplane/contract";
import { goExpression } from "./go-expression.ts";

export interface Pattern {
  /** Cleaned, without `!`. */
  readonly text: string;
  /** Begins with `!`: takes back what patterns before it left out. */
  readonly negated: boolean;
  matches(path: string): boolean;
}

/** Throws `context_invalid` for a pattern that Go calls bad: an open bracket, a range without end, a backslash at the end. */
export function parsePattern(written: string): Pattern | undefined {
  const cleaned = cleanPath(written.trim());
  if (written.trim() === "") return undefined;
  const negated = cleaned.startsWith("!");
  const text = negated ? cleaned.slice(1) : cleaned;
  if (text === "") throw bad(written, "it takes nothing back");
  checkSyntax(text, written);
  return { text, negated, matches: compile(text, written) };
}

/** Go's filepath.Clean: no empty part, no `.`, no `..` that can be resolved. */
export function cleanPath(path: string): string {
  if (path === "") return ".";
  const rooted = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else if (!rooted) parts.push("..");
  }
  const joined = parts.join("/");
  return rooted ? `/${joined}` : joined === "" ? "." : joined;
}

type Kind = "exact" | "prefix" | "suffix" | "expression";

function compile(text: string, written: string): (path: string) => boolean {
  const { kind, expression } = translate(text);
  switch (kind) {
    case "exact":
      return (path) => path === text;
    case "prefix": {
      const prefix = text.slice(0, -2);
      return (path) => path.startsWith(prefix);
    }
    case "suffix": {
      const suffix = text.slice(2);
      return (path) => path.endsWith(suffix) || (suffix.startsWith("/") && path === suffix.slice(1));
    }
    case "expression": {
      let regexp: RegExp;
      try {
        regexp = goExpression(expression);
      } catch (cause) {
        throw bad(written, "it is no pattern", cause);
      }
      return (path) => regexp.test(path);
    }
  }
}

const PLAIN_IN_PATTERNS = /[.+()|{}$]/;

/** To an expression of Go's regexp, and to the kind of match that it needs. */
function translate(text: string): { readonly kind: Kind; readonly expression: string } {
  const characters = [...text];
  let expression = "^";
  let kind: Kind = "exact";
  for (let index = 0, steps = 0; index < characters.length; index += 1, steps += 1) {
    const character = characters[index] ?? "";
    const next = characters[index + 1];
    if (character === "*" && next === "*") {
      index += 1;
      if (characters[index + 1] === "/") index += 1;
      if (index + 1 < characters.length) {
        expression += "(.*/)?";
        kind = "expression";
      } else if (kind === "exact") kind = "prefix";
      else {
        expression += ".*";
        kind = "expression";
      }
      if (steps === 0) kind = "suffix";
    } else if (character === "*" || character === "?") {
      expression += character === "*" ? "[^/]*" : "[^/]";
      kind = "expression";
    } else if (character === "\\") {
      index += 1;
      expression += `\\${next ?? ""}`;
      kind = "expression";
    } else if (character === "[" || character === "]") {
      expression += character;
      kind = "expression";
    } else expression += PLAIN_IN_PATTERNS.test(character) ? `\\${character}` : character;
  }
  return { kind, expression: `${expression}$` };
}

/** Go's filepath.Match judges the brackets and backslashes of a pattern before anything is matched. */
function checkSyntax(text: string, written: string): void {
  const characters = [...text];
  const escapeEnds = (at: number): number => {
    if (at >= characters.length) throw bad(written, "a backslash stands at its end");
    return at + 1;
  };
  const element = (at: number): number => {
    const character = characters[at];
    if (character === undefined) throw bad(written, "a bracket is not closed");
    if (character === "-" || character === "]") throw bad(written, `${character} stands where a character of a bracket has to be`);
    return character === "\\" ? escapeEnds(at + 1) : at + 1;
  };
  let at = 0;
  while (at < characters.length) {
    const character = characters[at];
    at += 1;
    if (character === "\\") at = escapeEnds(at);
    if (character !== "[") continue;
    if (characters[at] === "^") at += 1;
    for (let count = 0; ; count += 1) {
      if (characters[at] === "]" && count > 0) break;
      at = element(at);
      if (characters[at] === "-") at = element(at + 1);
    }
    at += 1;
  }
}

function bad(written: string, why: string, cause?: unknown): TriplaneError {
  return new TriplaneError("context_invalid", `the pattern ${JSON.stringify(written)} of the ignore file cannot be read: ${why}`, {
    cause,
  });
}
