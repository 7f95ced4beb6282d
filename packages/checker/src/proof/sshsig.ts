// SSH signatures (OpenSSH PROTOCOL.sshsig) over git commits and over Radicle's objects, opened here.
import { createHash } from "node:crypto";
import { didOf, isSignedBy } from "./ed25519.ts";

const MAGIC = Buffer.from("SSHSIG", "latin1");

/** The signer of a message. Throws where the signature is malformed, of another namespace, or wrong. */
export function sshSigner(message: Uint8Array, namespace: "git" | "radicle", armoured: string): string {
  const base64 = armoured.replaceAll(/-----(?:BEGIN|END) SSH SIGNATURE-----|\s/g, "");
  const blob = Buffer.from(base64, "base64");
  if (!blob.subarray(0, 6).equals(MAGIC) || blob.readUInt32BE(6) !== 1) throw new Error("it is no SSH signature");
  const [publicKey, signedNamespace, reserved, hash, signature] = strings(blob.subarray(10), 5);
  const [keyType, key] = strings(publicKey, 2);
  const [signatureType, signatureBytes] = strings(signature, 2);
  if (keyType.toString() !== "ssh-ed25519" || signatureType.toString() !== "ssh-ed25519") throw new Error("it is no Ed25519 signature");
  if (signedNamespace.toString() !== namespace || reserved.length > 0) throw new Error(`it is not for the namespace ${namespace}`);
  const algorithm = hash.toString();
  if (algorithm !== "sha256" && algorithm !== "sha512") throw new Error("its hash is neither sha256 nor sha512");
  const signed =
    namespace === "radicle"
      ? message
      : Buffer.concat([MAGIC, field(signedNamespace), field(reserved), field(hash), field(createHash(algorithm).update(message).digest())]);
  const did = didOf(key);
  if (!isSignedBy(did, signed, signatureBytes)) throw new Error(`it is not ${did}'s`);
  return did;
}

type Five = readonly [Buffer, Buffer, Buffer, Buffer, Buffer];
type Two = readonly [Buffer, Buffer];

function strings(bytes: Buffer, count: 5): Five;
function strings(bytes: Buffer, count: 2): Two;
function strings(bytes: Buffer, count: number): readonly Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  for (let number = 0; number < count; number += 1) {
    const length = bytes.readUInt32BE(at);
    if (at + 4 + length > bytes.length) throw new Error("it is cut off");
    found.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  if (at !== bytes.length) throw new Error("it has bytes after its end");
  return found;
}

function field(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
