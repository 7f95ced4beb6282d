// Text to tokens, one at a time, so that what is refused first is what stands first.
// Source: lexer.rs of nickel-lang-parser 0.4.0 (Nickel 1.18).
import { failAt, notDeclarative } from "./refusals.ts";
import type { Place, Source } from "./source-position.ts";
import { readMultilineString, readStandardString } from "./strings.ts";
import { PUNCTUATION, type Token } from "./tokens.ts";

const WORD = /_*[a-zA-Z][_a-zA-Z0-9'-]*/y;
const NUMBER = /0x[0-9A-Fa-f]+|0o[0-7]+|0b[01]+|[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?/y;
const MULTILINE_START = /m(%+)"/y;
const SYMBOLIC_START = /[a-zA-Z][_a-zA-Z0-9'-]*-s%+"/y;
const TAG = /'(_*[a-zA-Z][_a-zA-Z0-9'-]*)/y;
const PRIMITIVE = /%[a-z_]+(?:\/[a-z0-9_]+)?%/y;

export class Lexer {
  readonly source: Source;
  #at = 0;

  constructor(source: Source) {
    this.source = source;
  }

  place(offset: number): Place {
    return { source: this.source, offset };
  }

  /** A lexer at the same place, for looking further ahead. */
  fork(): Lexer {
    const fork = new Lexer(this.source);
    fork.#at = this.#at;
    return fork;
  }

  next(): Token {
    this.#skipBlank();
    const token = this.#token();
    this.#at = token.end;
    return token;
  }

  #skipBlank(): void {
    const { text } = this.source;
    for (;;) {
      const head = text[this.#at];
      if (head === " " || head === "\t" || head === "\n") this.#at += 1;
      else if (head === "\r" && text[this.#at + 1] === "\n") this.#at += 2;
      else if (head === "#") {
        const lineEnd = text.indexOf("\n", this.#at);
        this.#at = lineEnd === -1 ? text.length : lineEnd;
      } else return;
    }
  }

  #token(): Token {
    const { text } = this.source;
    const start = this.#at;
    const head = text[start];
    if (head === undefined) return { type: "end", start, end: start };
    if (head === '"') return { type: "string", style: "standard", start, ...readStandardString(this.source, start + 1) };
    if (head === "'") return this.#tag(start);
    const multiline = this.#match(MULTILINE_START);
    if (multiline?.[1] !== undefined)
      return {
        type: "string",
        style: "multiline",
        start,
        ...readMultilineString(this.source, start + multiline[0].length, multiline[1].length),
      };
    if (this.#match(SYMBOLIC_START) !== null) throw notDeclarative(this.place(start), "symbolic string");
    const number = this.#match(NUMBER);
    if (number !== null) return { type: "number", text: number[0], start, end: start + number[0].length };
    const word = this.#match(WORD);
    if (word !== null) return { type: "word", text: word[0], start, end: start + word[0].length };
    if (this.#match(PRIMITIVE) !== null) throw notDeclarative(this.place(start), "primitive operator");
    for (const punctuation of PUNCTUATION)
      if (text.startsWith(punctuation, start)) return { type: "punctuation", text: punctuation, start, end: start + punctuation.length };
    throw failAt(
      "nickel_syntax",
      this.place(start),
      `${JSON.stringify(String.fromCodePoint(text.codePointAt(start) ?? 0))} begins nothing`,
    );
  }

  #tag(start: number): Token {
    if (this.source.text[start + 1] === '"') return { type: "tag", start, ...readStandardString(this.source, start + 2) };
    const tag = this.#match(TAG);
    // `'m%"` is reserved by Nickel: multi-line strings are no tags.
    if (tag?.[1] === undefined || (tag[1] === "m" && /^%+"/.test(this.source.text.slice(start + 2, start + 66))))
      throw failAt("nickel_syntax", this.place(start), "' must be followed by an enum tag");
    return { type: "tag", text: tag[1], start, end: start + tag[0].length };
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.source.text);
  }
}
