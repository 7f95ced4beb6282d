import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { emptyRoot, inclusionProof, leafHash, rootFromProof, rootOf } from "./merkle.ts";
import { subtreesOf, TileTree, tilePath } from "./tiles.ts";

// Inputs and roots of the reference implementation's tests for RFC 6962 (certificate-transparency, merkle_tree_test).
const INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

test("rootOf: the published roots of RFC 6962 trees", () => {
  assert.equal(emptyRoot().toString("hex"), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const leaves = INPUTS.map((input) => leafHash(Buffer.from(input, "hex")));
  for (const [at, root] of ROOTS.entries()) assert.equal(rootOf(leaves.slice(0, at + 1)).toString("hex"), root);
});

test("tilePath: the specification's examples", () => {
  assert.equal(tilePath(0, 1234067, 256), "tile/0/x001/x234/067");
  assert.equal(tilePath(1, 1, 17), "tile/1/001.p/17");
});

/** Appends in batches and keeps the files, as the ledger's tree does. */
function build(batches: readonly number[]) {
  const tree = TileTree.empty();
  const files = new Map<string, Buffer>();
  const entries: string[] = [];
  for (const size of batches) {
    const batch = Array.from({ length: size }, (_, at) => `entry ${entries.length + at}`);
    entries.push(...batch);
    for (const [path, content] of tree.append(batch)) {
      if (content === undefined) assert.equal(files.delete(path), true, path);
      else files.set(path, content);
    }
  }
  const readFile = async (path: string) => files.get(path);
  return { tree, files, entries, readFile };
}

test("TileTree: the files of a tree of 70,000 are those that the specification lists", () => {
  const { files } = build([70_000]);
  const full = [...files.keys()].filter((path) => !path.includes(".p/"));
  assert.equal(full.filter((path) => path.startsWith("tile/0/")).length, 273);
  assert.deepEqual(
    full.filter((path) => !path.startsWith("tile/0/")),
    ["tile/1/000"],
  );
  const partial = [...files.keys()].filter((path) => path.includes(".p/")).sort();
  assert.deepEqual(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
});

test("TileTree: batches do not matter; root, files and a reloaded tree are the same", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 6 }), async (batches) => {
      const built = build(batches);
      const whole = build([built.entries.length]);
      assert.deepEqual(built.tree.root(), rootOf(built.entries.map((entry) => leafHash(entry))));
      assert.deepEqual([...built.files].sort(), [...whole.files].sort());
      const loaded = await TileTree.load(built.entries.length, built.readFile);
      assert.deepEqual(loaded.append(["more"]), built.tree.append(["more"]));
      assert.deepEqual(loaded.root(), built.tree.root());
    }),
    { numRuns: 30 },
  );
});

test("inclusionProof, rootFromProof: every leaf proves itself and nothing else", async () => {
  const sizes = fc.integer({ min: 1, max: 700 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, seed, flip) => {
      const { tree, entries, readFile } = build([size]);
      const index = seed % size;
      const proof = await inclusionProof(index, size, subtreesOf(size, readFile));
      const leaf = leafHash(entries[index] ?? "");
      assert.deepEqual(rootFromProof(leaf, index, size, proof), tree.root());
      assert.notDeepEqual(rootFromProof(leafHash("other"), index, size, proof), tree.root());
      assert.equal(rootFromProof(leaf, size, size, proof), undefined);
      assert.notDeepEqual(rootFromProof(leaf, index, size, [...proof, leaf]), tree.root());
      if (proof.length === 0) return;
      const changed = proof.map((hash) => Buffer.from(hash));
      const victim = changed[flip % changed.length];
      if (victim !== undefined) victim[flip % 32] = (victim[flip % 32] ?? 0) ^ 1;
      assert.notDeepEqual(rootFromProof(leaf, index, size, changed), tree.root());
      assert.notDeepEqual(rootFromProof(leaf, index, size, proof.slice(1)), tree.root());
    }),
    { numRuns: 100 },
  );
});
