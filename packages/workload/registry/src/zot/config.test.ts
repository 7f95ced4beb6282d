import assert from "node:assert/strict";
import { test } from "node:test";
import { NAMESPACES } from "../namespaces.ts";
import { renderZotConfig, type ZotOptions, zotConfig } from "./config.ts";
import { zotConfigSchema } from "./schema.ts";

const FILES: ZotOptions = {
  ...{ address: "127.0.0.1", port: 5001, folder: "/var/lib/zot", storage: { kind: "files" } },
  ...{ origin: "https://registry.example", registry: "registry.example", publicKeyFile: "/etc/zot/key.pem" },
};
const S3: ZotOptions = {
  ...FILES,
  storage: { kind: "s3", endpoint: "https://s3.example:9000", region: "eu-central", bucket: "registry", pathStyle: true },
};

test("zotConfig: every namespace that zot stores is a store of its own, and the object cache is none of its", () => {
  for (const options of [FILES, S3]) {
    const { storage } = zotConfig(options);
    assert.deepEqual(Object.keys(storage.subPaths).sort(), ["/cache", "/crates", "/golden", "/images"]);
    const folders = [storage.rootDirectory, ...Object.values(storage.subPaths).map(({ rootDirectory }) => rootDirectory)];
    assert.equal(new Set(folders).size, folders.length);
    for (const a of folders) for (const b of folders) assert.ok(a === b || !b.startsWith(`${a}/`), "no store lies in another one");
  }
});

test("zotConfig: no blob is shared between repositories, no token is checked against nothing, and nothing is allowed beside tokens", () => {
  for (const options of [FILES, S3]) {
    const config = zotConfig(options);
    for (const store of [config.storage, ...Object.values(config.storage.subPaths)]) assert.equal(store.dedupe, false);
    assert.deepEqual(config.http.auth.bearer, {
      realm: "https://registry.example/token",
      service: "registry.example",
      cert: "/etc/zot/key.pem",
    });
    assert.ok(!renderZotConfig(options).includes("accessControl"));
  }
});

test("zotConfig: retention is what the namespaces say, in zot's words", () => {
  const { subPaths } = zotConfig(FILES).storage;
  const kept = (name: string) => subPaths[`/${name}`]?.retention?.policies[0]?.keepTags;
  assert.deepEqual(kept("cache"), [{ patterns: [".*"], mostRecentlyPushedCount: 5, pulledWithin: "336h", pushedWithin: "336h" }]);
  assert.deepEqual(kept("images"), [{ patterns: [".*"] }]);
  assert.deepEqual(kept("crates"), [{ patterns: [".*"] }]);
  for (const { name, retention } of NAMESPACES) {
    if (retention === undefined) continue;
    // A push writes blobs before it names them; the longest one takes as long as a lease may last.
    assert.ok(retention.untaggedHours > 24, name);
    assert.equal(subPaths[`/${name}`]?.gcDelay, `${retention.untaggedHours}h`);
    assert.deepEqual(subPaths[`/${name}`]?.retention?.policies[0]?.repositories, [`${name}/**`]);
  }
});

test("zotConfig: on S3 each store has a prefix of its own in the bucket, and no secret gets into the file", () => {
  const text = renderZotConfig(S3);
  assert.ok(!/accesskey|secretkey/i.test(text));
  const { subPaths } = zotConfig(S3).storage;
  assert.deepEqual(subPaths["/images"]?.storageDriver, {
    ...{ name: "s3", rootdirectory: "/images", region: "eu-central", regionendpoint: "https://s3.example:9000", bucket: "registry" },
    ...{ forcepathstyle: true, secure: true, skipverify: false },
  });
});

test("zotConfig: what zot would not take is config_invalid, and says which member", () => {
  const wrong: readonly [Partial<ZotOptions>, RegExp][] = [
    [{ port: 0 }, /http\.port/],
    [{ folder: "data" }, /rootDirectory/],
    [{ publicKeyFile: "key.pem" }, /cert/],
    [{ origin: "registry.example" }, /realm/],
    [{ storage: { ...S3.storage, bucket: "Not A Bucket" } as ZotOptions["storage"] }, /bucket/],
  ];
  for (const [part, message] of wrong) assert.throws(() => zotConfig({ ...FILES, ...part }), { code: "config_invalid", message });
  const config = zotConfig(FILES);
  assert.ok(!zotConfigSchema.safeParse({ ...config, http: { ...config.http, accessControl: {} } }).success);
  assert.ok(!zotConfigSchema.safeParse({ ...config, storage: { ...config.storage, dedupe: true } }).success);
});
