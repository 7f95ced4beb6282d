import assert from "node:assert/strict";
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "@triplane/contract";
import { rotateIfLarge, tailOf } from "./log-file.ts";

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "triplane-log-"));
  try {
    await work(join(folder, "a.log"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("rotateIfLarge: keeps so many old files, and the file that the process holds open stays the same", () =>
  inFolder(async (path) => {
    await writeFile(path, "");
    const { ino } = await stat(path);
    for (const letter of ["a", "b", "c", "d"]) {
      await appendFile(path, letter.repeat(20));
      assert.ok(await rotateIfLarge(path, { max_bytes: 10, keep: 2 }));
    }
    assert.deepEqual((await readdir(join(path, ".."))).sort(), ["a.log", "a.log.1", "a.log.2"]);
    assert.equal(await readFile(`${path}.1`, "utf8"), "d".repeat(20));
    assert.equal(await readFile(`${path}.2`, "utf8"), "c".repeat(20));
    assert.deepEqual([(await stat(path)).size, (await stat(path)).ino], [0, ino]);
    assert.ok(!(await rotateIfLarge(path, { max_bytes: 10, keep: 2 })));
  }));

test("rotateIfLarge: nothing is kept where nothing shall be, and no file is no trouble", () =>
  inFolder(async (path) => {
    assert.ok(!(await rotateIfLarge(path, { max_bytes: 1, keep: 0 })));
    await writeFile(path, "xx");
    assert.ok(await rotateIfLarge(path, { max_bytes: 1, keep: 0 }));
    assert.deepEqual(await readdir(join(path, "..")), ["a.log"]);
  }));

test("tailOf: the last lines, cut; nothing of a file that is not there", () =>
  inFolder(async (path) => {
    assert.deepEqual(await tailOf(path, 3), { lines: [], digest: digestOf("") });
    await writeFile(path, `one\ntwo\n\n${"x".repeat(1000)}\n`);
    const { lines } = await tailOf(path, 2);
    assert.deepEqual(lines, ["two", "x".repeat(400)]);
    await writeFile(path, "y\n".repeat(50_000));
    assert.equal((await tailOf(path, 3)).lines.length, 3);
  }));
