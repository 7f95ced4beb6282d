// JSON files that are imported: the same values, with the same places, and stricter than JSON (no key twice).
import type { Field, Node } from "./ast.ts";
import type { NickelLimits } from "./limits.ts";
import { readNumber } from "./numbers.ts";
import { failAt } from "./refusals.ts";
import type { Place, Source } from "./source-position.ts";

const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const PLAIN = /[^"\\]*/y;
const NO_METADATA = { annotations: [], priority: 0, optional: false, notExported: false } as const;

/** Throws `nickel_syntax`, `nickel_number_inexact` or `nickel_too_large`. */
export function parseJson(source: Source, limits: NickelLimits): Node {
  return new JsonParser(source, limits).document();
}

class JsonParser {
  readonly #source: Source;
  readonly #limits: NickelLimits;
  #at = 0;

  constructor(source: Source, limits: NickelLimits) {
    this.#source = source;
    this.#limits = limits;
  }

  document(): Node {
    const value = this.#value(1);
    this.#match(SPACE);
    if (this.#at < this.#source.text.length) throw this.#fail("something follows the value");
    return value;
  }

  #value(depth: number): Node {
    this.#match(SPACE);
    const at: Place = { source: this.#source, offset: this.#at };
    if (depth > this.#limits.maxDepth) throw failAt("nickel_too_large", at, `nested deeper than ${this.#limits.maxDepth}`);
    const head = this.#source.text[this.#at];
    if (head === "{") return { kind: "record", fields: this.#members(depth), at };
    if (head === "[") return { kind: "array", items: this.#items(depth), at };
    if (head === '"') return { kind: "scalar", value: this.#string(), at };
    const word = this.#match(WORD);
    if (word !== "") return { kind: "scalar", value: word === "null" ? null : word === "true", at };
    const number = this.#match(NUMBER);
    if (number === "") throw this.#fail("a value was expected");
    const magnitude = readNumber(number.replace("-", ""), at);
    return { kind: "scalar", value: number.startsWith("-") && magnitude !== 0 ? -magnitude : magnitude, at };
  }

  #items(depth: number): readonly Node[] {
    const items: Node[] = [];
    this.#at += 1;
    if (this.#take("]")) return items;
    do items.push(this.#value(depth + 1));
    while (this.#take(","));
    if (!this.#take("]")) throw this.#fail("`,` or `]` was expected");
    return items;
  }

  #members(depth: number): readonly Field[] {
    const fields: Field[] = [];
    const names = new Set<string>();
    this.#at += 1;
    if (this.#take("}")) return fields;
    do {
      this.#match(SPACE);
      const at: Place = { source: this.#source, offset: this.#at };
      const name = this.#string();
      if (names.has(name) || name === "__proto__")
        throw failAt(
          "nickel_syntax",
          at,
          `the key ${JSON.stringify(name.slice(0, 64))} ${name === "__proto__" ? "is not allowed" : "occurs twice"}`,
        );
      names.add(name);
      if (!this.#take(":")) throw this.#fail("`:` was expected");
      fields.push({ path: [{ name, at }], metadata: NO_METADATA, value: this.#value(depth + 1) });
    } while (this.#take(","));
    if (!this.#take("}")) throw this.#fail("`,` or `}` was expected");
    return fields;
  }

  #string(): string {
    const start = this.#at;
    const { text } = this.#source;
    if (text[start] !== '"') throw this.#fail("a string was expected");
    this.#at += 1;
    for (;;) {
      this.#match(PLAIN);
      if (text[this.#at] !== "\\") break;
      this.#at += 2;
    }
    this.#at += 1;
    try {
      const value: unknown = JSON.parse(text.slice(start, this.#at));
      if (typeof value === "string" && value.isWellFormed()) return value;
    } catch {
      // Reported below, with the place.
    }
    this.#at = start;
    throw this.#fail("this is not a string");
  }

  #take(text: string): boolean {
    this.#match(SPACE);
    if (!this.#source.text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source.text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #fail(why: string): Error {
    return failAt("nickel_syntax", { source: this.#source, offset: this.#at }, why);
  }
}
