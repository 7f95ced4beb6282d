import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadKinds } from "./adapters/kinds-folder.ts";
import { apiPage, opKindsPage } from "./reference.ts";

const DOCS = join(import.meta.dirname, "../../../../docs/reference");

async function isWritten(name: string, wanted: string): Promise<void> {
  const path = join(DOCS, name);
  if (process.env["TRIPLANE_WRITE_DOCS"] === "1") await writeFile(path, wanted);
  assert.equal(await readFile(path, "utf8"), wanted, `run this test with TRIPLANE_WRITE_DOCS=1 to write docs/reference/${name}`);
}

test("docs/reference/op-kinds.md: is what the kinds say", async () => isWritten("op-kinds.md", opKindsPage(await loadKinds())));

test("docs/reference/orchestrator-api.md: is what the routes say", () => isWritten("orchestrator-api.md", apiPage()));
