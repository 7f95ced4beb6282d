import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { FAILURES } from "@triplane/contract";
import { filesOf, GROUPS } from "./test/groups.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

test("FAILURES: every code is provoked by a test that names it", async () => {
  const tests = (await Promise.all(GROUPS.map((group) => filesOf(group, ROOT, [])))).flat();
  // A contract suite is run by the tests of everything that implements the contract.
  const suites = await Array.fromAsync(
    glob("packages/**/src/{testing/*-contract,bus-contract}.ts", { cwd: ROOT, exclude: (name) => name.includes("node_modules") }),
  );
  const files = [...tests, ...suites];
  const texts = await Promise.all(files.map((file) => readFile(join(ROOT, file), "utf8")));
  const unnamed = Object.keys(FAILURES).filter((code) => !texts.some((text) => text.includes(`"${code}"`)));
  assert.deepEqual(unnamed, []);
});
