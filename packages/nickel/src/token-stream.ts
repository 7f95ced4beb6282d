// The parser's view of the tokens: one token of look-ahead, expectations, and the bound on nesting.
import type { TriplaneError } from "@triplane/contract";
import { Lexer } from "./lexer.ts";
import type { NickelLimits } from "./limits.ts";
import { failAt, notDeclarative } from "./refusals.ts";
import type { Place, Source } from "./source-position.ts";
import { describeToken, type Punctuation, type Token } from "./tokens.ts";

export class TokenStream {
  readonly source: Source;
  readonly #lexer: Lexer;
  readonly #limits: NickelLimits;
  #current: Token;
  #lastEnd = 0;
  #depth = 0;

  constructor(source: Source, limits: NickelLimits) {
    this.source = source;
    this.#lexer = new Lexer(source);
    this.#limits = limits;
    this.#current = this.#lexer.next();
  }

  get current(): Token {
    return this.#current;
  }

  get here(): Place {
    return this.place(this.#current.start);
  }

  /** Where the token before the current one ended. */
  get lastEnd(): number {
    return this.#lastEnd;
  }

  place(offset: number): Place {
    return { source: this.source, offset };
  }

  advance(): Token {
    const token = this.#current;
    this.#lastEnd = token.end;
    this.#current = this.#lexer.next();
    return token;
  }

  /** The token after the current one. */
  peek(): Token {
    return this.#lexer.fork().next();
  }

  at(text: Punctuation): boolean {
    return this.#current.type === "punctuation" && this.#current.text === text;
  }

  atWord(text: string): boolean {
    return this.#current.type === "word" && this.#current.text === text;
  }

  take(text: Punctuation): boolean {
    if (!this.at(text)) return false;
    this.advance();
    return true;
  }

  expect(text: Punctuation): void {
    if (!this.take(text)) throw this.unexpected(`\`${text}\``);
  }

  unexpected(wanted: string): TriplaneError {
    return failAt("nickel_syntax", this.here, `${wanted} was expected, ${describeToken(this.#current)} found`);
  }

  refuse(construct: string): TriplaneError {
    return notDeclarative(this.here, construct);
  }

  /** Runs one level deeper. Throws `nickel_too_large` below the deepest level allowed. */
  nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > this.#limits.maxDepth) throw failAt("nickel_too_large", this.here, `nested deeper than ${this.#limits.maxDepth}`);
    const result = read();
    this.#depth -= 1;
    return result;
  }
}
