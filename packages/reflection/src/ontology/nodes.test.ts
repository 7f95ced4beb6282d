import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { TriplaneError } from "@triplane/contract";
import { exportWithNickel, readNickelFile } from "@triplane/nickel";
import { toolOrSkip } from "@triplane/testkit";
import { readAdrs } from "./adrs.ts";
import { ONTOLOGY_FILE, type OntologyFile, ownerOf, parseOntology, readOntology } from "./nodes.ts";

const ROOT = dirname(dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url))))));

function parse(...nodes: readonly string[]): OntologyFile {
  return parseOntology(new Map([[ONTOLOGY_FILE, `{ nodes = [\n${nodes.map((node) => `{ ${node} },\n`).join("")}] }`]]));
}

function node(id: string, path: string, more = ""): string {
  return `id = "${id}", description = "d", artifact_paths = ["${path}"], ${more}`;
}

function problemsOf(...nodes: readonly string[]): string[] {
  try {
    parse(...nodes);
  } catch (thrown) {
    assert.ok(thrown instanceof TriplaneError);
    assert.equal(thrown.code, "ontology_invalid");
    return thrown.message.replaceAll(`${ONTOLOGY_FILE}:`, "").split("\n");
  }
  return [];
}

test("readOntology: has the three nodes that the reference mode asks for, and what they rest on", () => {
  const { ontology } = readOntology(ROOT);
  const ids = ontology.nodes.map(({ id }) => id);
  for (const id of ["ops-contract-dual-mode", "decentralized-governance-radicle", "ephemeral-build-infrastructure"])
    assert.ok(ids.includes(id), id);
});

test("readOntology: ontology_missing where there is none", (t) => {
  const empty = mkdtempSync(join(tmpdir(), "ontology-"));
  t.after(() => rmSync(empty, { recursive: true }));
  assert.throws(
    () => readOntology(empty),
    (thrown) => thrown instanceof TriplaneError && thrown.code === "ontology_missing",
  );
});

test("readOntology, readAdrs: the nickel program exports the same from every file", async (t) => {
  const program = await toolOrSkip(t, "nickel");
  if (program === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), "ontology-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const paths = [ONTOLOGY_FILE, ...readAdrs(ROOT).map(({ path }) => path)];
  const all = paths.map((path) => `${JSON.stringify(path)} = import ${JSON.stringify(join(ROOT, path))},`);
  writeFileSync(join(folder, "all.ncl"), `{ ${all.join("\n")} }`);
  const exported = await exportWithNickel(join(folder, "all.ncl"), { program });
  assert.deepEqual(exported, Object.fromEntries(paths.map((path) => [path, readNickelFile(ROOT, path).json])));
});

test("ownerOf: the longest path that leads to a file, and whole names only", () => {
  const { ontology } = parse(node("a", "packages"), node("b", "packages/x"), node("c", "packages/x/src/one.ts"));
  const owners = ["packages/x/src/one.ts", "packages/x/src/two.ts", "packages/xy/one.ts", "README.md"].map(
    (file) => ownerOf(ontology, file)?.id,
  );
  assert.deepEqual(owners, ["c", "b", "a", undefined]);
});

test("parseOntology: two nodes of one id, a path that two list, what does not exist, what is there twice", () => {
  assert.deepEqual(
    problemsOf(
      node("a", "x", 'rests_on = ["b", "b"]'),
      node("b", "x", 'rests_on = ["nobody"]'),
      node("b", "y", 'invariants = ["applied-once", "applied-once"]'),
    ),
    [
      "2:73: nodes.0.rests_on.1: b is there twice",
      "3:50: nodes.1.artifact_paths.0: x is listed by a already",
      "3:68: nodes.1.rests_on.0: there is no node nobody",
      "4:8: nodes.2.id: there are two nodes b",
      "4:86: nodes.2.invariants.1: applied-once is there twice",
    ],
  );
});

test("parseOntology: nodes that rest on each other are named in their order", () => {
  assert.deepEqual(problemsOf(node("a", "x", 'rests_on = ["b"]'), node("b", "y", 'rests_on = ["c"]'), node("c", "z", 'rests_on = ["b"]')), [
    "3:67: nodes.1.rests_on: nodes rest on each other: b → c → b",
  ]);
});

test("parseOntology: paths that leave the repository, unknown invariants and enum tags are refused at their place", () => {
  const outside = ["/etc", "../x", "a/../b", "a//b", "a/", "./a", "a\\\\b"].map((path, index) => node(`n${index}`, path));
  assert.equal(problemsOf(...outside).length, outside.length);
  assert.deepEqual(problemsOf(node("a", "x", 'adrs = ["37"]').replace('"d"', "'Text")), [
    "2:27: nodes.0.description: 'Text is an enum tag, and none belongs here",
    "2:66: nodes.0.adrs.0: must be like adr-037",
  ]);
  assert.deepEqual(problemsOf(node("a", "x", 'invariants = ["all-is-well"]')), [
    "2:70: nodes.0.invariants.0: must be the id of an invariant",
  ]);
});
