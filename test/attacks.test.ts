import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isFailureCode } from "@triplane/contract";

const ROOT = join(import.meta.dirname, "..");
const PAGE = "docs/explanation/attacks.md";

interface Row {
  readonly attack: string;
  readonly codes: readonly string[];
  readonly tests: readonly string[];
}

async function rows(): Promise<readonly Row[]> {
  const page = await readFile(join(ROOT, PAGE), "utf8");
  const lines = page.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| attack ") && !line.startsWith("| --- "));
  return lines.map((line) => {
    const [attack = "", , code = "", tests = ""] = line.split("|").slice(1, -1);
    return {
      attack: attack.replace(/°|\(CVE[^)]*\)/g, "").trim(),
      codes: [...code.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""),
      tests: [...tests.matchAll(/\(\.\.\/\.\.\/([^)]+)\)/g)].map((match) => match[1] ?? ""),
    };
  });
}

/** Titles that begin with `attack: ` of a test file. */
async function titlesOf(path: string): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, path), "utf8");
  return [...text.matchAll(/\b(?:it|test)\(\s*"attack: ([^"]+)"/g)].map((match) => match[1] ?? "");
}

describe(PAGE, () => {
  it("every code exists, and every attack is carried out by a test of its name in each file of its row", async () => {
    const table = await rows();
    assert.ok(table.length >= 24, `${table.length} rows`);
    for (const { attack, codes, tests } of table) {
      for (const code of codes) assert.ok(isFailureCode(code), `${attack}: there is no code ${code}`);
      assert.ok(tests.length > 0, `${attack}: no test`);
      for (const path of tests)
        assert.ok(
          (await titlesOf(path)).some((title) => title.startsWith(attack)),
          `${path} has no test "attack: ${attack}…"`,
        );
    }
  });

  it("every test of an attack is in the table", async () => {
    const table = await rows();
    const missing: string[] = [];
    for await (const path of glob("packages/**/*.test.ts", { cwd: ROOT, exclude: (name) => name === "node_modules" }))
      for (const title of await titlesOf(path))
        if (!table.some(({ attack, tests }) => title.startsWith(attack) && tests.includes(path))) missing.push(`${path}: ${title}`);
    assert.deepEqual(missing, []);
  });

  it("the CVEs whose mistakes are ours to avoid are named by tests", async () => {
    const named = new Set<string>();
    for await (const path of glob("packages/**/*.test.ts", { cwd: ROOT, exclude: (name) => name === "node_modules" }))
      for (const title of await titlesOf(path)) for (const [cve] of title.matchAll(/CVE-\d{4}-\d+/g)) named.add(cve);
    const wanted = ["CVE-2026-44544", "CVE-2026-128035", "CVE-2026-128036", "CVE-2026-128037", "CVE-2026-23992"];
    assert.deepEqual(
      wanted.filter((cve) => !named.has(cve)),
      [],
    );
  });
});
