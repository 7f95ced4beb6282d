// Tests of key files.
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { generateSigningKey, TriplaneError, verifySignature } from "@triplane/contract";
import { readKeyFile, writeKeyFile } from "./key-file.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "triplane-keys-"));
});
after(() => rm(folder, { recursive: true, force: true }));

test("readKeyFile: gives back the key that writeKeyFile wrote, from a private file", async () => {
  const path = join(folder, "ana.json");
  const key = generateSigningKey();
  await writeKeyFile(path, key);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const read = await readKeyFile(path);
  const message = new TextEncoder().encode("hello");
  verifySignature(key.did, message, read.sign(message));
});

test("readKeyFile: refuses a key that others may read", async () => {
  const path = join(folder, "open.json");
  await writeKeyFile(path, generateSigningKey());
  await chmod(path, 0o604);
  await assert.rejects(readKeyFile(path), { code: "config_invalid" });
});

test("readKeyFile: refuses what is no key file, and never repeats the content", async () => {
  const seed = Buffer.from(generateSigningKey().seed).toString("base64url");
  const contents = [seed, `{"seed":"${seed}"}`, `{"did":"x","seed":"${seed}","extra":1}`, `{"did":"x","seed":"not base64!${seed}"}`];
  for (const [index, content] of contents.entries()) {
    const path = join(folder, `bad-${index}.json`);
    await writeFile(path, content, { mode: 0o600 });
    await assert.rejects(readKeyFile(path), (error: unknown) => {
      assert.ok(error instanceof TriplaneError);
      assert.equal(error.code, "config_invalid");
      assert.ok(!`${error.message}${JSON.stringify(error.details)}${String(error.cause)}`.includes(seed));
      return true;
    });
  }
});

test("readKeyFile: refuses a DID that is not its seed's, so that a swapped name is noticed", async () => {
  const path = join(folder, "swapped.json");
  const content = { did: generateSigningKey().did, seed: Buffer.from(generateSigningKey().seed).toString("base64url") };
  await writeFile(path, JSON.stringify(content), { mode: 0o600 });
  await assert.rejects(readKeyFile(path), { code: "config_invalid" });
});
