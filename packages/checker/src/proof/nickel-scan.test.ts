import assert from "node:assert/strict";
import { test } from "node:test";
import { findFunctions } from "./nickel-scan.ts";

const tokens = (text: string): readonly string[] => findFunctions(text).map(({ token }) => token);

test("findFunctions: data has none, whatever its strings, tags and comments say (policy-files-are-declarative-only)", () => {
  for (const data of [
    '{ a = "fun x => x" }',
    "{ a = 1 } # fun x => x",
    "{ may = ['Approve, 'fun], days = ['\"match\"] }",
    '{ a = m%"\nfun x => x "% }',
    '{ a = nix-s%%"fun "% x => x"%% }',
    '{ fun_count = 1, match-rate = 2, std = "x", a = "\\" fun" }',
    '(import "principals.ncl") & { a | String | default = "x" }',
  ])
    assert.deepEqual(tokens(data), [], data);
});

test("findFunctions: finds every way to write a function, with its place", () => {
  assert.deepEqual(findFunctions("{\n  a = fun x => x,\n}"), [
    { token: "fun", line: 2, column: 7 },
    { token: "=>", line: 2, column: 13 },
  ]);
  assert.deepEqual(tokens("{ a = match { 'A => 1 } }"), ["match", "=>"]);
  assert.deepEqual(tokens("{ a = (+) }"), ["(+)"]);
  assert.deepEqual(tokens("{ a = std.string.length }"), ["std"]);
  assert.deepEqual(tokens('{ a = "x %{ (fun x => x) 1 } y" }'), ["fun", "=>"]);
  assert.deepEqual(tokens('{ a = m%"x %{fun x => x} y" z"% }'), ["fun", "=>"]);
});
