// A JSON reader for signed bytes: refuses what readers disagree about, so that one text has one meaning.
//
// 1. No key occurs twice in an object; `__proto__` never occurs.
// 2. Numbers are integers within 2^53, without fraction, exponent or negative zero.
// 3. Depth is bounded; lone surrogates and bytes that are not UTF-8 are refused.
// Source: RFC 8259 for the grammar, RFC 7493 (I-JSON) for the restrictions.
import type { Json } from "./canonical-json.ts";
import { TriplaneError } from "./failures/index.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";

const INTEGER = /-?(?:0|[1-9][0-9]*)/y;
const FRACTION_OR_EXPONENT = /[.eE]/;
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const WORDS = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
// Made once: making one costs more than reading a signed object with it.
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses UTF-8 bytes (or a string) as strict JSON.
 * Throws `json_invalid`, `json_duplicate_key`, `json_forbidden_key` or `json_number_unsafe`; the message has the offset.
 */
export function parseStrictJson(input: string | Uint8Array, maxDepth: number = MAX_JSON_DEPTH): Json {
  const reader = new Reader(typeof input === "string" ? input : decodeUtf8(input), maxDepth);
  return reader.document();
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new TriplaneError("json_invalid", "the bytes are not UTF-8", { cause });
  }
}

class Reader {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  document(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) throw this.#fail("something follows the value");
    return value;
  }

  #value(depth: number): Json {
    if (depth > this.#maxDepth) throw this.#fail(`nested deeper than ${this.#maxDepth}`);
    this.#space();
    const head = this.#text.charCodeAt(this.#at);
    if (head === QUOTE) return this.#string();
    if (head === OPEN_BRACE) return this.#object(depth);
    if (head === OPEN_BRACKET) return this.#array(depth);
    if (head === MINUS || isDigit(head)) return this.#number();
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    throw this.#fail("a value was expected");
  }

  #object(depth: number): Json {
    const members: Record<string, Json> = {};
    this.#at += 1;
    this.#space();
    if (this.#take(CLOSE_BRACE)) return members;
    do {
      this.#space();
      const at = this.#at;
      const key = this.#string();
      if (key === "__proto__") throw new TriplaneError("json_forbidden_key", `the key "__proto__" at offset ${at}`);
      if (Object.hasOwn(members, key))
        throw new TriplaneError("json_duplicate_key", `the key ${JSON.stringify(key)} again at offset ${at}`);
      this.#space();
      if (!this.#take(COLON)) throw this.#fail("a colon was expected");
      members[key] = this.#value(depth + 1);
      this.#space();
    } while (this.#take(COMMA));
    if (!this.#take(CLOSE_BRACE)) throw this.#fail("a comma or } was expected");
    return members;
  }

  #array(depth: number): Json {
    const items: Json[] = [];
    this.#at += 1;
    this.#space();
    if (this.#take(CLOSE_BRACKET)) return items;
    do {
      items.push(this.#value(depth + 1));
      this.#space();
    } while (this.#take(COMMA));
    if (!this.#take(CLOSE_BRACKET)) throw this.#fail("a comma or ] was expected");
    return items;
  }

  #string(): string {
    if (!this.#take(QUOTE)) throw this.#fail("a string was expected");
    let text = "";
    for (;;) {
      const start = this.#at;
      let at = start;
      let code = this.#text.charCodeAt(at);
      // NaN, the end of the text, is none of these either.
      while (code >= SPACE && code !== QUOTE && code !== BACKSLASH) {
        at += 1;
        code = this.#text.charCodeAt(at);
      }
      this.#at = at;
      text += this.#text.slice(start, at);
      if (this.#take(QUOTE)) break;
      if (!this.#take(BACKSLASH)) throw this.#fail("a string does not end, or holds a raw control character");
      text += this.#escape();
    }
    if (!text.isWellFormed()) throw this.#fail("a string holds a lone surrogate");
    return text;
  }

  #escape(): string {
    const letter = this.#text[this.#at] ?? "";
    this.#at += 1;
    if (letter === "u") {
      const hex = this.#text.slice(this.#at, this.#at + 4);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) throw this.#fail("\\u wants four hexadecimal digits");
      this.#at += 4;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const plain = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (plain === undefined) throw this.#fail("an unknown escape");
    return plain;
  }

  #number(): number {
    INTEGER.lastIndex = this.#at;
    const digits = INTEGER.exec(this.#text)?.[0];
    if (digits === undefined) throw this.#fail("a number was expected");
    const start = this.#at;
    this.#at += digits.length;
    const value = Number(digits);
    if (FRACTION_OR_EXPONENT.test(this.#text[this.#at] ?? "") || !Number.isSafeInteger(value) || digits === "-0") {
      throw new TriplaneError("json_number_unsafe", `the number at offset ${start} is not an integer within 2^53`);
    }
    return value;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== SPACE && code !== LINE_FEED && code !== CARRIAGE_RETURN && code !== TAB) return;
      this.#at += 1;
    }
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at += 1;
    return true;
  }

  #fail(why: string): TriplaneError {
    return new TriplaneError("json_invalid", `${why} at offset ${this.#at}`);
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}
