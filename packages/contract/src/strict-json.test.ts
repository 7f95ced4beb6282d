// The strict JSON reader refuses what readers disagree about, and agrees with JSON.parse on the rest.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "./canonical-json.ts";
import type { FailureCode } from "./failures/index.ts";
import { parseStrictJson } from "./strict-json.ts";
import { codeOf } from "./testing/code-of.ts";

const refused: readonly (readonly [string, string | Uint8Array, FailureCode])[] = [
  ["duplicate key", '{"a":1,"a":2}', "json_duplicate_key"],
  ["duplicate key behind an escape", '{"a":1,"\\u0061":2}', "json_duplicate_key"],
  ["__proto__", '{"__proto__":{"admin":true}}', "json_forbidden_key"],
  ["__proto__ behind an escape, nested", '{"a":{"\\u005f_proto__":1}}', "json_forbidden_key"],
  ["fraction", '{"a":1.5}', "json_number_unsafe"],
  ["fraction of zero", '{"a":1.0}', "json_number_unsafe"],
  ["exponent", '{"a":1e3}', "json_number_unsafe"],
  ["2^53", '{"a":9007199254740992}', "json_number_unsafe"],
  ["negative zero", "[-0]", "json_number_unsafe"],
  ["leading zero", "[01]", "json_invalid"],
  ["plus sign", "[+1]", "json_invalid"],
  ["bare minus", "[-]", "json_invalid"],
  ["trailing comma in an object", '{"a":1,}', "json_invalid"],
  ["trailing comma in an array", "[1,]", "json_invalid"],
  ["comment", "[1/**/]", "json_invalid"],
  ["single quotes", "['a']", "json_invalid"],
  ["something after the value", "{} {}", "json_invalid"],
  ["nothing", "", "json_invalid"],
  ["NaN", "[NaN]", "json_invalid"],
  ["raw control character", '["a\nb"]', "json_invalid"],
  ["unknown escape", '["\\x41"]', "json_invalid"],
  ["short unicode escape", '["\\u12"]', "json_invalid"],
  ["lone surrogate", '["\\ud800"]', "json_invalid"],
  ["unterminated string", '["abc', "json_invalid"],
  ["byte order mark", "\ufeff{}", "json_invalid"],
  ["bytes that are not UTF-8", Uint8Array.from([0x22, 0xc3, 0x28, 0x22]), "json_invalid"],
  ["overlong UTF-8", Uint8Array.from([0x22, 0xc0, 0xaf, 0x22]), "json_invalid"],
  ["too deep", `${"[".repeat(40)}${"]".repeat(40)}`, "json_invalid"],
  ["very deep", "[".repeat(100_000), "json_invalid"],
];

for (const [name, input, code] of refused) {
  test(`parseStrictJson: pitfall 14: refuses ${name}`, () => {
    assert.equal(
      codeOf(() => parseStrictJson(input)),
      code,
    );
  });
}

test("parseStrictJson: __proto__ never reaches a prototype", () => {
  codeOf(() => parseStrictJson('{"__proto__":{"polluted":true}}'));
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

const jsonValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value;

test("parseStrictJson: agrees with JSON.parse on what canonicalJson writes", () => {
  fc.assert(
    fc.property(jsonValue, (value) => {
      const text = canonicalJson(value);
      assert.deepEqual(parseStrictJson(text, 64), JSON.parse(text));
      assert.equal(canonicalJson(parseStrictJson(text, 64)), text);
    }),
  );
});

test("parseStrictJson: throws nothing but a TriplaneError on any text", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: fc.constantFrom(...'{}[]",:0123456789.eE-+\\utrfalsn ') })), (text) => {
      codeOf(() => parseStrictJson(text));
    }),
    { numRuns: 500 },
  );
});

test("canonicalJson: sorts keys, omits undefined, refuses what JSON cannot hold", () => {
  assert.equal(canonicalJson({ b: 1, a: [true, null, "x"], c: undefined }), '{"a":[true,null,"x"],"b":1}');
  assert.equal(
    codeOf(() => canonicalJson({ a: 0.5 })),
    "json_number_unsafe",
  );
  assert.equal(
    codeOf(() => canonicalJson({ a: () => 1 })),
    "json_invalid",
  );
});
