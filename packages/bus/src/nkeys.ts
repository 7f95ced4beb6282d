// NATS identities: nkeys (Ed25519 with NATS' own text form). They authenticate connections only; ops are never signed with them.
//
// The text form is base32 (RFC 4648, no padding) of a prefix, 32 bytes and the CRC-16/XMODEM of both, low byte first. Its own library
// has Ed25519 in JavaScript, which costs each process that connects 40 ms; it is the oracle of the tests.
import type { Authenticator } from "@nats-io/transport-node";
import { generateSigningKey, type SigningKey, signingKeyFromSeed, TriplaneError } from "@triplane/contract";

export interface NatsKey {
  /** `U…`: goes into the server's configuration. */
  readonly publicKey: string;
  /** `SU…`: the secret; goes into a file with mode 0600. */
  readonly seed: string;
}

const PUBLIC_USER_KEY = /^U[A-Z2-7]{55}$/;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const USER = [20 << 3] as const;
// The kind of the key follows the five bits of "seed".
const SEED_OF_USER = [(18 << 3) | (USER[0] >> 5), (USER[0] & 31) << 3] as const;
const CRC_BYTES = 2;

export function createNatsKey(): NatsKey {
  const key = generateSigningKey();
  return { publicKey: publicText(key), seed: textOf(SEED_OF_USER, key.seed) };
}

/** Throws `bus_denied` for text that is no user seed; the seed itself is never in the message. */
export function natsKeyFromSeed(seed: string): NatsKey {
  return { publicKey: publicText(keyOf(seed)), seed: seed.trim() };
}

/** Answers the server's challenge. Throws what `natsKeyFromSeed` throws. */
export function natsAuthenticator(seed: string): Authenticator {
  const key = keyOf(seed);
  const nkey = publicText(key);
  return (nonce = "") => ({ nkey, sig: nonce === "" ? "" : Buffer.from(key.sign(Buffer.from(nonce))).toString("base64") });
}

/** Throws `bus_denied` for text that is no public user nkey. */
export function assertUserKey(publicKey: string): string {
  if (!PUBLIC_USER_KEY.test(publicKey)) throw new TriplaneError("bus_denied", "a public user nkey (U…) was expected");
  return publicKey;
}

function keyOf(seed: string): SigningKey {
  const bytes = decodeBase32(seed.trim());
  const raw = bytes?.subarray(SEED_OF_USER.length, -CRC_BYTES);
  // The text is never quoted: it may be the secret with one letter wrong.
  if (raw?.length !== 32 || textOf(SEED_OF_USER, raw) !== seed.trim())
    throw new TriplaneError("bus_denied", "the NATS credential is not the seed of a user nkey (SU…)");
  return signingKeyFromSeed(raw);
}

function publicText({ publicKey }: SigningKey): string {
  return textOf(USER, publicKey);
}

function textOf(prefix: readonly number[], key: Uint8Array): string {
  const bytes = [...prefix, ...key];
  const crc = crc16(bytes);
  return encodeBase32([...bytes, crc & 0xff, crc >> 8]);
}

function crc16(bytes: readonly number[]): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc;
}

function encodeBase32(bytes: readonly number[]): string {
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,5}/g) ?? []).map((five) => ALPHABET[Number.parseInt(five.padEnd(5, "0"), 2)]).join("");
}

function decodeBase32(text: string): Uint8Array | undefined {
  if (!/^[A-Z2-7]+$/.test(text)) return undefined;
  const bits = [...text].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Uint8Array.from((bits.match(/.{8}/g) ?? []).map((eight) => Number.parseInt(eight, 2)));
}
