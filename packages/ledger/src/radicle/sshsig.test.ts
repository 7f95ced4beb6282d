import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { failsWith, temporaryFolder } from "../testing.ts";
import { signSshsig, verifySshsig } from "./sshsig.ts";

const message = Buffer.from("a message\n");

test("signSshsig: ssh-keygen verifies the git namespace, and we verify ssh-keygen's", async (t) => {
  const folder = await temporaryFolder();
  const keyFile = join(folder, "id");
  try {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", keyFile], { stdio: "pipe" });
  } catch {
    return t.diagnostic("ssh-keygen is not here: only our own side is tested");
  }
  const signature = execFileSync("ssh-keygen", ["-Y", "sign", "-n", "git", "-f", keyFile], {
    input: message,
    encoding: "utf8",
    stdio: "pipe",
  });
  const did = verifySshsig(message, "git", signature);
  assert.match(did, /^did:key:z6Mk/);
  assert.throws(() => verifySshsig(Buffer.from("another"), "git", signature), failsWith("signature_invalid"));
  const key = generateSigningKey();
  const wire = Buffer.concat([Buffer.from("0000000b", "hex"), Buffer.from("ssh-ed25519"), Buffer.from("00000020", "hex"), key.publicKey]);
  writeFileSync(join(folder, "signers"), `x ssh-ed25519 ${wire.toString("base64")}\n`);
  writeFileSync(join(folder, "signature"), `${await signSshsig(message, "git", key)}\n`);
  const verify = ["-Y", "verify", "-n", "git", "-f", join(folder, "signers"), "-I", "x", "-s", join(folder, "signature")];
  execFileSync("ssh-keygen", verify, { input: message, stdio: "pipe" });
});

test("verifySshsig: another message, namespace, form or key type is refused", async () => {
  const key = generateSigningKey();
  const good = await signSshsig(message, "git", key);
  assert.equal(verifySshsig(message, "git", good), key.did);
  assert.equal(verifySshsig(message, "radicle", await signSshsig(message, "radicle", key)), key.did);
  const blob = Buffer.from(good.split("\n").slice(1, -1).join(""), "base64");
  const armour = (bytes: Buffer) => ["-----BEGIN SSH SIGNATURE-----", bytes.toString("base64"), "-----END SSH SIGNATURE-----"].join("\n");
  const flipped = Buffer.from(blob);
  flipped[blob.length - 40] = (flipped[blob.length - 40] ?? 0) ^ 1;
  const wrong = [
    "",
    good.replace("BEGIN", "BEGUN"),
    good.replace(/\n/, "\n "),
    armour(flipped),
    armour(blob.subarray(0, -1)),
    armour(Buffer.concat([blob, Buffer.of(0)])),
    armour(Buffer.from(blob.toString("latin1").replace("ssh-ed25519", "ssh-ed25518"), "latin1")),
    armour(Buffer.from(blob.toString("latin1").replace("sha512", "sha384"), "latin1")),
    armour(Buffer.from(blob.toString("latin1").replace("SSHSIG", "SSHSOG"), "latin1")),
    await signSshsig(message, "radicle", key),
  ];
  for (const signature of wrong) assert.throws(() => verifySshsig(message, "git", signature), failsWith("signature_invalid"), signature);
  assert.throws(() => verifySshsig(Buffer.from("x"), "git", good), failsWith("signature_invalid"));
});
