// SSH signatures with Ed25519: how git and Radicle sign commits.
//
// Both use the armour of OpenSSH's PROTOCOL.sshsig. In namespace `git` the signature covers the envelope that the protocol
// prescribes; in namespace `radicle` it covers the message itself (heartwood's ExtendedSignature), so ssh-keygen refuses it.
import { createHash } from "node:crypto";
import { type Did, didOfPublicKey, type Signer, TriplaneError, verifySignature } from "@triplane/contract";

const MAGIC = Buffer.from("SSHSIG", "latin1");
const BEGIN = "-----BEGIN SSH SIGNATURE-----";
const END = "-----END SSH SIGNATURE-----";
const KEY_TYPE = "ssh-ed25519";
const LINE_CHARS = 70;

/** `radicle` signs collaborative objects with sha256; `git` signs commits, with sha512 as ssh-keygen does. */
export type SshsigNamespace = "radicle" | "git";
const HASH_OF: Readonly<Record<SshsigNamespace, "sha256" | "sha512">> = { radicle: "sha256", git: "sha512" };

/** Signs a message; the armoured form without a final newline, as it stands in a gpgsig header. */
export async function signSshsig(message: Uint8Array, namespace: SshsigNamespace, key: Signer): Promise<string> {
  const hash = HASH_OF[namespace];
  const signature = await key.sign(toBeSigned(message, namespace, hash));
  const blob = Buffer.concat([
    MAGIC,
    uint32(1),
    string(Buffer.concat([string(KEY_TYPE), string(key.publicKey)])),
    string(namespace),
    string(""),
    string(hash),
    string(Buffer.concat([string(KEY_TYPE), string(signature)])),
  ]);
  return [BEGIN, ...wrap(blob.toString("base64")), END].join("\n");
}

/** Verifies and returns the signer. Throws `signature_invalid`, or what the strict Ed25519 verifier throws. */
export function verifySshsig(message: Uint8Array, namespace: SshsigNamespace, armoured: string): Did {
  const fields = new Fields(dearmour(armoured));
  if (!fields.take(MAGIC.length).equals(MAGIC) || fields.uint32() !== 1) throw invalid("it is not an SSH signature of version 1");
  const publicKey = ed25519Part(fields.string(), 32);
  const signedNamespace = fields.string().toString("latin1");
  const reserved = fields.string();
  const hash = fields.string().toString("latin1");
  const signature = ed25519Part(fields.string(), 64);
  fields.end();
  if (signedNamespace !== namespace) throw invalid(`its namespace is ${JSON.stringify(signedNamespace)}, ${namespace} is expected`);
  if (reserved.length > 0 || (hash !== "sha256" && hash !== "sha512")) throw invalid("its hash algorithm is not sha256 or sha512");
  const did = didOfPublicKey(publicKey);
  verifySignature(did, toBeSigned(message, namespace, hash), signature);
  return did;
}

function toBeSigned(message: Uint8Array, namespace: SshsigNamespace, hash: "sha256" | "sha512"): Buffer {
  if (namespace === "radicle") return Buffer.from(message);
  const digest = createHash(hash).update(message).digest();
  return Buffer.concat([MAGIC, string(namespace), string(""), string(hash), string(digest)]);
}

function dearmour(armoured: string): Buffer {
  const lines = armoured.replace(/\n$/, "").split("\n");
  if (lines[0] !== BEGIN || lines.at(-1) !== END) throw invalid("its armour is incomplete");
  const text = lines.slice(1, -1).join("");
  const blob = Buffer.from(text, "base64");
  if (text.length > 4096 || blob.toString("base64") !== text) throw invalid("its base64 is not canonical");
  return blob;
}

function ed25519Part(blob: Buffer, size: number): Buffer {
  const fields = new Fields(blob);
  if (fields.string().toString("latin1") !== KEY_TYPE) throw invalid("it is not an Ed25519 signature");
  const part = fields.string();
  fields.end();
  if (part.length !== size) throw invalid(`a part of it has ${part.length} bytes, not ${size}`);
  return part;
}

class Fields {
  readonly #blob: Buffer;
  #at = 0;

  constructor(blob: Buffer) {
    this.#blob = blob;
  }

  take(count: number): Buffer {
    if (this.#at + count > this.#blob.length) throw invalid("it is cut off");
    this.#at += count;
    return this.#blob.subarray(this.#at - count, this.#at);
  }

  uint32(): number {
    return this.take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.take(this.uint32());
  }

  end(): void {
    if (this.#at !== this.#blob.length) throw invalid("it has bytes after its end");
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function string(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function wrap(text: string): string[] {
  return text.match(new RegExp(`.{1,${LINE_CHARS}}`, "g")) ?? [];
}

function invalid(why: string): TriplaneError {
  return new TriplaneError("signature_invalid", `the commit's SSH signature is refused: ${why}`);
}
