// An expression of Go's regexp (RE2 syntax), as far as an ignore file can make one, as an expression of JavaScript.
//
// It matters where the two differ: a bracket inside brackets, a bracket alone, the dot, \s, and escapes of letters.

const SAME_CLASSES = /^[dDwWbBfnrtv]$/;
const RENAMED: Readonly<Record<string, string>> = { a: "\\x07", A: "^", z: "$", s: "[\\t\\n\\f\\r ]", S: "[^\\t\\n\\f\\r ]" };
const RENAMED_IN_CLASS: Readonly<Record<string, string>> = { a: "\\x07", s: "\\t\\n\\f\\r " };

/** Throws SyntaxError for what Go refuses, and for escapes of Go's that JavaScript has no word for. */
export function goExpression(expression: string): RegExp {
  const characters = [...expression];
  let out = "";
  let inClass = false;
  let first = false;
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? "";
    const starts = first;
    first = false;
    if (character === "\\") {
      index += 1;
      out += escapeOf(characters[index] ?? "", inClass);
    } else if (!inClass && character === "[") {
      inClass = true;
      first = true;
      out += "[";
      if (characters[index + 1] === "^") {
        index += 1;
        out += "^";
      }
    } else if (inClass && character === "]" && !starts) {
      inClass = false;
      out += "]";
    } else if (inClass) out += /[[\]^]/.test(character) ? `\\${character}` : character;
    else if (character === "]") out += "\\]";
    else if (character === ".") out += "[^\\n]";
    else out += /[{}]/.test(character) ? `\\${character}` : character;
  }
  return new RegExp(out, "u");
}

function escapeOf(character: string, inClass: boolean): string {
  if (/^[A-Za-z0-9]$/.test(character)) {
    const renamed = (inClass ? RENAMED_IN_CLASS : RENAMED)[character];
    if (renamed !== undefined) return renamed;
    if (SAME_CLASSES.test(character) && !(inClass && /[bB]/.test(character))) return `\\${character}`;
    throw new SyntaxError(`\\${character} is not known`);
  }
  // Of what is no letter or digit, Go takes a backslash before ASCII only.
  if (character === "" || character > "\x7f" || character === "_") throw new SyntaxError(`\\${character} is not known`);
  return /^[\\^$.*+?()[\]{}|/-]$/.test(character) ? (character === "-" && !inClass ? "-" : `\\${character}`) : character;
}
