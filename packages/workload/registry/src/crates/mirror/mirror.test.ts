import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@triplane/testkit";
import { readDownloaded } from "./cargo-home.ts";
import { type LockedCrate, readCargoLock } from "./cargo-lock.ts";

const CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index";
const SUM = "a".repeat(64);

test("readCargoLock: packages of registries with a checksum, and nothing that could leave its folder", () => {
  const block = (name: string, more = `source = "${CRATES_IO}"\nchecksum = "${SUM}"\n`): string =>
    `\n[[package]]\nname = "${name}"\nversion = "1.0.0+b.1"\n${more}dependencies = [\n "other",\n]\n`;
  const blocks = [block("serde"), block("of-the-workspace", ""), block("../../etc"), block("no-sum", `source = "git+https://x"\n`)];
  const text = `# made by cargo\nversion = 4\n${blocks.join("")}`;
  assert.deepEqual(readCargoLock(text), [{ name: "serde", version: "1.0.0+b.1", source: CRATES_IO, checksum: SUM }]);
  assert.deepEqual(readCargoLock(text.replaceAll("\n", "\r\n")), readCargoLock(text));
  assert.deepEqual(readCargoLock(""), []);
});

test("readDownloaded: the bytes of the lock file's checksum with their line, or why not", async () => {
  await using home = await tempDir("cargo");
  const place = "index.example-0123";
  const crate = Buffer.from("the crate");
  const checksum = createHash("sha256").update(crate).digest("hex");
  const locked: LockedCrate = { name: "serde", version: "1.0.0", source: CRATES_IO, checksum };
  const read = () => readDownloaded(home.path, locked);
  assert.match(String(await read()), /serde-1\.0\.0\.crate is not in /);
  const cache = join(home.path, "registry", "cache", place);
  await mkdir(cache, { recursive: true });
  await writeFile(join(cache, "serde-1.0.0.crate"), "another crate");
  assert.match(String(await read()), /its SHA-256 is another one/);
  await writeFile(join(cache, "serde-1.0.0.crate"), crate);
  assert.match(String(await read()), /not in cargo's copy of the index/);
  const index = join(home.path, "registry", "index", place, ".cache", "se", "rd");
  await mkdir(index, { recursive: true });
  const line = `{"name":"serde","vers":"1.0.0","cksum":"${checksum}"}`;
  const file = (version: number): Buffer =>
    Buffer.concat([Buffer.from([version, 2, 0, 0, 0]), Buffer.from(`etag\x000.9.0\x00{"cksum":"${SUM}"}\x001.0.0\x00${line}\x00`)]);
  await writeFile(join(index, "serde"), file(3));
  assert.deepEqual(await read(), { crate, line });
  // Another form of cargo's cache is not guessed at.
  await writeFile(join(index, "serde"), file(4));
  assert.match(String(await read()), /not in cargo's copy of the index/);
});
