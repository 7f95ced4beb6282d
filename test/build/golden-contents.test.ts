// Lists of contents in the registry's golden/ namespace: pushed by us through the gateway, read by oras, a client by other people.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ContentsShelf, ociContents } from "@triplane/golden";
import { BACKENDS, orasAs, startRegistry, whyMissing } from "@triplane/registry/testing";
import { toolOrSkip } from "@triplane/testkit";

const NEVER = new AbortController().signal;
const DOCUMENT = `${JSON.stringify({ spdxVersion: "SPDX-2.3", name: "triplane golden image local/v1" })}\n`;
const FACTS = { imageId: `sha256-${"a".repeat(64)}`, createdAtS: 1_790_000_000 };

for (const backend of BACKENDS) {
  test(`peer oras, ${backend}: the list of a golden image's contents is an artifact of its version, and of \`current\``, {
    timeout: 180_000,
  }, async (context) => {
    const missing = await whyMissing(backend);
    if (missing !== undefined) return context.skip(missing);
    if ((await toolOrSkip(context, "oras")) === undefined) return;
    await using place = await startRegistry(backend);
    const contentsAs = (role: "golden-builder" | "pool" | "woodpecker") =>
      ociContents({ origin: place.origin, user: role, secret: place.secrets[role], providerName: "local" });
    const shelf = new ContentsShelf(join(place.folder, "contents"), contentsAs("golden-builder"));
    await shelf.keep("v1", DOCUMENT);
    const { reference = "" } = await shelf.publish("v1", FACTS, NEVER);
    // The same list again is the same artifact; a machine without the file finds it.
    assert.deepEqual(await shelf.publish("v1", FACTS, NEVER).then((stored) => stored.reference), reference);
    const elsewhere = new ContentsShelf(join(place.folder, "elsewhere"), contentsAs("golden-builder"));
    assert.deepEqual(await elsewhere.publish("v1", FACTS, NEVER), { file: undefined, reference });
    await assert.rejects(elsewhere.publish("v9", FACTS, NEVER), { code: "golden_contents", message: /neither on this machine nor in/ });
    await shelf.follow({ current: "v1", previous: "v0" }, NEVER);

    const oras = await orasAs(place, { username: "pool", password: place.secrets.pool });
    const repository = `${place.registry}/golden/local`;
    assert.match(reference, new RegExp(`^${repository}:v1@sha256:[0-9a-f]{64}$`));
    for (const name of [`${repository}:current`, `${repository}@${reference.split("@")[1]}`]) {
      const manifest = await oras("manifest", "fetch", name);
      assert.ok(manifest.ok, manifest.text);
      const { artifactType, annotations } = JSON.parse(manifest.text);
      assert.equal(artifactType, "application/spdx+json");
      assert.deepEqual([annotations["org.opencontainers.image.version"], annotations["vnd.triplane.golden.image"]], ["v1", FACTS.imageId]);
    }
    const pulled = await oras("pull", "--no-tty", "--output", join(place.folder, "pulled"), `${repository}:current`);
    assert.ok(pulled.ok, pulled.text);
    assert.equal(await readFile(join(place.folder, "pulled", "sbom.spdx.json"), "utf8"), DOCUMENT);
    const tags = await oras("repo", "tags", repository);
    assert.deepEqual(tags.text.trim().split("\n").sort(), ["current", "v1"]);

    // Who may not write there does not, and says so.
    for (const role of ["pool", "woodpecker"] as const)
      await assert.rejects(contentsAs(role).push("v2", DOCUMENT, FACTS, NEVER), { code: "golden_contents", message: /answered 401/ });
    const stranger = ociContents({ origin: place.origin, user: "golden-builder", secret: "wrong", providerName: "local" });
    await assert.rejects(stranger.push("v2", DOCUMENT, FACTS, NEVER), { code: "golden_contents", message: /answered 401 for a token/ });
    assert.equal(await contentsAs("golden-builder").find("v2", NEVER), undefined);
  });
}
