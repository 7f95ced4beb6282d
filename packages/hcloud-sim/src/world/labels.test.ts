import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isLabelKey, labelsProblem, matches, parseSelector, type Requirement, renderSelector } from "./labels.ts";

const name = fc.stringMatching(/^[a-z0-9A-Z]([a-z0-9A-Z._-]{0,10}[a-z0-9A-Z])?$/);
const key = fc.oneof(
  name,
  fc.tuple(fc.stringMatching(/^[a-z0-9]{1,5}(\.[a-z]{1,3})?$/), name).map(([prefix, rest]) => `${prefix}/${rest}`),
);
const value = fc.oneof(name, fc.constant(""));
const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.record({ key, op: fc.constantFrom("exists" as const, "absent" as const) }, { noNullPrototype: true }),
  fc.record(
    { key, op: fc.constantFrom("in" as const, "not-in" as const), values: fc.array(value, { minLength: 1, maxLength: 4 }) },
    { noNullPrototype: true },
  ),
);
const requirements = fc.array(requirement, { minLength: 1, maxLength: 5 });
const labels = fc.dictionary(key, value, { maxKeys: 6 });

test("parseSelector: reads back what renderSelector wrote", () => {
  fc.assert(fc.property(requirements, (all) => assert.deepEqual(parseSelector(renderSelector(all)), all)));
});

test("parseSelector: whatever is written, it is requirements or nothing, and never throws", () => {
  const pieces = fc.constantFrom("a", "b1", "in", "notin", "(", ")", ",", "=", "==", "!=", "!", " ", "/", ".", "-", "\u2028", "\0");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces, { maxLength: 12 }).map((all) => all.join("")),
      ),
      (text) => {
        const parsed = parseSelector(text);
        if (parsed !== undefined) assert.deepEqual(parseSelector(renderSelector(parsed)), parsed);
      },
    ),
  );
});

test("matches: comma is and; a requirement and its opposite divide all labels", () => {
  fc.assert(
    fc.property(requirements, labels, (all, these) => {
      assert.equal(
        matches(all, these),
        all.every((one) => matches([one], these)),
      );
      for (const one of all) assert.notEqual(matches([one], these), matches([opposite(one)], these));
    }),
  );
});

test("parseSelector: the documented forms", () => {
  const these = { env: "prod", tier: "web", empty: "" };
  for (const [selector, expected] of [
    ["env=prod", true],
    ["env==prod", true],
    ["env = prod", true],
    ["env!=prod", false],
    ["none!=x", true],
    ["env", true],
    ["!env", false],
    ["!none", true],
    ["env in (prod,dev)", true],
    ["env in (dev)", false],
    ["env notin (dev, test)", true],
    ["none notin (dev)", true],
    ["env=prod,tier in (web,db),!gone", true],
    ["env=prod,gone", false],
    ["empty=", true],
    ["empty", true],
  ] as const) {
    const parsed = parseSelector(selector);
    assert.ok(parsed !== undefined, selector);
    assert.equal(matches(parsed, these), expected, selector);
  }
  for (const wrong of [
    "",
    ",",
    "a,",
    "=b",
    "a=b=c",
    "a in b",
    "a in (b",
    "a in (b))",
    "a b",
    "-a",
    "a=-b",
    "!",
    "a in ((b))",
    `${"a".repeat(64)}`,
  ]) {
    assert.equal(parseSelector(wrong), undefined, wrong);
  }
});

test("labelsProblem: 63 characters, letters or digits at both ends, a DNS prefix, no reserved one", () => {
  assert.equal(labelsProblem({ a: "", "example.com/b": "c", ["x".repeat(63)]: "y".repeat(63) }), undefined);
  const bad: readonly Record<string, string>[] = [
    { "": "a" },
    { "a b": "c" },
    { a: "b c" },
    { "a-": "b" },
    { a: "x".repeat(64) },
    { "/a": "b" },
  ];
  for (const wrong of [...bad, { "A.b/c": "d" }, { "hetzner.cloud/x": "y" }])
    assert.notEqual(labelsProblem(wrong), undefined, JSON.stringify(wrong));
  assert.ok(!isLabelKey(`${"a".repeat(254)}/b`));
});

function opposite(one: Requirement): Requirement {
  switch (one.op) {
    case "exists":
      return { key: one.key, op: "absent" };
    case "absent":
      return { key: one.key, op: "exists" };
    case "in":
      return { ...one, op: "not-in" };
    case "not-in":
      return { ...one, op: "in" };
  }
}
