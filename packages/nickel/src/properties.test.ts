import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailureCode, TriplaneError } from "@triplane/contract";
import fc from "fast-check";
import { readNickel } from "./read.ts";

const PIECES = [
  ..."{}[]()=|&.,:;'\"%#-_<>!?@$*/+ \n\t".split(""),
  ...["fun", "let", "in", "if", "import", "null", "true", "Array", "Number", "String", "Dyn", "forall", "default", "force", "optional"],
  ...["priority", "doc", 'm%"', '"%', "%{", "[|", "|]", "..", "=>", "->", "|>", "a", "b", "std", "1", "0x", "1e", ".5", '"x"', "'A"],
  ...["a = 1,", "{ a = ", "| { ", '"\\', "\\u{41}", "include", '"x.ncl"', '"y.json"', "\r", "\r\n", "é", "\u0000"],
] as const;

const readable = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((parts) => parts.join(" ")),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((parts) => parts.join("")),
);

test("readNickel: whatever the text, it ends, and throws nothing but a TriplaneError with a nickel code", () => {
  fc.assert(
    fc.property(readable, readable, (text, imported) => {
      try {
        readNickel(text, { file: "a.ncl", importer: () => imported });
      } catch (thrown) {
        assert.ok(thrown instanceof TriplaneError, `${JSON.stringify(text)}: ${thrown instanceof Error ? thrown.stack : thrown}`);
        assert.ok(isFailureCode(thrown.code) && thrown.code.startsWith("nickel_"));
        assert.equal(typeof thrown.details["line"], "number");
      }
    }),
    { numRuns: 5000 },
  );
});

const name = fc.oneof(
  fc.constantFrom("a", "b-c", "_d'", "e f", "", "if", "ключ", "constructor"),
  fc.string({ unit: "grapheme", maxLength: 6 }).filter((text) => text !== "__proto__"),
);
const data = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e200, max: 1e200 }).filter((number) => !Object.is(number, -0)),
    fc.string({ unit: "grapheme", maxLength: 12 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(name, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

/** Writes a value as Nickel, with every character of a string that could mean something escaped. */
function write(value: unknown): string {
  if (typeof value === "string") return writeString(value);
  if (Array.isArray(value)) return `[${value.map(write).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `{ ${Object.entries(value)
      .map(([key, member]) => `${writeString(key)} = ${write(member)}`)
      .join(", ")} }`;
  return String(value);
}

function writeString(text: string): string {
  return `"${[...text].map((character) => (/[\w ]/.test(character) ? character : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)).join("")}"`;
}

test("readNickel: reads back what was written", () => {
  fc.assert(
    fc.property(data, (value) => {
      assert.deepEqual(readNickel(write(value), { file: "a.ncl" }).json, value);
    }),
    { numRuns: 1000 },
  );
});

test("readNickel: merging a value with itself, or with less of itself, gives it back", () => {
  fc.assert(
    fc.property(data, (value) => {
      const text = write(value);
      assert.deepEqual(readNickel(`(${text}) & (${text})`, { file: "a.ncl" }).json, value);
      assert.deepEqual(readNickel(`{ x = ${text} } & { x = ${text}, y | default = 1 } & { y = 2 }`, { file: "a.ncl" }).json, {
        x: value,
        y: 2,
      });
    }),
    { numRuns: 300 },
  );
});
