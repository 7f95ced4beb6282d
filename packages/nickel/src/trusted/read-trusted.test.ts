import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, type TestContext, test } from "node:test";
import type { TriplaneError } from "@triplane/contract";
import { toolOrSkip } from "@triplane/testkit";
import { EnumTag } from "../document.ts";
import { diskReader } from "../read.ts";
import { importClosure } from "./import-closure.ts";
import { readTrusted } from "./read-trusted.ts";
import { distrust } from "./trust.ts";

const folder = mkdtempSync(join(tmpdir(), "triplane-trusted-"));
const root = join(folder, "root");
after(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string, text: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o644 });
  return file;
}

/** The program, or undefined and a test that says so. */
async function nickel(context: TestContext): Promise<{ program: string } | undefined> {
  const program = await toolOrSkip(context, "nickel", "evaluating trusted files");
  return program === undefined ? undefined : { program };
}

const data = put("root/data.ncl", '{ a = \'Tag, b = import "lib/part.ncl" }');
put("root/lib/part.ncl", "{ c = 1 }");
const computed = put(
  "root/computed.ncl",
  `let double = fun x => 2 * x in { a = 'Tag, b = import "lib/part.ncl", d = double 4, e = 'Step { n = ['X] }, f | optional, "g's" = null, h | not_exported = 1 }`,
);

test("readTrusted: data is read by the reader, with or without the program, and keeps its places", async () => {
  for (const options of [{ root }, { root, nickel: { program: "/nonexistent" } }]) {
    const reading = await readTrusted(data, { ...options, displayRoot: "here" });
    assert.equal(reading.way, "reader");
    assert.deepEqual(reading.json, { a: "Tag", b: { c: 1 } });
    assert.deepEqual(reading.positionOf(["b", "c"]), { file: "here/lib/part.ncl", line: 1, column: 7 });
  }
});

test("readTrusted: a file that computes is evaluated by the program, enum tags and all", async (context) => {
  const program = await nickel(context);
  if (program === undefined) return;
  const reading = await readTrusted(computed, { root, displayRoot: "provisioning", nickel: program });
  assert.equal(reading.way, "nickel");
  assert.match(reading.because, /let binding/);
  assert.deepEqual(reading.value, {
    a: new EnumTag("Tag"),
    b: { c: 1 },
    d: 8,
    e: new EnumTag("Step", { n: [new EnumTag("X")] }),
    "g's": null,
  });
  assert.deepEqual(reading.positionOf(["d"]), { file: "provisioning/computed.ncl", line: 1, column: 1 });
  const contract = put("root/contract.ncl", 'let { Small } = import "lib/small.ncl" in { n = 3 } | Small');
  put("root/lib/small.ncl", "{ Small = { n | std.number.PosNat } }");
  assert.deepEqual((await readTrusted(contract, { root, nickel: program })).json, { n: 3 });
  const broken = put("root/broken.ncl", 'let { Small } = import "lib/small.ncl" in { n = -3 } | Small');
  await assert.rejects(readTrusted(broken, { root, nickel: program }), { code: "nickel_program_failed", message: /contract broken/ });
});

test("readTrusted: without the program, a file that computes is refused with its place and what would help", async () => {
  await assert.rejects(readTrusted(computed, { root }), (thrown: TriplaneError) => {
    assert.equal(thrown.code, "nickel_not_declarative");
    assert.match(thrown.message, /computed\.ncl:1:1/);
    assert.match(thrown.hint, /there is no nickel program/);
    return true;
  });
});

test("readTrusted: what everybody may write, or another user wrote, is not evaluated", async () => {
  const loose = put("root/loose.ncl", "let a = 1 in { a = a }");
  chmodSync(loose, 0o666);
  await assert.rejects(readTrusted(loose, { root, nickel: { program: process.execPath } }), {
    code: "nickel_not_declarative",
    hint: /everybody may write/,
  });
  assert.match(distrust([data], (process.geteuid?.() ?? 0) + 1) ?? "root", /another user|root/);
  assert.equal(distrust([data]), undefined);
});

test("readTrusted: nothing is evaluated that could import from outside the root", async () => {
  put("outside.ncl", "{ secret = 1 }");
  put("outside.txt", "secret");
  mkdirSync(join(root, "link-to"), { recursive: true });
  symlinkSync(join(folder, "outside.ncl"), join(root, "link-to/outside.ncl"));
  symlinkSync(folder, join(root, "link-to/folder"));
  const bad: readonly string[] = [
    'import "../outside.ncl"',
    'import"../outside.ncl"',
    'import # a comment "\n\t# another\n"../outside.txt" as \'Text',
    `import ${JSON.stringify(join(folder, "outside.ncl"))}`,
    'import "link-to/outside.ncl"',
    'import "link-to/folder/outside.ncl"',
    'import "link-to/folder/../outside.ncl"',
    'import "lib/../../outside.ncl"',
    'import "\\u{2e}./outside.ncl"',
    'import "%{"../outside.ncl"}"',
    'import m%"../outside.ncl"%',
    '"%{import "../outside.txt" as \'Text}"',
    'import "lib/climbs.ncl"',
  ];
  put("root/lib/climbs.ncl", 'let x = import "../../outside.ncl" in x');
  for (const [index, expression] of bad.entries()) {
    const file = put(`root/bad-${index}.ncl`, `let x = ${expression} in { x = x }`);
    await assert.rejects(
      readTrusted(file, { root, nickel: { program: process.execPath } }),
      { code: /nickel_import_refused|nickel_not_declarative/ },
      expression,
    );
    assert.throws(
      () => importClosure(file, { root, importPaths: [root], reader: diskReader, limits: LIMITS }),
      { code: "nickel_import_refused" },
      expression,
    );
  }
});

const LIMITS = { maxFileBytes: 1e6, maxTotalBytes: 1e6, maxDepth: 64, maxImports: 5 };

test("importClosure: follows every import, also by the import path, and bounds their number", () => {
  put("root/deep/one.ncl", 'let two = import "two.ncl" in # import "three.ncl"\n two & import "lib/part.ncl"');
  put("root/deep/two.ncl", 'import "missing.ncl"');
  put("root/deep/three.ncl", "{}");
  const options = { root, importPaths: [root], reader: diskReader, limits: LIMITS };
  assert.deepEqual(
    importClosure(join(root, "deep/one.ncl"), options),
    ["deep/one.ncl", "deep/three.ncl", "deep/two.ncl", "lib/part.ncl"].map((path) => join(root, path)),
  );
  assert.throws(() => importClosure(join(root, "deep/one.ncl"), { ...options, limits: { ...LIMITS, maxImports: 3 } }), {
    code: "nickel_too_large",
  });
});

test("readTrusted: a file that computes without end is stopped by time, memory and output, with what stopped it", async (context) => {
  const program = await nickel(context);
  if (program === undefined) return;
  const run = (text: string, limits: object) => readTrusted(put("root/endless.ncl", text), { root, nickel: { ...program, ...limits } });
  const grow = "let rec f = fun x => [x] @ f (x + 1) in f 1";
  await assert.rejects(run(grow, { limits: { maxMemoryBytes: 384 * 1024 * 1024 } }), {
    code: "nickel_program_failed",
    message: /of memory/,
  });
  const spin = "let rec f = fun x => if x < 0 then x else f (x + 1) in { a = f 1 }";
  await assert.rejects(run(spin, { timeoutMs: 300 }), { code: "nickel_program_failed", message: /within 300 ms/ });
  await assert.rejects(run(spin, { limits: { maxCpuSeconds: 1 }, timeoutMs: 300_000 }), {
    code: "nickel_program_failed",
    message: /processor time/,
  });
  const loud = "{ a = std.array.generate (fun x => x) 20000 }";
  await assert.rejects(run(loud, { maxOutputBytes: 1000 }), { code: "nickel_program_failed", message: /more than 1000 bytes/ });
});
