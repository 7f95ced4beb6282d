import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { nodeConfiguration, peerOf } from "./node-config.ts";

const NID = "z6MknSLrJoTcukLrE435hVNQT4JUhbvWLX4kUzqkEStBU8Vi";
const PLAIN = { alias: "seed-1", listen: ["127.0.0.1:8776"], connect: [`${NID}@127.0.0.1:8777`] };

test("nodeConfiguration: a private network: no public seed, static peers, the network without bootstrap nodes", () => {
  const text = JSON.stringify(nodeConfiguration(PLAIN));
  const { preferredSeeds, node } = JSON.parse(text);
  assert.deepEqual(preferredSeeds, []);
  assert.deepEqual([node.network, node.peers, node.listen, node.connect], ["test", { type: "static" }, PLAIN.listen, PLAIN.connect]);
  assert.deepEqual(node.seedingPolicy, { default: "block" });
  assert.equal(node.fetch.signedReferences.featureLevel.minimum, "parent");
  assert.doesNotMatch(text, /radicle\.(xyz|network|dev|garden)/);
});

test("nodeConfiguration: refuses what is no address, no peer and no alias", () => {
  for (const wrong of [
    { listen: ["127.0.0.1"] },
    { listen: ["127.0.0.1:65536"] },
    { listen: ["127.0.0.1:80 "] },
    { connect: ["127.0.0.1:8777"] },
    { connect: [`${NID.slice(1)}@127.0.0.1:8777`] },
    { connect: [`${NID}@host/x:1`] },
    { externalAddresses: [":1"] },
    { alias: "" },
    { alias: "x".repeat(33) },
    { alias: 'x"' },
  ])
    assert.throws(() => nodeConfiguration({ ...PLAIN, ...wrong }), { code: "config_invalid" }, JSON.stringify(wrong));
  assert.deepEqual(peerOf(`${NID}@[::1]:8776`), { nid: NID, address: "[::1]:8776" });
});

test("nodeConfiguration: the catalog's radicle-seed, which can import nothing of ours, writes and refuses the same", async () => {
  const file = join(import.meta.dirname, "../../../provisioning/catalog/components/radicle-seed/node-config.mjs");
  const component = (await import(pathToFileURL(file).href)) as { readonly nodeConfiguration: (options: unknown) => unknown };
  const outcome = (make: () => unknown): unknown => {
    try {
      return make();
    } catch {
      return "refused";
    }
  };
  for (const change of [
    {},
    { externalAddresses: ["seed.example.org:8776"] },
    { listen: [], connect: [] },
    { listen: ["127.0.0.1"] },
    { listen: ["[::1]:0"] },
    { listen: ["127.0.0.1:99999"] },
    { connect: [`${NID}@x`] },
    { connect: [`${NID}x@127.0.0.1:1`] },
    { alias: "a b" },
  ]) {
    const options = { ...PLAIN, ...change };
    assert.deepEqual(
      outcome(() => component.nodeConfiguration(options)),
      outcome(() => nodeConfiguration(options)),
      JSON.stringify(change),
    );
  }
});
