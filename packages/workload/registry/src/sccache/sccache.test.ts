import assert from "node:assert/strict";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { systemClock, systemRandom } from "@triplane/kit";
import { manualClock, tempDir } from "@triplane/testkit";
import { evictions } from "./eviction.ts";
import { readSccacheAddress } from "./key.ts";
import { ObjectStore } from "./object-store.ts";

const KEY = "abc0".repeat(16);
const ADDRESS = `acme/api/a/b/c/${KEY}`;

test("readSccacheAddress: what sccache writes, and folders", () => {
  assert.deepEqual(readSccacheAddress(ADDRESS), { kind: "object", repository: "acme/api", key: KEY });
  assert.deepEqual(readSccacheAddress("acme/api/.sccache_check"), { kind: "object", repository: "acme/api", key: "probe" });
  for (const folder of ["", "acme/", "acme/api/", "acme/api/a/b/c/"])
    assert.deepEqual(readSccacheAddress(folder), { kind: "folder" }, folder);
});

test("readSccacheAddress: nothing else, and no way out of the folder", () => {
  const wrong = [
    `acme/api/a/b/d/${KEY}`,
    `../api/a/b/c/${KEY}`,
    `acme/%2e%2e/a/b/c/${KEY}`,
    `acme/api/../../a/b/c/${KEY}`,
    `a/b/c/${KEY}`,
    `acme/api/a/b/c/${KEY.toUpperCase()}`,
    "acme/api/a/b/c/abc",
    "../../etc/passwd",
    "acme/..",
    "/.sccache_check",
    "../.sccache_check",
    "acme\\api/.sccache_check",
    `acme+api/a/b/c/${KEY}`,
  ];
  for (const path of wrong) assert.notEqual(readSccacheAddress(path).kind, "object", path);
  for (const path of ["../../etc/passwd", "acme/..", "acme/<x>/", "acme/\0/"]) assert.equal(readSccacheAddress(path).kind, "unknown", path);
});

test("evictions: nothing within the limit; else the least used until a tenth is free", () => {
  const objects = Array.from({ length: 10 }, (_, index) => ({ path: `${index}`, sizeBytes: 10, usedAtMs: index }));
  assert.deepEqual(evictions(objects, 100), []);
  assert.deepEqual(
    evictions(objects.toReversed(), 50).map(({ path }) => path),
    ["0", "1", "2", "3", "4", "5"],
  );
  assert.deepEqual(evictions([], 0), []);
});

async function place(limits: { readonly maxBytes?: number; readonly maxObjectBytes?: number } = {}) {
  const folder = await tempDir("objects");
  const store = new ObjectStore({
    folder: folder.path,
    maxBytes: 1000,
    maxObjectBytes: 500,
    clock: systemClock,
    random: systemRandom,
    ...limits,
  });
  const text = async (repository: string, key: string): Promise<string | undefined> => {
    const found = await store.read(repository, key);
    if (found === undefined) return undefined;
    const content = (await found.file.createReadStream().toArray()).join("");
    assert.equal(content.length, found.sizeBytes);
    return content;
  };
  return { folder, store, text };
}

test("ObjectStore: an object is as it was written, in its repository only, and a new one replaces it", async () => {
  const { folder, store, text } = await place();
  await using _ = folder;
  assert.equal(await text("acme/api", KEY), undefined);
  await store.write("acme/api", KEY, Readable.from([Buffer.from("one"), Buffer.from("two")]));
  assert.equal(await text("acme/api", KEY), "onetwo");
  assert.equal(await text("acme", KEY), undefined);
  assert.equal(await text("acme/api/sub", KEY), undefined);
  await store.write("acme/api", KEY, Readable.from([Buffer.from("three")]));
  assert.equal(await text("acme/api", KEY), "three");
});

test("ObjectStore: what is too large or breaks off leaves the old object, and nothing beside it", async () => {
  const { folder, store, text } = await place();
  await using _ = folder;
  await store.write("acme/api", KEY, Readable.from([Buffer.from("old")]));
  await assert.rejects(store.write("acme/api", KEY, Readable.from([Buffer.alloc(300), Buffer.alloc(300)])), { code: "body_too_large" });
  const breaking = Readable.from(
    (async function* () {
      yield Buffer.from("half");
      throw new Error("the line is gone");
    })(),
  );
  await assert.rejects(store.write("acme/api", KEY, breaking), /the line is gone/);
  assert.equal(await text("acme/api", KEY), "old");
  assert.deepEqual(await readdir(join(folder.path, "acme+api", KEY.slice(0, 2))), [KEY]);
});

test("ObjectStore.sweep: the least used objects go, and what writers left that died", async () => {
  const { folder, store, text } = await place({ maxBytes: 1000 });
  await using _ = folder;
  const keys = ["a", "b", "c"].map((letter) => letter.repeat(64));
  for (const [index, key] of keys.entries()) {
    await store.write("acme/api", key, Readable.from([Buffer.alloc(400)]));
    const at = new Date(Date.now() - (10 - index) * 24 * 3_600_000);
    await utimes(join(folder.path, "acme+api", key.slice(0, 2), key), at, at);
  }
  // A hit today: the oldest one is now the one that was used last.
  await text("acme/api", keys[0] ?? "");
  const left = join(folder.path, "acme+api", "aa", ".new-dead");
  await writeFile(left, "half");
  const old = new Date(Date.now() - 2 * 3_600_000);
  await utimes(left, old, old);
  assert.equal(await store.sweep(), 1);
  assert.deepEqual(await Promise.all(keys.map(async (key) => (await text("acme/api", key)) !== undefined)), [true, false, true]);
  await assert.rejects(readFile(left));
});

test("ObjectStore.sweep: an empty or missing folder is no failure", async () => {
  const store = new ObjectStore({
    folder: "/nonexistent/objects",
    maxBytes: 1,
    maxObjectBytes: 1,
    clock: manualClock(),
    random: systemRandom,
  });
  assert.equal(await store.sweep(), 0);
});
