// Writing Nickel: names and texts that mean nothing but themselves.

const PLAIN_NAME = /^_*[a-zA-Z][_a-zA-Z0-9'-]*$/;
/** Source: the reserved words of Nickel's lexer, the soft ones too. */
const RESERVED: ReadonlySet<string> = new Set([
  ...["if", "then", "else", "let", "in", "rec", "fun", "match", "import", "forall", "null", "true", "false", "include"],
  ...["or", "as", "default", "force", "priority", "optional", "not_exported", "doc", "Dyn", "Number", "Bool", "String", "Array"],
]);

/** A string literal: nothing in it interpolates, escapes or breaks a line. */
export function nickelString(text: string): string {
  return `"${text.replace(/["\\%]|\p{Cc}/gu, (character) =>
    character === '"' || character === "\\" || character === "%"
      ? `\\${character}`
      : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )}"`;
}

/** As `nickelString`, without a single escape where that can be: patterns stay readable. */
export function nickelRawString(text: string): string {
  return /%%%|\p{Cc}/u.test(text) || text.endsWith("%") ? nickelString(text) : `m%%%"${text}"%%%`;
}

/** A field's name. */
export function nickelName(name: string): string {
  return PLAIN_NAME.test(name) && !RESERVED.has(name) ? name : nickelString(name);
}

/** An enum tag. */
export function nickelTag(tag: string): string {
  return `'${PLAIN_NAME.test(tag) ? tag : nickelString(tag)}`;
}
