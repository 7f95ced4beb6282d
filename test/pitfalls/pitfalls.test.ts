import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { PITFALLS } from "./pitfalls.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Numbers of pitfalls in the titles of all tests, with the files. */
async function titled(): Promise<ReadonlyMap<number, readonly string[]>> {
  const found = new Map<number, string[]>();
  for await (const path of glob("{packages,test}/**/*.test.ts", { cwd: ROOT, exclude: (name) => name === "node_modules" })) {
    const text = await readFile(join(ROOT, path), "utf8");
    for (const [, numbers = ""] of text.matchAll(/\b(?:test|it|describe)\(\s*["`][^"`\n]*?\bpitfalls? (\d+(?: and \d+)*):/g)) {
      for (const number of numbers.split(" and ").map(Number)) found.set(number, [...(found.get(number) ?? []), path]);
    }
  }
  return found;
}

test("PITFALLS: each has a test that names it, or says why not; no title names another", async () => {
  const found = await titled();
  const open = Object.entries(PITFALLS).filter(([number, { untested }]) => untested === undefined && !found.has(Number(number)));
  assert.deepEqual(
    open.map(([number, { name }]) => `${number}: ${name}`),
    [],
  );
  assert.deepEqual(
    [...found].filter(([number]) => PITFALLS[number] === undefined),
    [],
  );
});
