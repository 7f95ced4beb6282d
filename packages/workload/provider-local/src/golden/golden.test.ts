// Tests of golden roots: recipes, digests, the store, the list of contents. The real thing is made by the tests of runners.
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tryProcessLock } from "@triplane/kit";
import { tempDir } from "@triplane/testkit";
import { digestTree } from "./digest.ts";
import { downloadPackages } from "./packages.ts";
import { checkRecipe, DEFAULT_RECIPE, sourcesList } from "./recipe.ts";
import { type GoldenRecord, GoldenStore } from "./store.ts";

async function tree(root: string): Promise<void> {
  await mkdir(join(root, "etc"), { recursive: true });
  await writeFile(join(root, "etc/motd"), "hello\n");
  await symlink("etc/motd", join(root, "link"));
}

test("digestTree: the same content is the same digest; a byte, a mode, a link, a name make another", async () => {
  await using one = await tempDir("tree");
  await using other = await tempDir("tree");
  await tree(one.path);
  await tree(other.path);
  const digest = await digestTree(one.path);
  assert.match(digest, /^sha256-[0-9a-f]{64}$/);
  assert.equal(await digestTree(other.path), digest);
  const seen = new Set([digest]);
  for (const change of [
    () => writeFile(join(other.path, "etc/motd"), "hallo\n"),
    () => chmod(join(other.path, "etc/motd"), 0o600),
    () => rm(join(other.path, "link")),
    () => symlink("etc", join(other.path, "link")),
    () => mkdir(join(other.path, "empty")),
  ]) {
    await change();
    seen.add(await digestTree(other.path));
  }
  assert.equal(seen.size, 6);
});

test("checkRecipe: nothing but names and plain URLs gets into sources.list or to apt", () => {
  checkRecipe({ ...DEFAULT_RECIPE, packages: ["jq", "libc6", "g++"] });
  assert.match(sourcesList(DEFAULT_RECIPE), /^deb \[signed-by=\S+\] http:\/\/deb\.debian\.org\/debian bookworm main\n/);
  for (const wrong of [
    { suite: "bookworm main\ndeb http://evil" },
    { mirror: "http://x y" },
    { mirror: "file:///etc" },
    { securityMirror: "http://x/\ndeb [trusted=yes] http://evil" },
    { packages: ["--allow-unauthenticated"] },
    { packages: ["a;b"] },
  ]) {
    assert.throws(() => checkRecipe({ ...DEFAULT_RECIPE, ...wrong }), { code: "config_invalid" }, JSON.stringify(wrong));
  }
});

test("downloadPackages: one process at a time has a folder of archives; who is told to stop does not wait", async () => {
  await using folder = await tempDir("archives");
  const archives = join(folder.path, "archives");
  const lock = await tryProcessLock(`${archives}.lock`);
  assert.ok(!("heldBy" in lock));
  await assert.rejects(downloadPackages(DEFAULT_RECIPE, folder.path, archives, AbortSignal.abort()), {
    code: "provider_busy",
    message: new RegExp(`^process ${process.pid} `),
  });
  await lock.release();
});

const record = (fill: string, createdAt: number, role: string): GoldenRecord => ({
  ...{ digest: `sha256-${fill.repeat(64)}`, created_at: createdAt, platform: "linux/amd64", recipe: "r" },
  labels: { "managed-by": "triplane", golden: role },
});

test("GoldenStore: newest first by labels; relabelled by a rename; what is not complete is not there", async () => {
  await using folder = await tempDir("golden");
  const store = new GoldenStore(join(folder.path, "golden"));
  assert.deepEqual(await store.images({}), []);
  for (const each of [record("a", 10, "current"), record("b", 20, "candidate")]) await store.keep(await store.begin(), each);
  await store.begin();
  const ids = async (labels: Record<string, string>): Promise<readonly string[]> =>
    (await store.images(labels)).map(({ id }) => id.slice(7, 8));
  assert.deepEqual([await ids({}), await ids({ golden: "current" }), await ids({ golden: "none" })], [["b", "a"], ["a"], []]);
  await store.relabel(record("b", 0, "").digest, { "managed-by": "triplane", golden: "current" });
  assert.deepEqual(await ids({ golden: "current" }), ["b", "a"]);
  await assert.rejects(store.relabel(`sha256-${"c".repeat(64)}`, {}), { code: "provider_failed" });
  await assert.rejects(store.relabel(record("a", 0, "").digest, { golden: "no spaces" }));
  assert.throws(() => store.rootOf("../../etc"), { code: "provider_failed" });
  await store.remove(record("a", 0, "").digest);
  await store.remove("../../etc");
  assert.deepEqual(await ids({}), ["b"]);
});

test("GoldenStore: the same root made twice is there once, and as fresh as the second", async () => {
  await using folder = await tempDir("golden");
  const store = new GoldenStore(folder.path);
  for (const createdAt of [10, 20]) await store.keep(await store.begin(), record("a", createdAt, "current"));
  assert.deepEqual(
    (await store.list()).map(({ created_at }) => created_at),
    [20],
  );
  assert.deepEqual(await readdir(folder.path), [record("a", 0, "").digest]);
});
