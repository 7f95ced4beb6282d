// Tests of durable and secret files.
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { atomicWriteFile, ensurePrivateFolder, readFileIfThere, readSecretFile } from "./files.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "triplane-files-"));
});
after(() => rm(folder, { recursive: true, force: true }));

test("atomicWriteFile: replaces the content, private by default, and leaves no temporary file", async () => {
  const path = join(folder, "state.json");
  await atomicWriteFile(path, "one");
  await atomicWriteFile(path, new TextEncoder().encode("two"));
  assert.equal(await readFile(path, "utf8"), "two");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder), ["state.json"]);
});

test("atomicWriteFile: the mode that was asked for is the mode that it gets", async () => {
  const path = join(folder, "public.txt");
  await atomicWriteFile(path, "x", { mode: 0o644 });
  assert.equal((await stat(path)).mode & 0o777, 0o644);
});

test("atomicWriteFile: a failure leaves the old content and no temporary file", async () => {
  const inside = join(folder, "blocked");
  await mkdir(join(inside, "target"), { recursive: true });
  await assert.rejects(atomicWriteFile(join(inside, "target"), "a file cannot replace a folder"));
  assert.deepEqual(await readdir(inside), ["target"]);
});

test("ensurePrivateFolder: makes the folder, and tightens one that was open", async () => {
  const path = join(folder, "keys");
  await mkdir(path, { mode: 0o755 });
  await ensurePrivateFolder(path);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
});

test("readSecretFile: refuses a file that others may read, naming the remedy", async () => {
  const path = join(folder, "token");
  await writeFile(path, "secret", { mode: 0o600 });
  assert.equal(await readSecretFile(path), "secret");
  await chmod(path, 0o640);
  await assert.rejects(readSecretFile(path), { code: "config_invalid", hint: `chmod 600 ${path}` });
});

test("readSecretFile: says when the file is not there", async () => {
  await assert.rejects(readSecretFile(join(folder, "nothing")), { code: "config_invalid" });
});

test("readFileIfThere: undefined for a missing file, an error for anything else", async () => {
  assert.equal(await readFileIfThere(join(folder, "nothing")), undefined);
  await assert.rejects(readFileIfThere(folder), { code: "EISDIR" });
});
