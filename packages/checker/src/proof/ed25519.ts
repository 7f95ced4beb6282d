// Ed25519 by node:crypto, with keys as did:key. Shares nothing with the verifier of the contract but the encoding of names.
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { decodeBase58, encodeBase58 } from "@triplane/contract";

// RFC 8410 section 4.
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const MULTICODEC = Buffer.of(0xed, 0x01);

const keys = new Map<string, KeyObject>();

export function publicKeyOf(did: string): Buffer {
  if (!did.startsWith("did:key:z")) throw new Error(`${JSON.stringify(did.slice(0, 80))} is no did:key`);
  const bytes = Buffer.from(decodeBase58(did.slice("did:key:z".length)));
  if (bytes.length !== 34 || !bytes.subarray(0, 2).equals(MULTICODEC)) throw new Error(`${did} holds no Ed25519 key`);
  return bytes.subarray(2);
}

export function didOf(publicKey: Uint8Array): string {
  return `did:key:z${encodeBase58(Buffer.concat([MULTICODEC, publicKey]))}`;
}

export function isSignedBy(did: string, bytes: Uint8Array, signature: Uint8Array): boolean {
  let key = keys.get(did);
  if (key === undefined) {
    key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKeyOf(did)]), format: "der", type: "spki" });
    keys.set(did, key);
  }
  return signature.length === 64 && verify(null, bytes, key, signature);
}
