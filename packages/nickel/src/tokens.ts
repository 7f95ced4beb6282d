// The tokens of the reader: Nickel's own, with strings already decoded.

/** Words that Nickel reserves and that are no field names. */
export const RESERVED: ReadonlySet<string> = new Set([
  "Dyn",
  "Number",
  "Bool",
  "String",
  "Array",
  "if",
  "then",
  "else",
  "forall",
  "in",
  "let",
  "rec",
  "match",
  "null",
  "true",
  "false",
  "fun",
  "import",
]);

/** Longest first, so that the first that fits is the one. */
export const PUNCTUATION = [
  "|>",
  "||",
  "|]",
  "[|",
  "&&",
  "==",
  "=>",
  "!=",
  "->",
  "++",
  "<=",
  ">=",
  "..",
  "{",
  "}",
  "[",
  "]",
  "(",
  ")",
  ",",
  ";",
  ":",
  "=",
  "&",
  ".",
  "|",
  "_",
  "-",
  "+",
  "*",
  "/",
  "%",
  "@",
  "!",
  "<",
  ">",
  "?",
  "$",
] as const;

export type Punctuation = (typeof PUNCTUATION)[number];

export type Token =
  | { readonly type: "end"; readonly start: number; readonly end: number }
  | { readonly type: "punctuation"; readonly text: Punctuation; readonly start: number; readonly end: number }
  /** An identifier or a reserved word. */
  | { readonly type: "word"; readonly text: string; readonly start: number; readonly end: number }
  | { readonly type: "number"; readonly text: string; readonly start: number; readonly end: number }
  /** `style` matters for imports, which take only the first. */
  | {
      readonly type: "string";
      readonly style: "standard" | "multiline";
      readonly text: string;
      readonly start: number;
      readonly end: number;
    }
  /** An enum tag, raw or quoted. */
  | { readonly type: "tag"; readonly text: string; readonly start: number; readonly end: number };

/** How a token is named in messages. */
export function describeToken(token: Token): string {
  switch (token.type) {
    case "end":
      return "the end of the file";
    case "punctuation":
    case "number":
      return `\`${token.text}\``;
    case "word":
      return `\`${token.text.slice(0, 64)}\``;
    case "string":
      return "a string";
    case "tag":
      return `\`'${token.text.slice(0, 64)}\``;
  }
}
