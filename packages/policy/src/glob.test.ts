import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { matchesGlob } from "./glob.ts";

test("matchesGlob: a star is any run of characters, everything else is itself", () => {
  for (const [pattern, text, expected] of [
    ["web-*", "web-shop", true],
    ["web-*", "web-", true],
    ["web-*", "web", false],
    ["*", "", true],
    ["*.deploy", "component.deploy", true],
    ["a*a", "a", false],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "a-c-b", false],
    ["component.deploy", "component-deploy", false],
    ["web", "webs", false],
  ] as const)
    assert.equal(matchesGlob(pattern, text), expected, `${pattern} ${text}`);
});

test("matchesGlob: says what a regular expression says", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 });
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), maxLength: 8 });
  fc.assert(
    fc.property(pattern, text, (glob, name) => {
      const expression = new RegExp(`^${glob.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
      assert.equal(matchesGlob(glob, name), expression.test(name));
    }),
  );
});
