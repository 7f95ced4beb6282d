// Ed25519 keys as did:key, signing, and strict verification: the one verifier that every hop uses.
//
// Stricter than RFC 8032 section 5.1.7: also refuses keys and R that are of small order or not canonical, as
// Radicle's verify_strict does, so that no two verifiers here can disagree.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { decodeBase58, encodeBase58 } from "./base58.ts";
import { TriplaneError } from "./failures/index.ts";

/** `did:key:z6Mk…`: multibase base58btc over multicodec 0xed01 and the 32 bytes of an Ed25519 public key. */
export type Did = `did:key:z6Mk${string}`;

const MULTICODEC_ED25519 = [0xed, 0x01] as const;
// DER prefixes of RFC 8410 section 7 (PKCS #8 with a 32-byte seed) and section 4 (SubjectPublicKeyInfo).
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

const GROUP_ORDER = bigEndian(2n ** 252n + 27742317777372353535851937790883648493n);
const FIELD_PRIME = bigEndian(2n ** 255n - 19n);
// y-coordinates of the eight points of small order (RFC 8032 curve): 0, 1, -1 and the two of order 8.
const SMALL_ORDER_Y = [
  0n,
  1n,
  2n ** 255n - 20n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
].map(bigEndian);

/** Who signs, wherever the secret lies: in this process, or in an agent that never gives it away (ADR-028). */
export interface Signer {
  readonly did: Did;
  readonly publicKey: Uint8Array;
  /** An Ed25519 signature over exactly these bytes. Rejects with `agent_refused` or `agent_unavailable` where an agent signs and does not. */
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** A signer whose secret is in this process, so that it signs at once. It never leaves this object except through `seed`. */
export interface SigningKey extends Signer {
  /** The 32 secret bytes (RFC 8032). For writing key files only. */
  readonly seed: Uint8Array;
  sign(bytes: Uint8Array): Uint8Array;
}

export function generateSigningKey(): SigningKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  return signingKeyFromSeed(new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }).subarray(PKCS8_PREFIX.length)));
}

/** Throws `key_weak` if the seed is not 32 bytes. */
export function signingKeyFromSeed(seed: Uint8Array): SigningKey {
  if (seed.length !== 32) throw new TriplaneError("key_weak", `an Ed25519 seed has 32 bytes, this one ${seed.length}`);
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
  const spki = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const publicKey = new Uint8Array(spki.subarray(SPKI_PREFIX.length));
  return {
    did: didOfPublicKey(publicKey),
    publicKey,
    seed: Uint8Array.from(seed),
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
  };
}

export function didOfPublicKey(publicKey: Uint8Array): Did {
  return `did:key:z${encodeBase58(Uint8Array.from([...MULTICODEC_ED25519, ...publicKey]))}` as Did;
}

/** The 32 public bytes of a DID. Throws `kid_malformed`, or `key_weak` for a key of small order or not canonical. */
export function publicKeyOfDid(did: string): Uint8Array {
  if (!did.startsWith("did:key:z6Mk") || did.length > 64)
    throw new TriplaneError("kid_malformed", `${JSON.stringify(did.slice(0, 80))} is not a did:key of an Ed25519 key`);
  const bytes = decodeBase58(did.slice("did:key:z".length));
  if (bytes.length !== 34 || bytes[0] !== MULTICODEC_ED25519[0] || bytes[1] !== MULTICODEC_ED25519[1]) {
    throw new TriplaneError("kid_malformed", `${JSON.stringify(did)} does not hold an Ed25519 key`);
  }
  const publicKey = bytes.subarray(2);
  if (didOfPublicKey(publicKey) !== did) throw new TriplaneError("kid_malformed", `${JSON.stringify(did)} is not written canonically`);
  assertStrongPoint(publicKey, "key_weak", "the public key");
  return publicKey;
}

export function isDid(text: string): text is Did {
  try {
    assertDid(text);
    return true;
  } catch {
    return false;
  }
}

/** Throws what `publicKeyOfDid` throws; a DID that was checked before costs a look-up. */
export function assertDid(text: string): asserts text is Did {
  keyObjectOf(text);
}

const keyCache = new Map<string, KeyObject>();
const KEY_CACHE_SIZE = 1024;

function keyObjectOf(did: string): KeyObject {
  const cached = keyCache.get(did);
  if (cached !== undefined) return cached;
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKeyOfDid(did)]), format: "der", type: "spki" });
  if (keyCache.size >= KEY_CACHE_SIZE) keyCache.clear();
  keyCache.set(did, key);
  return key;
}

/**
 * Verifies strictly. Returns nothing; throws `kid_malformed`, `key_weak`, `signature_noncanonical` or `signature_invalid`.
 */
export function verifySignature(did: string, bytes: Uint8Array, signature: Uint8Array): void {
  const key = keyObjectOf(did);
  if (signature.length !== 64)
    throw new TriplaneError("signature_invalid", `an Ed25519 signature has 64 bytes, this one ${signature.length}`);
  if (compare(signature.subarray(32), GROUP_ORDER, ALL_BITS) >= 0)
    throw new TriplaneError("signature_noncanonical", "S is not below the group order");
  assertStrongPoint(signature.subarray(0, 32), "signature_noncanonical", "R");
  if (!verify(null, bytes, key, signature)) throw new TriplaneError("signature_invalid", `the signature is not ${did}'s over these bytes`);
}

function assertStrongPoint(point: Uint8Array, code: "key_weak" | "signature_noncanonical", name: string): void {
  if (compare(point, FIELD_PRIME, WITHOUT_SIGN) >= 0) throw new TriplaneError(code, `${name} is not encoded canonically`);
  if (SMALL_ORDER_Y.some((y) => compare(point, y, WITHOUT_SIGN) === 0)) throw new TriplaneError(code, `${name} is of small order`);
}

const ALL_BITS = 0xff;
// The top bit of a point is the sign of x (RFC 8032 section 5.1.2).
const WITHOUT_SIGN = 0x7f;

/** Compares 32 bytes, least significant first as Ed25519 has them, with a number in 32 bytes, most significant first. Both are public. */
function compare(littleEndian: Uint8Array, number: Uint8Array, topMask: number): number {
  for (let at = 0; at < 32; at += 1) {
    const byte = (littleEndian[31 - at] ?? 0) & (at === 0 ? topMask : ALL_BITS);
    const difference = byte - (number[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function bigEndian(number: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(number.toString(16).padStart(64, "0"), "hex"));
}
