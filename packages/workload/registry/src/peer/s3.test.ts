// zot on a real S3 server (versitygw) whose bucket keeps versions: what was pushed is there after a restart, and what was removed is in the bucket still.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { findTool } from "@triplane/kit";
import { tempDir } from "@triplane/testkit";
import { whyMissing } from "../testing/backends.ts";
import { orasAs } from "../testing/oras.ts";
import { startRegistry } from "../testing/registry-place.ts";
import { startS3 } from "../testing/s3.ts";

async function whyNoS3(): Promise<string | undefined> {
  try {
    await findTool("versitygw");
    return undefined;
  } catch (error) {
    if (!(error instanceof TriplaneError) || process.env["TRIPLANE_REQUIRE_ALL"] === "1") throw error;
    return `VERSITYGW IS MISSING, the S3 back end is not tested: ${error.message} (${error.hint})`;
  }
}

test("peer versitygw, zot: push to S3, restart, pull; a manifest that was deleted is in the bucket's history", {
  timeout: 180_000,
}, async (context) => {
  const missing = (await whyMissing("zot")) ?? (await whyNoS3());
  if (missing !== undefined) return context.skip(missing);
  await using folder = await tempDir("s3");
  await using s3 = await startS3(join(folder.path, "s3"));
  await using place = await startRegistry("zot", { storage: s3.storage, env: s3.env });
  const woodpecker = await orasAs(place, { username: "woodpecker", password: place.secrets.woodpecker });
  const image = `${place.registry}/images/acme/api`;
  for (const tag of ["1", "2"]) {
    const pushed = await woodpecker("push", "--no-tty", `${image}:${tag}`, "file.txt");
    assert.ok(pushed.ok, pushed.text);
  }
  await place.backend.restart();
  const pulled = await woodpecker("pull", "--no-tty", "--output", "back", `${image}:1`);
  assert.ok(pulled.ok, pulled.text);
  const listed = await woodpecker("repo", "tags", image);
  assert.deepEqual(listed.text.trim().split("\n"), ["1", "2"]);

  const janitor = await orasAs(place, { username: "janitor", password: place.secrets.janitor });
  const described = await janitor("manifest", "fetch", "--descriptor", `${image}:2`);
  const { digest }: { digest: string } = JSON.parse(described.text);
  const deleted = await janitor("manifest", "delete", "--force", `${image}:2`);
  assert.ok(deleted.ok, deleted.text);
  assert.ok(!(await woodpecker("pull", "--no-tty", `${image}:2`)).ok);
  const history = await s3.ask("GET", "prefix=images%2F&versions=");
  assert.equal(history.status, 200, history.text);
  // The repository's list of manifests from before the deletion can be had back.
  assert.match(history.text, /<Version>/);
  const indexVersions = history.text.match(/<Version>(?:(?!<\/Version>).)*index\.json(?:(?!<\/Version>).)*<\/Version>/gs) ?? [];
  assert.ok(indexVersions.length > 1, `${indexVersions.length} versions of index.json`);
  assert.ok(digest.startsWith("sha256:"));
});
