import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

test("keeper: no mode exists in its code; which keeper runs and what the policy says is the mode (mode-is-operational)", async () => {
  const files = (await readdir(import.meta.dirname, { recursive: true })).filter((file) => file.endsWith(".ts") && !file.includes("test"));
  assert.ok(files.length > 15);
  for (const file of files) {
    const code = (await readFile(join(import.meta.dirname, file), "utf8")).replaceAll(/\/\/.*$/gm, "");
    assert.doesNotMatch(code, /\b(?:keeper|admission|sign(?:ing)?|operation)_?mode\b|\bmode\s*[:=]|["'](?:manual|hybrid)["']/i, file);
  }
});
