import assert from "node:assert/strict";
import { test } from "node:test";
import { renderContracts } from "./contracts.ts";
import type { Shape } from "./shape.ts";

function contractOf(shape: Shape, words: "tags" | "strings" | "either" = "tags"): string {
  const text = renderContracts({ head: ["h"], contracts: { C: shape }, words });
  return /\{\n {2}C = ((?:.|\n)*),\n\}\n$/u.exec(text)?.[1] ?? text;
}

test("renderContracts: every kind of shape has its contract", () => {
  assert.equal(contractOf({ enum: ["a", "b c"] }), "[| 'a, '\"b c\" |]");
  assert.equal(contractOf({ enum: ["a"] }, "strings"), '(Word\' ["a"])');
  assert.equal(contractOf({ enum: ["a"], nickel: "either" }), '(TagOrWord\' ["a"])');
  assert.equal(contractOf({ const: 1 }), "(Only' 1)");
  assert.equal(contractOf({ type: "number", minimum: -1 }), "(Between' (-1) 9007199254740991)");
  assert.equal(contractOf({ type: "integer", minimum: 0, maximum: 5 }), "(Integer' 0 5)");
  assert.equal(contractOf({ type: "string" }), "String");
  assert.equal(
    contractOf({ type: "string", pattern: "^a$", patternMessage: 'say "a"', maxLength: 3 }),
    '(Matching\' m%%%"^a$"%%% "say \\"a\\"") | (Text\' 0 3)',
  );
  assert.equal(contractOf({ type: "array", items: { type: "array", items: {} }, maxItems: 2 }), "Array (Array Dyn) | (Items' 0 2)");
  assert.equal(contractOf({ type: "object", properties: {}, additionalProperties: false }), "{\n  }");
  assert.equal(contractOf({ type: "object", additionalProperties: { type: "boolean" } }), "{ _ | Bool }");
  assert.equal(contractOf({ anyOf: [{ type: "number" }, { type: "null" }] }), "(std.contract.any_of [Number, (Only' null)])");
  assert.equal(
    contractOf({ type: "object", properties: { if: { type: "boolean" }, b: { type: "boolean", default: true } }, required: ["if"] }),
    '{\n    "if" | Bool,\n    b | Bool | doc "Default: true" | optional,\n    ..\n  }',
  );
});

test("renderContracts: a file holds the helpers that it uses and no other", () => {
  const text = renderContracts({ head: ["h", ""], contracts: { C: { type: "integer" } }, words: "tags" });
  assert.match(text, /^# h\n#\nlet check' = (?:.|\n)*let Integer' = /u);
  assert.doesNotMatch(text, /let Items'/);
});

test("renderContracts: a schema that no contract can say is refused with its place", () => {
  const bad: readonly (readonly [Shape, RegExp])[] = [
    [{ properties: { a: { allOf: [] } as Shape }, type: "object" }, /C\.a: the keyword allOf/],
    [{ enum: ["a", 1] }, /mixed literals/],
    [
      {
        anyOf: [
          { type: "string", minLength: 1 },
          { type: "string", maxLength: 0 },
        ],
      },
      /nothing tells apart/,
    ],
    [{ type: "string", pattern: "(?=a)" }, /look-around/],
    [{ type: "object", properties: { std: {} } }, /would hide/],
    [{ type: "object", properties: { a: {} }, additionalProperties: { type: "string" } }, /a shape for all others/],
  ];
  for (const [shape, message] of bad) assert.throws(() => contractOf(shape), { code: "internal", message });
});
