// OpenSSH's private key files (openssh/PROTOCOL.key), for one Ed25519 key, plain or under a passphrase: bcrypt_pbkdf and AES-256-CTR,
// which ssh-keygen writes, and ssh-agent and Radicle read (ADR-028).
//
// 1. A file cannot ask for more work than a person waits for: size, rounds and salt are bounded before anything is derived.
// 2. The cipher has no authentication of its own. What proves the content is that the seed makes the public key in the clear part, so
//    a file that was changed anywhere that matters is refused.
// 3. No message repeats a part of the content.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { createRequire } from "node:module";
import { type Did, didOfPublicKey, type Random, type SigningKey, signingKeyFromSeed, TriplaneError } from "@triplane/contract";
import type bcrypt from "bcrypt-pbkdf";
import { SSH_ED25519, sshPublicKey, WireReader, wireString, wireUint32 } from "./ssh-wire.ts";

// Loaded with the first passphrase: most keys of most commands have none.
const require = createRequire(import.meta.url);

const BEGIN = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC = Buffer.from("openssh-key-v1\0", "latin1");
const CIPHER = "aes256-ctr";
const OPENSSL_CIPHER = "aes-256-ctr";
const KEY_BYTES = 32;
const IV_BYTES = 16;
const BLOCK_BYTES = { none: 8, [CIPHER]: 16 } as const;
const SALT_BYTES = 16;
/** What OpenSSH uses today: half a second here. */
const ROUNDS = 24;
/** Some seconds. */
const MAX_ROUNDS = 256;
const MAX_FILE_CHARS = 16 * 1024;
const LINE_CHARS = 70;

/** A key file that was read; its secret may still be locked. */
export interface OpensshKeyFile {
  readonly did: Did;
  readonly isLocked: boolean;
  /** Throws `passphrase_wrong`, and `config_invalid` for a file that is damaged. */
  unlock(passphrase: string): SigningKey;
}

export function isOpensshKey(text: string): boolean {
  return text.startsWith(BEGIN);
}

/** Reads the clear part. Throws `config_invalid` for another kind of key, cipher or form, naming the file as `name`. */
export function parseOpensshKey(text: string, name: string): OpensshKeyFile {
  const fail = (why: string, hint?: string): TriplaneError =>
    new TriplaneError("config_invalid", `${name} is no key file that can be used: ${why}`, hint === undefined ? {} : { hint });
  const fields = new WireReader(dearmour(text, fail), fail);
  if (!fields.take(MAGIC.length).equals(MAGIC)) throw fail("it does not have OpenSSH's form");
  const [cipher, kdf] = [fields.text(), fields.text()];
  const kdfOptions = fields.string();
  if (fields.uint32() !== 1) throw fail("it holds more than one key");
  const publicPart = new WireReader(fields.string(), fail);
  if (publicPart.text() !== SSH_ED25519) throw fail("its key is not Ed25519", "Make one: `triplane keys new`, or `ssh-keygen -t ed25519`.");
  const publicKey = publicPart.string();
  publicPart.end();
  if (publicKey.length !== 32) throw fail("its public key does not have 32 bytes");
  const secret = Buffer.from(fields.string());
  const did = didOfPublicKey(publicKey);
  const isOpen = cipher === "none" && kdf === "none" && kdfOptions.length === 0;
  if (!isOpen && (cipher !== CIPHER || kdf !== "bcrypt"))
    throw fail(
      `it is locked with ${JSON.stringify(cipher.slice(0, 40))}`,
      `ssh-keygen -p -Z ${CIPHER} -f ${name} locks it with ${CIPHER}.`,
    );
  fields.end();
  if (isOpen) return { did, isLocked: false, unlock: () => openSecret(secret, did, BLOCK_BYTES.none, name, fail) };
  const options = new WireReader(kdfOptions, fail);
  const [salt, rounds] = [options.string(), options.uint32()];
  options.end();
  if (salt.length < 8 || salt.length > 64) throw fail(`its salt has ${salt.length} bytes, 8 to 64 are sound`);
  if (rounds < 1 || rounds > MAX_ROUNDS) throw fail(`opening it would take ${rounds} rounds, allowed are 1 to ${MAX_ROUNDS}`);
  if (secret.length % BLOCK_BYTES[CIPHER] !== 0) throw fail("its secret part is cut off");
  return {
    did,
    isLocked: true,
    unlock: (passphrase) => {
      const { key, iv } = derive(passphrase, salt, rounds);
      const decipher = createDecipheriv(OPENSSL_CIPHER, key, iv);
      return openSecret(Buffer.concat([decipher.update(secret), decipher.final()]), did, BLOCK_BYTES[CIPHER], name, fail);
    },
  };
}

/** The text of a locked key file. `comment` is what agents show. */
export function sealOpensshKey(key: SigningKey, passphrase: string, comment: string, random: Random): string {
  const padded = secretPart(key, comment, Buffer.from(random.bytes(4)), BLOCK_BYTES[CIPHER]);
  const salt = random.bytes(SALT_BYTES);
  const derived = derive(passphrase, salt, ROUNDS);
  const cipher = createCipheriv(OPENSSL_CIPHER, derived.key, derived.iv);
  const bytes = Buffer.concat([
    ...[MAGIC, wireString(CIPHER), wireString("bcrypt"), wireString(Buffer.concat([wireString(salt), wireUint32(ROUNDS)]))],
    ...[wireUint32(1), wireString(sshPublicKey(key.publicKey)), wireString(Buffer.concat([cipher.update(padded), cipher.final()]))],
  ]);
  return armour(bytes);
}

/** The text of a key file without a passphrase, for programs that have nobody to ask (sshd's host key). The same key gives the same text. */
export function openOpensshKey(key: SigningKey, comment: string): string {
  const plain = secretPart(key, comment, Buffer.alloc(4), BLOCK_BYTES.none);
  return armour(
    Buffer.concat([
      ...[MAGIC, wireString("none"), wireString("none"), wireString("")],
      ...[wireUint32(1), wireString(sshPublicKey(key.publicKey)), wireString(plain)],
    ]),
  );
}

/** `ssh-ed25519 AAAA…`, as it stands in known_hosts and authorized_keys, without a comment. */
export function opensshPublicKey(publicKey: Uint8Array): string {
  return `${SSH_ED25519} ${sshPublicKey(publicKey).toString("base64")}`;
}

/** `check` twice, so that a reader sees whether it was opened rightly; padded to whole blocks. */
function secretPart(key: SigningKey, comment: string, check: Buffer, blockBytes: number): Buffer {
  const open = Buffer.concat([
    ...[check, check, wireString(SSH_ED25519), wireString(key.publicKey)],
    ...[wireString(Buffer.concat([key.seed, key.publicKey])), wireString(comment)],
  ]);
  const missing = (blockBytes - (open.length % blockBytes)) % blockBytes;
  return Buffer.concat([open, Buffer.from(Array.from({ length: missing }, (_, at) => at + 1))]);
}

function armour(bytes: Buffer): string {
  return `${[BEGIN, ...(bytes.toString("base64").match(new RegExp(`.{1,${LINE_CHARS}}`, "g")) ?? []), END].join("\n")}\n`;
}

function derive(passphrase: string, salt: Uint8Array, rounds: number): { readonly key: Uint8Array; readonly iv: Uint8Array } {
  const secret = Buffer.from(passphrase, "utf8");
  const derived = new Uint8Array(KEY_BYTES + IV_BYTES);
  const { pbkdf }: typeof bcrypt = require("bcrypt-pbkdf");
  if (pbkdf(secret, secret.length, salt, salt.length, derived, derived.length, rounds) !== 0)
    throw new TriplaneError("passphrase_wrong", "an empty passphrase locks nothing");
  return { key: derived.subarray(0, KEY_BYTES), iv: derived.subarray(KEY_BYTES) };
}

function openSecret(open: Buffer, did: Did, blockBytes: number, name: string, fail: (why: string) => TriplaneError): SigningKey {
  const fields = new WireReader(open, fail);
  if (!fields.take(4).equals(fields.take(4))) throw new TriplaneError("passphrase_wrong", `the passphrase does not open ${name}`);
  if (fields.text() !== SSH_ED25519) throw fail("its secret part is of another kind than its public one");
  const publicKey = fields.string();
  const pair = fields.string();
  fields.string();
  const padding = fields.rest();
  if (padding.length >= blockBytes || padding.some((byte, at) => byte !== at + 1)) throw fail("its padding is wrong");
  if (pair.length !== 64 || !pair.subarray(32).equals(publicKey)) throw fail("its secret part does not hold one pair");
  const key = signingKeyFromSeed(new Uint8Array(pair.subarray(0, 32)));
  if (key.did !== did || didOfPublicKey(publicKey) !== did) throw fail("its secret key does not belong to its public one");
  return key;
}

function dearmour(text: string, fail: (why: string) => TriplaneError): Buffer {
  if (text.length > MAX_FILE_CHARS) throw fail(`it has ${text.length} characters, a key has at most ${MAX_FILE_CHARS}`);
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  if (lines[0] !== BEGIN || lines.at(-1) !== END) throw fail("its armour is incomplete");
  const body = lines.slice(1, -1).join("");
  const bytes = Buffer.from(body, "base64");
  if (bytes.toString("base64") !== body) throw fail("its armour is not base64");
  return bytes;
}
