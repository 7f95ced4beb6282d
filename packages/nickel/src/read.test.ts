import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { TriplaneError } from "@triplane/contract";
import { EnumTag } from "./document.ts";
import { readNickel, readNickelFile } from "./read.ts";

const root = mkdtempSync(join(tmpdir(), "triplane-nickel-"));
after(() => rmSync(root, { recursive: true, force: true }));

function read(text: string, files: Readonly<Record<string, string>> = {}) {
  return readNickel(text, { file: "sub/a.ncl", importer: (path) => files[path] });
}

function failureOf(action: () => unknown): TriplaneError {
  try {
    action();
  } catch (thrown) {
    assert.ok(thrown instanceof TriplaneError, String(thrown));
    return thrown;
  }
  assert.fail("nothing was thrown");
}

test("readNickel: policy-files-are-declarative-only: a function is refused with file, line, column and its name", () => {
  const failure = failureOf(() => read('{\n  a = 1,\n  "ключ" = fun x => x,\n}'));
  assert.equal(failure.code, "nickel_not_declarative");
  assert.equal(failure.message, "sub/a.ncl:3:12: function is not allowed in a data file (policy-files-are-declarative-only)");
  const { problems, ...details } = failure.details;
  const place = { file: "sub/a.ncl", line: 3, column: 12 };
  assert.deepEqual(details, { ...place, construct: "function", invariant: "policy-files-are-declarative-only" });
  const message = "function is not allowed in a data file (policy-files-are-declarative-only)";
  assert.deepEqual(problems, [{ ...place, path: undefined, message }]);
});

test("readNickel: what stands first is refused first", () => {
  assert.equal(failureOf(() => read('{ a = fun x => x, b = "%{a}" }')).details["construct"], "function");
  assert.equal(failureOf(() => read('{ a = "%{b}", b = fun x => x }')).details["construct"], "string interpolation");
});

test("readNickel: reads the architecture mode of the product without the nickel program", () => {
  const modes = fileURLToPath(new URL("../../../provisioning/reflection/modes", import.meta.url));
  const { json, value } = readNickelFile(modes, "ops-radicle-build-info.ncl");
  assert.ok(typeof json === "object" && json !== null && !Array.isArray(json));
  assert.equal(Reflect.get(json, "id"), "ops-radicle-build-info");
  assert.equal(Reflect.get(json, "strategy"), "Override");
  assert.deepEqual(Reflect.get(Object(value), "strategy"), new EnumTag("Override"));
  const steps = Reflect.get(json, "steps");
  assert.ok(Array.isArray(steps));
  assert.equal(steps.length, 10);
  assert.deepEqual(Reflect.get(Object(steps.at(-1)), "on_error"), { strategy: "Continue" });
});

test("NickelDocument: positionOf gives the place of a value, through merges and imports, or of what encloses it", () => {
  const document = read('{ a = import "b.ncl" } & {\n  c."d/e" = [1,\n   2] }', { "sub/b.ncl": "{\n\n x = 1 }" });
  assert.deepEqual(document.positionOf(["a", "x"]), { file: "sub/b.ncl", line: 3, column: 6 });
  assert.deepEqual(document.positionOf(["c", "d/e", 1]), { file: "sub/a.ncl", line: 3, column: 4 });
  assert.deepEqual(document.positionOf(["c", "d/e", 7]), { file: "sub/a.ncl", line: 2, column: 13 });
  assert.deepEqual(document.positionOf(["nowhere"]), { file: "sub/a.ncl", line: 1, column: 1 });
});

test("readNickel: two values for one field are refused, unless one of them is a default", () => {
  const merged = (text: string) => readNickel(text, { file: "a.ncl" });
  assert.throws(() => merged("{ n = 1 } & { n = 2 }"), { code: "nickel_merge_conflict" });
  assert.throws(() => merged('{ a = { n = "x" } } & { a = { n = 1 } }'), { code: "nickel_merge_conflict" });
  assert.deepEqual(merged("{ n | default = 1 } & { n = 2 }").json, { n: 2 });
  assert.deepEqual(merged("{ n = 1 } & { n = 1 }").json, { n: 1 });
});

test("readNickel: imports stay inside the root", () => {
  const files = { "b.ncl": "1", "sub/c.ncl": "2" };
  assert.deepEqual(read('[import "../b.ncl", import "./c.ncl", import "../sub/../b.ncl"]', files).json, [1, 2, 1]);
  for (const path of ["../../b.ncl", "/etc/passwd.ncl", "../../../b.ncl", "C:/b.ncl", "..\\\\b.ncl", "b\\u{0}.ncl", "missing.ncl", "../.."])
    assert.equal(failureOf(() => read(`import "${path}"`, files)).code, "nickel_import_refused", path);
  assert.equal(failureOf(() => readNickel('import "b.ncl"', { file: "a.ncl" })).code, "nickel_import_refused");
});

test("readNickel: messages name files under the root as people know it, imports do not care", () => {
  const options = {
    file: "a.ncl",
    displayRoot: "../somewhere/",
    importer: (path: string) => (path === "b.ncl" ? "{\n x = fun }" : undefined),
  };
  assert.match(failureOf(() => readNickel('import "b.ncl"', options)).message, /^\.\.\/somewhere\/b\.ncl:2:6: function/);
  assert.match(failureOf(() => readNickel('import "c.ncl"', options)).message, /^\.\.\/somewhere\/a\.ncl:1:1: there is no file "c\.ncl"/);
});

test("readNickel: imports that go in a circle are refused with the circle", () => {
  const failure = failureOf(() => read('import "b.ncl"', { "sub/b.ncl": 'import "c.ncl"', "sub/c.ncl": '{ x = import "b.ncl" }' }));
  assert.equal(failure.code, "nickel_import_refused");
  assert.match(failure.message, /sub\/a\.ncl → sub\/b\.ncl → sub\/c\.ncl → sub\/b\.ncl/);
});

test("readNickel: imports cannot multiply the work: their number and their bytes together are bounded", () => {
  const doubling = Object.fromEntries(
    Array.from({ length: 30 }, (_, level) => [`sub/${level}.ncl`, `[import "${level + 1}.ncl", import "${level + 1}.ncl"]`]),
  );
  assert.equal(failureOf(() => read('import "0.ncl"', { ...doubling, "sub/30.ncl": "1" })).code, "nickel_too_large");
  const big = { "sub/big.ncl": `"${"x".repeat(900_000)}"` };
  assert.equal(failureOf(() => read(`[${'import "big.ncl",'.repeat(5)}]`, big)).code, "nickel_too_large");
});

test("readNickel: size and depth are bounded", () => {
  assert.equal(failureOf(() => read(" ".repeat(1024 * 1024 + 1))).code, "nickel_too_large");
  const deep = 100_000;
  for (const text of [
    "[".repeat(deep),
    "{a=".repeat(deep),
    "(".repeat(deep),
    `{ ${"a.".repeat(deep)}a = 1 }`,
    `{ a | ${"Array (".repeat(deep)} = 1 }`,
    "'A (".repeat(deep),
  ])
    assert.ok(["nickel_too_large", "nickel_syntax"].includes(failureOf(() => read(text)).code));
  const nested = Object.fromEntries(Array.from({ length: 20 }, (_, level) => [`sub/${level}.ncl`, `[[[[import "${level + 1}.ncl"]]]]`]));
  assert.equal(failureOf(() => read('import "0.ncl"', { ...nested, "sub/20.ncl": "1" })).code, "nickel_too_large");
});

test("readNickel: a long merge, a long line and many contracts take time in proportion to the text", () => {
  const merge = `${"{ a = 1 } & ".repeat(50_000)}{}`;
  assert.deepEqual(read(merge).json, { a: 1 });
  const line = read(`[${"1,".repeat(400_000)}]`);
  assert.equal(line.positionOf([399_999]).column, 800_000);
  assert.equal(failureOf(() => read(`{ a ${"| Array Number ".repeat(17)} = [] }`)).code, "nickel_too_large");
  assert.equal(failureOf(() => read(`{ ${"a | Array Number, ".repeat(65)} a = [] }`)).code, "nickel_too_large");
});

test("readNickel: imported JSON is strict: no key twice, nothing after the value, no number that would change", () => {
  for (const [json, code] of [
    ['{"a":1,"a":1}', "nickel_syntax"],
    ['{"__proto__":1}', "nickel_syntax"],
    ["[1] 2", "nickel_syntax"],
    ["[1,]", "nickel_syntax"],
    ["[01]", "nickel_syntax"],
    ['{"a" 1}', "nickel_syntax"],
    ['{"a":1 "b":2}', "nickel_syntax"],
    ["{a:1}", "nickel_syntax"],
    ['"\\ud800"', "nickel_syntax"],
    ['"\\q"', "nickel_syntax"],
    ['"abc', "nickel_syntax"],
    ["", "nickel_syntax"],
    ["NaN", "nickel_syntax"],
    ["9007199254740993", "nickel_number_inexact"],
    [`${"[".repeat(100)}${"]".repeat(100)}`, "nickel_too_large"],
  ] as const)
    assert.equal(failureOf(() => read('import "d.json"', { "sub/d.json": json })).code, code, json);
  assert.deepEqual(read('import "d.json"', { "sub/d.json": ' {"a": [-0, -1.5e2, "\\u0041"]} ' }).json, { a: [0, -150, "A"] });
});

test("readNickelFile: a symbolic link out of the root, a folder and bytes that are not UTF-8 are refused", () => {
  const folder = join(root, "inside");
  mkdirSync(join(folder, "folder.ncl"), { recursive: true });
  writeFileSync(join(root, "secret.ncl"), '"secret"');
  symlinkSync(join(root, "secret.ncl"), join(folder, "link.ncl"));
  symlinkSync("data.ncl", join(folder, "alias.ncl"));
  writeFileSync(join(folder, "data.ncl"), "1");
  writeFileSync(join(folder, "bytes.ncl"), Uint8Array.of(0x22, 0xff, 0x22));
  writeFileSync(join(folder, "imports.ncl"), 'import "link.ncl"');
  assert.equal(readNickelFile(folder, "alias.ncl").json, 1);
  assert.equal(failureOf(() => readNickelFile(folder, "link.ncl")).code, "nickel_import_refused");
  assert.equal(failureOf(() => readNickelFile(folder, "imports.ncl")).code, "nickel_import_refused");
  assert.equal(failureOf(() => readNickelFile(folder, "../secret.ncl")).code, "nickel_import_refused");
  assert.equal(failureOf(() => readNickelFile(folder, "folder.ncl")).code, "nickel_import_refused");
  assert.equal(failureOf(() => readNickelFile(folder, "absent.ncl")).code, "nickel_import_refused");
  assert.equal(failureOf(() => readNickelFile(folder, "bytes.ncl")).code, "nickel_syntax");
});

test("readNickel: names that objects of JavaScript have are names like any other", () => {
  const { json } = read("{ constructor = 1, toString = 2, hasOwnProperty | default = 3, valueOf.x = 4 }");
  assert.deepEqual(json, { constructor: 1, toString: 2, hasOwnProperty: 3, valueOf: { x: 4 } });
  assert.equal(failureOf(() => read("{ a | constructor = 1 }")).code, "nickel_contract_failed");
  assert.equal(failureOf(() => read("{ a = toString }")).details["construct"], "variable");
});
