import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { failsWith, git, governed, nth, temporaryFolder } from "../testing.ts";
import { openObjects } from "./object-reader.ts";
import { createObjectWriter } from "./object-writer.ts";
import { decodeCommit, decodeTree, encodeCommit, encodeTree, makeObject, type TreeEntry } from "./objects.ts";
import { gitEnvironment, runGit } from "./process.ts";
import { assertRefName, updateRefs } from "./refs.ts";
import { assertPath, editTree } from "./tree-edit.ts";

const id = "0123456789abcdef0123456789abcdef01234567";
const entry = (name: string, mode: TreeEntry["mode"] = "100644"): TreeEntry => ({ mode, name, id });

test("encodeTree: git's order, in which a folder counts as name and slash; git's own ids", async () => {
  const tree = encodeTree([entry("a", "40000"), entry("a.b"), entry("a0"), entry("a-b")]);
  assert.deepEqual(
    decodeTree(tree).map(({ name }) => name),
    ["a-b", "a.b", "a", "a0"],
  );
  const repo = await governed(1, 1);
  const objects = createObjectWriter(repo.repoDir);
  const blob = objects.blob("hello\n");
  const written = objects.tree([{ mode: "100644", name: "hello", id: blob }]);
  await objects.flush();
  assert.equal(git(repo.repoDir, ["hash-object", "--stdin"], "hello\n"), blob);
  assert.equal(git(repo.repoDir, ["mktree"], `100644 blob ${blob}\thello\n`), written);
});

test("decodeTree: names that leave the folder, disorder, doubles and cut-off bytes are refused", () => {
  const raw = (...entries: readonly TreeEntry[]) =>
    Buffer.concat(entries.map(({ mode, name }) => Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")])));
  const wrong = [
    raw(entry("..")),
    raw(entry(".git")),
    raw(entry(".GIT")),
    raw(entry("a/b")),
    raw(entry("")),
    raw(entry("b"), entry("a")),
    raw(entry("a"), entry("a")),
    raw(entry("a"), entry("a", "40000")),
    raw(entry("a", "100777" as "100644")),
    raw(entry("a")).subarray(0, -1),
    Buffer.from("100644 \xff\0".concat("x".repeat(20)), "latin1"),
  ];
  for (const body of wrong) assert.throws(() => decodeTree(body), failsWith("git_failed"));
});

test("decodeCommit: what encodeCommit writes; what is signed is the commit without its signature", () => {
  const fields = { tree: id, parents: [id], author: "a <b> 1 +0000", committer: "a <b> 1 +0000", message: "x\n\ngpgsig no\n" };
  const signed = encodeCommit({ ...fields, signature: "one\ntwo\nthree" });
  const decoded = decodeCommit(signed);
  assert.deepEqual({ ...decoded, signedBytes: undefined }, { ...fields, signature: "one\ntwo\nthree", signedBytes: undefined });
  assert.deepEqual(decoded.signedBytes, encodeCommit(fields));
  const text = signed.toString();
  const wrong = [
    "",
    text.replace("tree ", "trie "),
    text.replace(`tree ${id}\n`, `tree ${id}\ntree ${id}\n`),
    text.replace(id, "z".repeat(40)),
    text.replace("author", "auteur"),
    text.replace("gpgsig one", "gpgsig one\ngpgsig two"),
  ];
  for (const body of wrong) assert.throws(() => decodeCommit(Buffer.from(body)), failsWith("git_failed"), body);
});

test("openObjects: many questions at once, missing objects, wrong types, a child that died", async () => {
  const repo = await governed(1, 1);
  const objects = createObjectWriter(repo.repoDir);
  const blobs = Array.from({ length: 200 }, (_, at) => objects.blob(Buffer.alloc(at * 1000, at)));
  await objects.flush();
  const reader = openObjects(repo.repoDir);
  try {
    const read = await Promise.all(blobs.map((blob) => reader.blob(blob)));
    for (const [at, body] of read.entries()) assert.equal(body.length, at * 1000);
    assert.equal(await reader.has(id), false);
    await assert.rejects(reader.blob(id), failsWith("git_failed"));
    await assert.rejects(reader.blob("--batch-all-objects"), failsWith("git_failed"));
    await assert.rejects(reader.blob(repo.identityRoot), failsWith("git_failed"));
    reader.close();
    assert.equal((await reader.blob(nth(blobs, 3))).length, 3000);
  } finally {
    reader.close();
  }
});

test("createObjectWriter: git finds nothing wrong with the pack", async () => {
  const repo = await governed(1, 1);
  const objects = createObjectWriter(repo.repoDir);
  for (const size of [0, 1, 15, 16, 2047, 2048, 300_000]) objects.blob(Buffer.alloc(size, 7));
  await objects.flush();
  execFileSync("git", [`--git-dir=${repo.repoDir}`, "fsck", "--strict"], { stdio: "pipe" });
});

test("editTree: removes files and folders that become empty; refuses paths that are not plain", async () => {
  const repo = await governed(1, 1);
  const objects = createObjectWriter(repo.repoDir);
  const reader = openObjects(repo.repoDir);
  const blob = objects.blob("x");
  const first = await editTree(
    reader,
    objects,
    undefined,
    new Map([
      ["a/b/c", blob],
      ["d", blob],
    ]),
  );
  await objects.flush();
  const second = await editTree(reader, objects, first, new Map([["a/b/c", undefined]]));
  assert.equal(second, makeObject("tree", encodeTree([{ mode: "100644", name: "d", id: blob }])).id);
  reader.close();
  for (const path of ["", "/a", "a/", "a//b", "../a", "a/../b", ".git/config", "a b", "-x", "a\\b"]) {
    assert.throws(() => assertPath(path), failsWith("git_failed"), path);
  }
});

test("updateRefs: the old value is a condition; names are plain", async () => {
  const repo = await governed(1, 1);
  const value = repo.identityRoot;
  await updateRefs(repo.repoDir, [{ name: "refs/heads/x", value, old: undefined }]);
  await assert.rejects(updateRefs(repo.repoDir, [{ name: "refs/heads/x", value: id, old: undefined }]), failsWith("git_failed"));
  for (const name of ["heads/x", "refs/../x", "refs/x.lock", "refs/x\ndelete refs/y", "refs//x", "refs/.x", "refs/x/"]) {
    assert.throws(() => assertRefName(name), failsWith("git_failed"), name);
  }
  await assert.rejects(updateRefs(repo.repoDir, [{ name: "refs/heads/y", value: "HEAD", old: undefined }]), failsWith("git_failed"));
});

test("updateRefs: all old values are compared before any ref is set; git's locks and packed refs count; no lock is left", async () => {
  const { repoDir, identityRoot: value } = await governed(1, 1);
  const refs = (): string => git(repoDir, ["for-each-ref", "--format=%(refname)", "refs/heads"]);
  const [one, two] = ["refs/heads/one", "refs/heads/deep/two"];
  await assert.rejects(
    updateRefs(repoDir, [
      { name: one, value, old: undefined },
      { name: two, value, old: id },
    ]),
    failsWith("git_failed"),
  );
  assert.equal(refs(), "");
  await updateRefs(repoDir, [
    { name: one, value, old: undefined },
    { name: two, value, old: undefined },
  ]);
  assert.equal(refs(), `${two}\n${one}`);
  git(repoDir, ["pack-refs", "--all"]);
  assert.equal(existsSync(join(repoDir, one)), false);
  const blob = git(repoDir, ["hash-object", "-w", "--stdin"], "hello\n");
  await assert.rejects(updateRefs(repoDir, [{ name: one, value: blob, old: undefined }]), failsWith("git_failed"));
  await updateRefs(repoDir, [{ name: one, value: blob, old: value }]);
  assert.equal(git(repoDir, ["rev-parse", one]), blob);
  writeFileSync(join(repoDir, `${one}.lock`), "");
  await assert.rejects(updateRefs(repoDir, [{ name: one, value, old: blob }]), failsWith("git_failed"));
  assert.equal(existsSync(join(repoDir, `${one}.lock`)), true, "a lock of somebody else stays");
  git(repoDir, ["symbolic-ref", "refs/heads/alias", one]);
  await assert.rejects(updateRefs(repoDir, [{ name: "refs/heads/alias", value, old: blob }]), failsWith("git_failed"));
  assert.equal(git(repoDir, ["rev-parse", one]), blob);
  assert.deepEqual(
    readdirSync(repoDir, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".lock")),
    [`${one}.lock`],
  );
});

test("createObjectWriter: packs that git itself finds right, whatever their objects are", async () => {
  const { repoDir } = await governed(1, 1);
  const blobs = (count: number) => Array.from({ length: count }, (_, at) => Buffer.alloc(at * 37, `${at} `));
  for (const count of [1, 2, 300]) {
    const objects = createObjectWriter(repoDir);
    const ids = blobs(count).map((body) => objects.blob(body));
    await objects.flush();
    const reader = openObjects(repoDir);
    for (const [at, body] of blobs(count).entries()) assert.ok((await reader.blob(nth(ids, at))).equals(body));
    reader.close();
  }
  const packs = readdirSync(join(repoDir, "objects/pack")).filter((name) => name.endsWith(".idx"));
  assert.ok(packs.length >= 3);
  for (const name of packs) git(repoDir, ["verify-pack", join(repoDir, "objects/pack", name)]);
  git(repoDir, ["fsck", "--full", "--strict"]);
  assert.deepEqual(
    readdirSync(join(repoDir, "objects/pack")).filter((name) => name.startsWith("tmp")),
    [],
  );
});

test("createObjectWriter: a folder that takes no file is a failure with a code", async () => {
  const { repoDir } = await governed(1, 1);
  rmSync(join(repoDir, "objects/pack"), { recursive: true });
  writeFileSync(join(repoDir, "objects/pack"), "");
  const objects = createObjectWriter(repoDir);
  objects.blob("x");
  await assert.rejects(objects.flush(), failsWith("git_failed"));
});

test("runGit: says what git said; the caller's GIT_ variables and configuration have no say", async () => {
  const repo = await governed(1, 1);
  await assert.rejects(runGit(repo.repoDir, ["no-such-command"]), failsWith("git_failed"));
  await assert.rejects(runGit(repo.repoDir, ["for-each-ref"], { maxOutputBytes: 10 }), failsWith("git_failed"));
  const environment = gitEnvironment();
  assert.deepEqual([environment["GIT_NO_REPLACE_OBJECTS"], environment["GIT_CONFIG_GLOBAL"]], ["1", "/dev/null"]);
  assert.equal(
    Object.keys(environment).some((name) => name === "GIT_DIR" || name === "GIT_COMMITTER_DATE"),
    false,
  );
});

test("openObjects: a repository that calls itself partial cannot have git run a command to fetch a missing object", async () => {
  const repo = await governed(1, 1);
  const proof = join(await temporaryFolder(), "ran");
  const settings: readonly (readonly [string, string])[] = [
    ["core.repositoryFormatVersion", "1"],
    ["extensions.partialClone", "origin"],
    ["remote.origin.promisor", "true"],
    ["remote.origin.url", "ssh://localhost/x"],
    ["core.sshCommand", `touch ${proof};`],
  ];
  for (const [name, value] of settings) git(repo.repoDir, ["config", name, value]);
  const reader = openObjects(repo.repoDir);
  await assert.rejects(reader.blob(id), failsWith("git_failed"));
  reader.close();
  assert.equal(existsSync(proof), false);
});
