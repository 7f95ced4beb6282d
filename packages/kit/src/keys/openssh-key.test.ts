// Locked key files: round trips with ssh-keygen, and what a hostile or damaged file cannot do.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { generateSigningKey, verifySignature } from "@triplane/contract";
import { readKeyFile, readStoredKey, unlockingSigner, writeKeyFile, writeLockedKeyFile } from "./key-file.ts";

const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
const passphrase = "four words nobody said";
const hasKeygen = spawnSync("ssh-keygen", ["-?"]).error === undefined;
const withKeygen = hasKeygen ? {} : { skip: "ssh-keygen is not installed: interoperability with OpenSSH was NOT tested" };

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "triplane-locked-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function lockedFile(name: string) {
  const path = join(folder, name);
  const key = generateSigningKey();
  await writeLockedKeyFile(path, key, { passphrase, comment: "ana", random });
  return { path, key, text: await readFile(path, "utf8") };
}

test("locked key file: its DID is read without the passphrase, its secret only with it, and signing asks once", async () => {
  const { path, key, text } = await lockedFile("locked");
  assert.ok(!text.includes(Buffer.from(key.seed).toString("base64").slice(0, 20)));
  await assert.rejects(readKeyFile(path), { code: "key_locked" });
  const stored = await readStoredKey(path);
  assert.deepEqual([stored.did, stored.isLocked], [key.did, true]);
  assert.throws(() => stored.unlock("four words nobody sais"), { code: "passphrase_wrong" });
  assert.throws(() => stored.unlock(""), { code: "passphrase_wrong" });
  let asked = 0;
  const signer = unlockingSigner(stored, async () => {
    asked += 1;
    return passphrase;
  });
  const message = Buffer.from("an op");
  for (let round = 0; round < 2; round += 1) verifySignature(key.did, message, await signer.sign(message));
  assert.equal(asked, 1);
  await writeKeyFile(path, await signer.unlock());
  assert.equal((await readKeyFile(path)).did, key.did);
});

test("locked key file: ssh-keygen opens ours, and we open what ssh-keygen locked", withKeygen, async () => {
  const { path, key } = await lockedFile("for-ssh");
  const [, base64 = ""] = execFileSync("ssh-keygen", ["-y", "-P", passphrase, "-f", path], { encoding: "utf8" }).split(" ");
  assert.deepEqual(Buffer.from(base64, "base64").subarray(-32), Buffer.from(key.publicKey));
  const theirs = join(folder, "theirs");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "ben", "-f", theirs]);
  const opened = (await readStoredKey(theirs)).unlock(passphrase);
  const [, published = ""] = (await readFile(`${theirs}.pub`, "utf8")).split(" ");
  assert.deepEqual(Buffer.from(published, "base64").subarray(-32), Buffer.from(opened.publicKey));
  const open = join(folder, "open");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", open]);
  assert.ok((await readKeyFile(open)).did.startsWith("did:key:z6Mk"));
  const other = join(folder, "rsa");
  execFileSync("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", other]);
  await assert.rejects(readStoredKey(other), { code: "config_invalid", message: /not Ed25519/ });
  const gcm = join(folder, "gcm");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-Z", "aes256-gcm@openssh.com", "-f", gcm]);
  await assert.rejects(readStoredKey(gcm), { code: "config_invalid", hint: /-Z aes256-ctr/ });
});

test("locked key file: one that others may read is refused", async () => {
  const { path } = await lockedFile("loose");
  await chmod(path, 0o640);
  await assert.rejects(readStoredKey(path), { code: "config_invalid", hint: /chmod 600/ });
});

test("locked key file: a passphrase that locks nothing is refused before anything is written", async () => {
  await assert.rejects(writeLockedKeyFile(join(folder, "short"), generateSigningKey(), { passphrase: "1234567", comment: "", random }), {
    code: "usage",
  });
});

test("locked key file: whatever was changed in it, it is refused and not taken for another key", async () => {
  const { path, text } = await lockedFile("changed");
  const lines = text.trim().split("\n");
  const bytes = Buffer.from(lines.slice(1, -1).join(""), "base64");
  const armour = (content: Buffer) => `${lines[0]}\n${content.toString("base64")}\n${lines.at(-1)}\n`;
  const take = async (content: Buffer, mode = 0o600) => {
    await writeFile(path, armour(content), { mode });
    return (await readStoredKey(path)).unlock(passphrase);
  };
  // The name of the key (its comment) is nobody's secret; every other byte is covered.
  const secret = bytes.length - 144;
  for (const at of [3, 20, 33, 60, 110, 130, secret + 2, secret + 12, secret + 40, secret + 70, secret + 110]) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    await assert.rejects(take(changed), (thrown: { code?: string }) => ["config_invalid", "passphrase_wrong"].includes(thrown.code ?? ""));
  }
  for (const cut of [20, 60, bytes.length - 20]) await assert.rejects(take(bytes.subarray(0, cut)), { code: "config_invalid" });
  await assert.rejects(take(Buffer.concat([bytes, Buffer.of(0)])), { code: "config_invalid" });
});

test("locked key file: a file cannot ask for more work than a person waits for", async () => {
  const { path, text } = await lockedFile("greedy");
  const lines = text.trim().split("\n");
  const bytes = Buffer.from(lines.slice(1, -1).join(""), "base64");
  const rounds = bytes.indexOf(Buffer.from([0, 0, 0, 24]), 40);
  for (const [asked, message] of [
    [0xffff_ffff, /4294967295 rounds/],
    [257, /257 rounds/],
    [0, /0 rounds/],
  ] as const) {
    bytes.writeUInt32BE(asked, rounds);
    await writeFile(path, `${lines[0]}\n${bytes.toString("base64")}\n${lines.at(-1)}\n`);
    await assert.rejects(readStoredKey(path), { code: "config_invalid", message });
  }
  await writeFile(path, `${lines[0]}\n${"A".repeat(20_000)}\n${lines.at(-1)}\n`);
  await assert.rejects(readStoredKey(path), { code: "config_invalid", message: /at most 16384/ });
});
