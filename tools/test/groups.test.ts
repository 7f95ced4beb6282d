import assert from "node:assert/strict";
import { glob } from "node:fs/promises";
import { dirname } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { filesOf, GROUPS } from "./groups.ts";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

test("every test file is in exactly one group", async () => {
  const grouped = (await Promise.all(GROUPS.map((group) => filesOf(group, ROOT, [])))).flat();
  const all: string[] = [];
  for await (const file of glob("{packages,test,tools,bench,deploy}/**/*.test.ts", {
    cwd: ROOT,
    exclude: (name) => name === "node_modules",
  }))
    all.push(file);
  assert.deepEqual(
    all.filter((file) => !grouped.includes(file)),
    [],
    "in no group",
  );
  assert.deepEqual(grouped.toSorted(), all.toSorted(), "in two groups");
});
