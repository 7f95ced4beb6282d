import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { ArtifactStore, Descriptor, Manifest } from "./artifact-store.ts";
import { CrateRegistry } from "./crate-registry.ts";
import { crateRepository, indexPath, isCrateName, isVersion, tagOfVersion } from "./names.ts";
import { readPublishBody } from "./publish-body.ts";

/** Artifacts in memory, which can be told to fail. */
function memoryStore(): ArtifactStore & { readonly manifests: Map<string, Manifest>; failing: boolean } {
  const blobs = new Map<string, Uint8Array>();
  const manifests = new Map<string, Manifest>();
  const store = {
    manifests,
    failing: false,
    tags: async (repository: string) => {
      if (store.failing) throw new Error("away");
      return [...manifests.keys()].filter((key) => key.startsWith(`${repository}:`)).map((key) => key.slice(repository.length + 1));
    },
    manifest: async (repository: string, tag: string) => manifests.get(`${repository}:${tag}`),
    blob: async (_: string, { digest }: Descriptor) => blobs.get(digest) ?? assert.fail("no such blob"),
    openBlob: async (_: string, { digest }: Descriptor) => Readable.from([blobs.get(digest) ?? assert.fail("no such blob")]),
    putBlob: async (_: string, mediaType: string, content: Uint8Array) => {
      // A moment in which another publisher could come in between.
      await new Promise((resolve) => setImmediate(resolve));
      const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
      blobs.set(digest, content);
      return { mediaType, digest, size: content.length };
    },
    putManifest: async (repository: string, tag: string, manifest: Manifest) => void manifests.set(`${repository}:${tag}`, manifest),
  };
  return store;
}

function body(metadata: unknown, crate: Uint8Array = gzipSync("crate"), edit: (bytes: Buffer) => Buffer = (bytes) => bytes): Buffer {
  const json = Buffer.from(typeof metadata === "string" ? metadata : JSON.stringify(metadata));
  const length = (bytes: Uint8Array): Buffer => {
    const prefix = Buffer.alloc(4);
    prefix.writeUInt32LE(bytes.length);
    return prefix;
  };
  return edit(Buffer.concat([length(json), json, length(crate), crate]));
}

const METADATA = { name: "peer-leaf", vers: "1.0.0", deps: [], features: {}, description: "x", license: "MIT" };
const published = (more: object = {}, crate?: Uint8Array) => readPublishBody(body({ ...METADATA, ...more }, crate));

test("names: cargo's rules; names that it confuses share a repository; versions are semantic and make a tag", () => {
  for (const name of ["serde", "a", "Inflector", "foo_bar-baz9", "x".repeat(64)]) assert.ok(isCrateName(name), name);
  for (const name of ["", "9a", "-a", "a-", "a_", "a/b", "a.b", "../a", "a b", "é", "x".repeat(65), "a\n"])
    assert.ok(!isCrateName(name), JSON.stringify(name));
  assert.equal(crateRepository("Foo_Bar"), crateRepository("foo-bar"));
  assert.equal(crateRepository("foo_bar"), "crates/foo-bar");
  for (const version of ["0.0.0", "1.2.3-rc.1+build.5", "1.0.0-0a"]) assert.ok(isVersion(version), version);
  for (const version of ["1", "1.2", "01.0.0", "1.0.0-01", "1.0.0+", "1.0.0_", "v1.0.0", "1.0.0/..", `1.0.0-${"a".repeat(100)}`])
    assert.ok(!isVersion(version), version);
  assert.equal(tagOfVersion("1.0.0+b"), "1.0.0_b");
  assert.deepEqual(["a", "ab", "abc", "abcd", "Serde"].map(indexPath), ["1/a", "2/ab", "3/a/abc", "ab/cd/abcd", "se/rd/serde"]);
});

test("readPublishBody: cargo's body, and every other one is crate_invalid", () => {
  const read = published();
  assert.deepEqual([read.metadata.name, read.metadata.vers], ["peer-leaf", "1.0.0"]);
  assert.equal(read.cksum, createHash("sha256").update(gzipSync("crate")).digest("hex"));
  const wrong: Readonly<Record<string, Buffer>> = {
    empty: Buffer.alloc(0),
    "three bytes": Buffer.alloc(3),
    "a length beyond the end": body(METADATA, gzipSync("c"), (bytes) => Buffer.concat([Buffer.alloc(4, 0xff), bytes.subarray(4)])),
    "something after the end": body(METADATA, gzipSync("c"), (bytes) => Buffer.concat([bytes, Buffer.from("x")])),
    "cut off": body(METADATA, gzipSync("c"), (bytes) => bytes.subarray(0, -1)),
    "no gzip": body(METADATA, Buffer.from("crate")),
    "no JSON": body("{"),
    "the same member twice": body('{"name":"a","name":"b","vers":"1.0.0","deps":[]}'),
    "a prototype": body('{"name":"a","vers":"1.0.0","deps":[],"features":{"__proto__":[]}}'),
    "a reserved name": body({ ...METADATA, name: "std" }),
    "a name with a way out": body({ ...METADATA, name: "../etc" }),
    "no version": body({ ...METADATA, vers: "1" }),
    "a dependency without a name": body({ ...METADATA, deps: [{ version_req: "1" }] }),
    "a line break in a feature": body({ ...METADATA, features: { "a\n{}": [] } }),
  };
  for (const [what, bytes] of Object.entries(wrong)) assert.throws(() => readPublishBody(bytes), { code: "crate_invalid" }, what);
});

test("CrateRegistry: what was published is in the index and can be downloaded; a yank changes one member; a new one reads the same", async () => {
  const store = memoryStore();
  const registry = new CrateRegistry(store);
  const deps = [
    {
      name: "serde",
      version_req: "^1",
      features: ["derive"],
      optional: true,
      default_features: false,
      target: "cfg(unix)",
      kind: "dev",
      registry: "https://x",
    },
    { name: "real-name", version_req: "*", explicit_name_in_toml: "alias" },
  ];
  await registry.publish(published({ deps, features: { old: ["serde"], new: ["dep:serde"] }, rust_version: "1.70", links: "z" }));
  await registry.publish(published({ vers: "1.1.0" }));
  const file = await registry.index("peer-leaf");
  const lines = (file?.text ?? "")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines[0], {
    ...{ name: "peer-leaf", vers: "1.0.0", cksum: published().cksum, links: "z", v: 2, rust_version: "1.70", yanked: false },
    ...{ features: { old: ["serde"] }, features2: { new: ["dep:serde"] } },
    deps: [
      {
        ...{ name: "serde", req: "^1", features: ["derive"], optional: true, default_features: false, target: "cfg(unix)", kind: "dev" },
        ...{ registry: "https://x", package: null },
      },
      {
        ...{ name: "alias", req: "*", features: [], optional: false, default_features: true, target: null, kind: "normal" },
        ...{ registry: null, package: "real-name" },
      },
    ],
  });
  await registry.setYanked("peer-leaf", "1.0.0", true);
  await registry.setYanked("peer-leaf", "1.0.0", true);
  const yanked = await registry.index("peer-leaf");
  assert.equal(yanked?.text, file?.text.replace('"yanked":false', '"yanked":true'));
  assert.notEqual(yanked?.etag, file?.etag);
  assert.deepEqual(await new CrateRegistry(store).index("peer-leaf"), yanked);
  const { content } = await registry.download("peer-leaf", "1.0.0");
  assert.deepEqual(Buffer.concat(await content.toArray()), gzipSync("crate"));
  for (const [name, version] of [
    ["peer-leaf", "9.9.9"],
    ["peer_leaf", "1.0.0"],
    ["nothing", "1.0.0"],
  ] as const) {
    await assert.rejects(registry.download(name, version), { code: "not_found" });
    await assert.rejects(registry.setYanked(name, version, true), { code: "not_found" });
  }
  assert.equal(await registry.index("peer_leaf"), undefined);
});

test("CrateRegistry: a version is published once, whoever tries at the same time, and build metadata makes no other one", async () => {
  const store = memoryStore();
  const registry = new CrateRegistry(store);
  const tries = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) => registry.publish(published({}, gzipSync(`crate ${index}`)))),
  );
  assert.equal(tries.filter(({ status }) => status === "fulfilled").length, 1);
  for (const each of tries) if (each.status === "rejected") assert.equal(each.reason.code, "crate_exists");
  await assert.rejects(registry.publish(published({ vers: "1.0.0+other" })), { code: "crate_exists" });
  await assert.rejects(registry.publish(published({ name: "Peer_Leaf", vers: "2.0.0" })), { code: "crate_invalid", message: /mistaken/ });
  assert.equal(store.manifests.size, 1);
});

test("CrateRegistry: a registry behind that is away is asked again, and a crate that does not exist is not remembered", async () => {
  const store = memoryStore();
  const registry = new CrateRegistry(store);
  store.failing = true;
  await assert.rejects(registry.index("peer-leaf"));
  await assert.rejects(registry.publish(published()));
  store.failing = false;
  assert.equal(await registry.index("peer-leaf"), undefined);
  await registry.publish(published());
  assert.ok(await registry.index("PEER-leaf"));
});

test("CrateRegistry: an artifact whose file is not the one of its index line is refused", async () => {
  const store = memoryStore();
  await new CrateRegistry(store).publish(published());
  const [key, manifest] = [...store.manifests][0] ?? assert.fail();
  const other = await store.putBlob("", "x", Buffer.from("something else"));
  store.manifests.set(key, { ...manifest, layers: [other] });
  await assert.rejects(new CrateRegistry(store).index("peer-leaf"), { code: "registry_backend" });
});
