// zot itself reads the configuration that we write, and does what it says about tags that are kept and tags that go.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { generateSigningKey } from "@triplane/contract";
import { findTool, systemClock } from "@triplane/kit";
import { eventually, tempDir } from "@triplane/testkit";
import { MANIFEST_TYPE, zotArtifacts } from "../adapters/zot-artifacts.ts";
import { publicKeyPem } from "../run.ts";
import { whyMissing } from "../testing/backends.ts";
import { startRegistry } from "../testing/registry-place.ts";
import { renderZotConfig, type ZotOptions } from "../zot/config.ts";

const run = promisify(execFile);

test("peer zot: takes the configuration for files and for S3, and refuses a member that it does not know", {
  timeout: 60_000,
}, async (context) => {
  const missing = await whyMissing("zot");
  if (missing !== undefined) return context.skip(missing);
  const { path: zot } = await findTool("zot");
  await using folder = await tempDir("zot");
  const publicKeyFile = join(folder.path, "key.pem");
  await writeFile(publicKeyFile, publicKeyPem(generateSigningKey().publicKey));
  const options: ZotOptions = {
    ...{ address: "127.0.0.1", port: 5001, folder: join(folder.path, "data"), storage: { kind: "files" } },
    ...{ origin: "https://registry.example", registry: "registry.example", publicKeyFile },
  };
  const s3 = { kind: "s3", endpoint: "https://s3.example", region: "eu", bucket: "registry", pathStyle: true } as const;
  const file = join(folder.path, "config.json");
  const verify = async (config: string): Promise<string> => {
    await writeFile(file, config);
    const { stdout, stderr } = await run(zot, ["verify", file]);
    return stdout + stderr;
  };
  assert.match(await verify(renderZotConfig(options)), /config file is valid/i);
  assert.match(await verify(renderZotConfig({ ...options, storage: s3 })), /config file is valid/i);
  await assert.rejects(verify(renderZotConfig(options).replace('"gcDelay"', '"gcDelays"')));
});

// What takes hours takes seconds: the durations are shortened, the rules stay.
const hasty = (config: string): string => config.replaceAll(/"\d+h"/g, '"1s"');

test("peer zot: of a cache the five newest tags are kept, of images all of them", { timeout: 180_000 }, async (context) => {
  const missing = await whyMissing("zot");
  if (missing !== undefined) return context.skip(missing);
  await using place = await startRegistry("zot", { edit: hasty });
  const store = zotArtifacts({ url: place.backend.url, issuer: place.issuer, clock: systemClock });
  const tags = Array.from({ length: 7 }, (_, index) => `t${index}`);
  for (const repository of ["cache/acme/api", "images/acme/api"]) {
    for (const tag of tags) {
      const config = await store.putBlob(repository, "application/vnd.oci.empty.v1+json", Buffer.from("{}"));
      const layer = await store.putBlob(repository, "application/octet-stream", Buffer.from(tag));
      const manifest = {
        schemaVersion: 2,
        mediaType: MANIFEST_TYPE,
        artifactType: "application/vnd.test",
        config,
        layers: [layer],
        annotations: {},
      } as const;
      await store.putManifest(repository, tag, manifest);
    }
  }
  await eventually(async () => (await store.tags("cache/acme/api")).length <= 5, {
    timeoutMs: 120_000,
    intervalMs: 500,
    what: "zot's collection",
  });
  assert.deepEqual((await store.tags("cache/acme/api")).toSorted(), tags.slice(2));
  assert.deepEqual((await store.tags("images/acme/api")).toSorted(), tags);
});
