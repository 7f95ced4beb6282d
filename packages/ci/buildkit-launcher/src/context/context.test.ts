// Ignore files as BuildKit reads them: expectations here were held against its own matcher and walk.
import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { rejects, tempDir } from "@triplane/testkit";
import { ignorePatterns, ignoreRules } from "./ignore-rules.ts";
import { walkContext } from "./walk.ts";

async function walked(root: string, ignoreFile: string): Promise<string[]> {
  const entries = await Array.fromAsync(walkContext(root, ignoreRules(ignorePatterns(ignoreFile))));
  return entries.map(({ path }) => path.toString("utf8"));
}

const FILES = ["a", "a.md", "b/a", "b/c/a.md", "b/c/d/e", "x[1]", "src/keep/me", "src/other"] as const;

async function tree(root: string, files: readonly string[] = FILES): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), "");
  }
}

const EVERYTHING = ["a", "a.md", "b", "b/a", "b/c", "b/c/a.md", "b/c/d", "b/c/d/e", "src", "src/keep", "src/keep/me", "src/other", "x[1]"];
const without = (...left: readonly string[]) =>
  EVERYTHING.filter((path) => !left.some((each) => path === each || path.startsWith(`${each}/`)));

test("walkContext: what an ignore file leaves out and brings back, as BuildKit does", async () => {
  await using folder = await tempDir("context");
  await tree(folder.path);
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["", EVERYTHING],
    ["# a\n\n   \n", EVERYTHING],
    ["\u{feff}a\r\n", without("a")],
    ["/a", without("a")],
    ["  b/  ", without("b")],
    ["a", without("a")],
    ["*.md", without("a.md")],
    ["**/*.md", without("a.md", "b/c/a.md")],
    ["**/a", without("a", "b/a")],
    ["b/**", EVERYTHING.filter((path) => !path.startsWith("b/"))],
    ["?", without("a", "b")],
    ["x\\[1\\]", without("x[1]")],
    ["[ab]", without("a", "b")],
    ["b/../a", without("a")],
    ["*\n!src/keep", ["src", "src/keep", "src/keep/me"]],
    ["src\n!src/keep\nsrc/keep/me", without("src/other", "src/keep/me")],
    ["**\n!**/*.md", ["a.md", "b", "b/c", "b/c/a.md"]],
    ["!a\na", without("a")],
    ["*\n!nothing", []],
  ];
  for (const [ignoreFile, expected] of cases) assert.deepEqual(await walked(folder.path, ignoreFile), expected, JSON.stringify(ignoreFile));
});

test("walkContext: links are links, sockets are left out, names are bytes", async () => {
  await using folder = await tempDir("context");
  await tree(folder.path, ["d/f"]);
  await symlink("/etc", join(folder.path, "outside"));
  await symlink("d", join(folder.path, "inside"));
  await writeFile(Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from([0xff, 0x0a, 0x66])]), "");
  const server = createServer().listen(join(folder.path, "s"));
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    const entries = await Array.fromAsync(walkContext(folder.path, ignoreRules([])));
    assert.deepEqual(
      entries.map(({ path, kind }) => `${path.toString("latin1")} ${kind}`),
      ["d folder", "d/f file", "inside link", "outside link", "\u00ff\nf file"],
    );
  } finally {
    server.close();
  }
});

test("ignoreRules: a pattern that BuildKit refuses is refused, with the pattern", () => {
  for (const pattern of ["!", "a[", "[]a]", "[-a]", "[a-]", "a\\", "[z-a]", "\\Q", "\\é"])
    assert.throws(() => ignoreRules(ignorePatterns(pattern)), { code: "context_invalid" }, pattern);
});

test("walkContext: a context that is not there is said so", async () => {
  await rejects(walked("/nonexistent/context", ""), "context_invalid");
});
