import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { FAILURES, INVARIANTS } from "@triplane/contract";
import { generatedDocs } from "./docs/generated.ts";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

for (const { path, content } of await generatedDocs()) {
  test(`${path}: is what the code says (npm run docs)`, async () => {
    assert.equal(await readFile(join(ROOT, path), "utf8"), content);
  });
}

test("docs/errors.md: names every code of the table and no other", async () => {
  const headings = (await readFile(join(ROOT, "docs/errors.md"), "utf8")).match(/^## .+$/gm) ?? [];
  assert.deepEqual(
    headings.map((heading) => heading.slice(3)),
    Object.keys(FAILURES),
  );
});

test("docs/reference/invariants.md: names every invariant", async () => {
  const text = await readFile(join(ROOT, "docs/reference/invariants.md"), "utf8");
  for (const id of Object.keys(INVARIANTS)) assert.ok(text.includes(`| \`${id}\` |`), id);
});
