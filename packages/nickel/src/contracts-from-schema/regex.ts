// A regular expression of JavaScript as one of Rust's regex crate, which is Nickel's: the same texts match, or it is refused.
//
// Sources: ECMA-262 22.2 (patterns); the syntax page of the regex crate. Nickel searches as RegExp.test does, unanchored.
import { inexpressible } from "./shape.ts";

/** White space and line ends as ECMA-262 has them. */
const SPACE = "\\t\\n\\x0b\\x0c\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";

const ESCAPED_LETTERS: ReadonlyMap<string, string> = new Map([
  ["d", "[0-9]"],
  ["D", "[^0-9]"],
  ["w", "[0-9A-Za-z_]"],
  ["W", "[^0-9A-Za-z_]"],
  ["s", `[${SPACE}]`],
  ["S", `[^${SPACE}]`],
  ["n", "\\n"],
  ["r", "\\r"],
  ["t", "\\t"],
  ["f", "\\x0c"],
  ["v", "\\x0b"],
  ["0", "\\x00"],
]);
const GROUP = /\((?:\?(?::|<[A-Za-z][A-Za-z0-9]*>))?/y;
const QUANTIFIER = /(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??/y;
const HEX = /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/y;
const CATEGORY = /\\[pP]\{[A-Z][a-z]?\}/y;
const CLASS_SHORTHAND: ReadonlyMap<string, string> = new Map([
  ["d", "0-9"],
  ["w", "0-9A-Za-z_"],
]);
/** Every line end that `.` leaves out in JavaScript; Rust leaves out only the first. */
const ANY = "[^\\n\\r\\x{2028}\\x{2029}]";

/** Throws where it cannot be said, or would match other texts. `flags`: as of the RegExp; only none, `u` and `v` are taken. */
export function rustPattern(source: string, flags: string, at: string): string {
  const refuse = (why: string) => inexpressible(at, `the pattern ${source}: ${why}`);
  if (!/^[uv]?$/.test(flags)) throw refuse(`flags ${flags} are not translated`);
  let written = "";
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = position;
    const match = pattern.exec(source) ?? undefined;
    position += match?.[0].length ?? 0;
    return match;
  };
  /** Without the flag u, JavaScript counts halves of characters beyond the basic plane. */
  const countable = (what: string) => {
    const next = source.slice(position);
    // Whether there is one at all, halves and wholes say alike.
    if (next === "" && written === "") return;
    if (flags === "" && !/^[*+]/.test(next)) throw refuse(`${what} counts code units without the flag u`);
  };
  while (position < source.length) {
    const character = source[position] ?? "";
    if (character === "\\") {
      const hex = take(HEX);
      if (hex !== undefined) {
        const code = Number.parseInt(hex[1] ?? hex[2] ?? "", 16);
        if (code >= 0xd800 && code <= 0xdfff) throw refuse("a surrogate is no character");
        written += `\\x{${code.toString(16)}}`;
        continue;
      }
      if (flags !== "") {
        const category = take(CATEGORY);
        if (category !== undefined) {
          written += category[0];
          continue;
        }
      }
      const escaped = source[position + 1] ?? "";
      position += 2;
      const letter = ESCAPED_LETTERS.get(escaped);
      if (letter !== undefined) {
        if (/[DSW]/.test(escaped)) countable(`\\${escaped}`);
        written += letter;
      } else if (/[\^$\\.*+?()[\]{}|/-]/.test(escaped)) written += quote(escaped);
      else throw refuse(`\\${escaped} is not translated`);
    } else if (character === "[") {
      const { text, end, negated } = readClass(source, position, refuse);
      position = end;
      if (negated) countable("a negated class");
      written += text;
    } else if (character === ".") {
      position += 1;
      countable(".");
      written += ANY;
    } else if (character === "(") {
      const group = take(GROUP);
      if (group === undefined || source[position] === "?") throw refuse("look-around is not translated");
      written += group[0].startsWith("(?<") ? group[0].replace("(?<", "(?P<") : group[0];
    } else if ("*+?{".includes(character)) {
      const quantifier = take(QUANTIFIER);
      if (quantifier === undefined) throw refuse("a brace that stands for itself must be escaped");
      written += quantifier[0];
    } else if ("}]".includes(character)) throw refuse("a bracket that stands for itself must be escaped");
    else {
      const point = String.fromCodePoint(source.codePointAt(position) ?? 0);
      position += point.length;
      if (point.length > 1 && flags === "") throw refuse("a character beyond the basic plane needs the flag u");
      written += "^$|)".includes(point) ? point : quote(point);
    }
  }
  // Nickel takes a match only where it begins and ends between graphemes; one of the whole text does.
  return /^\^.*\$$/.test(source) ? written : `(?s:.*)(?:${written})(?s:.*)`;
}

function readClass(source: string, start: number, refuse: (why: string) => Error): { text: string; end: number; negated: boolean } {
  let position = start + 1;
  const negated = source[position] === "^";
  if (negated) position += 1;
  if (source[position] === "]") throw refuse("an empty class matches nothing in Rust's way");
  let text = "";
  while (source[position] !== "]") {
    const character = source[position];
    if (character === undefined) throw refuse("a class is not closed");
    if (character === "\\") {
      HEX.lastIndex = position;
      const hex = HEX.exec(source);
      if (hex !== null) {
        text += `\\x{${Number.parseInt(hex[1] ?? hex[2] ?? "", 16).toString(16)}}`;
        position += hex[0].length;
        continue;
      }
      const escaped = source[position + 1] ?? "";
      const shorthand = CLASS_SHORTHAND.get(escaped) ?? (/[nrtfv0]/.test(escaped) ? ESCAPED_LETTERS.get(escaped) : undefined);
      if (shorthand === undefined && !/[\^$\\.*+?()[\]{}|/-]/.test(escaped)) throw refuse(`\\${escaped} in a class is not translated`);
      text += shorthand ?? (escaped === "-" ? "\\-" : quote(escaped));
      position += 2;
    } else if (character === "-") {
      // Between two members it makes a range; first or last it stands for itself.
      const isRange = text !== "" && source[position + 1] !== "]";
      text += isRange || !text.endsWith("-") ? "-" : "\\-";
      position += 1;
    } else {
      const point = String.fromCodePoint(source.codePointAt(position) ?? 0);
      if (point.length > 1) throw refuse("a character beyond the basic plane in a class");
      text += quote(point);
      position += 1;
    }
  }
  return { text: `[${negated ? "^" : ""}${text}]`, end: position + 1, negated };
}

/** A character that stands for itself, in a class and outside. */
function quote(character: string): string {
  if (character === "/") return character;
  return /[\\.+*?()|[\]{}^$#&~]/.test(character) ? `\\${character}` : character;
}
