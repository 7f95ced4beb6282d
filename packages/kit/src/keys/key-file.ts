// Signing keys on disk: JSON of `did` and `seed` (base64url), or an OpenSSH private key, which may be under a passphrase. Mode 0600; a
// key that others may read is refused.
import { type Did, publicKeyOfDid, type Random, type Signer, type SigningKey, signingKeyFromSeed, TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { atomicWriteFile, readSecretFile } from "../files.ts";
import { isOpensshKey, parseOpensshKey, sealOpensshKey } from "./openssh-key.ts";

const keyFileSchema = z.strictObject({ did: z.string(), seed: z.base64url() });

/** Fewest characters of a passphrase that locks a key. */
export const MIN_PASSPHRASE_CHARS = 8;

/** A key file as a person's program meets it: whose it is can be read, and the secret only where the passphrase is known. */
export interface StoredKey {
  readonly did: Did;
  readonly isLocked: boolean;
  /** Throws `passphrase_wrong`. */
  unlock(passphrase: string): SigningKey;
}

/** Throws `config_invalid` when the file is missing, readable by others, malformed, or its DID is not that of its seed; `key_locked`. */
export async function readKeyFile(path: string): Promise<SigningKey> {
  const stored = await readStoredKey(path);
  if (stored.isLocked) throw new TriplaneError("key_locked", `${path} is locked with a passphrase`);
  return stored.unlock("");
}

/** Throws as `readKeyFile` does, but takes a locked file. */
export async function readStoredKey(path: string): Promise<StoredKey> {
  const text = await readSecretFile(path);
  if (isOpensshKey(text)) return parseOpensshKey(text, path);
  const parsed = keyFileSchema.safeParse(parseJson(text, path));
  // Neither the parser's message nor the input goes into the error: both may hold the seed.
  if (!parsed.success) throw new TriplaneError("config_invalid", `${path} is not a key file: it needs the fields did and seed`);
  const key = signingKeyFromSeed(new Uint8Array(Buffer.from(parsed.data.seed, "base64url")));
  if (key.did !== parsed.data.did) throw new TriplaneError("config_invalid", `${path} names a DID that does not belong to its seed`);
  return { did: key.did, isLocked: false, unlock: () => key };
}

/** A signer that unlocks its file when it first has to sign, and keeps the key for as long as the process lives. */
export interface UnlockingSigner extends Signer {
  /** The key itself, for what signs without waiting. */
  unlock(): Promise<SigningKey>;
}

/** `passphrase` is asked once, and only for a locked file. */
export function unlockingSigner(stored: StoredKey, passphrase: () => Promise<string>): UnlockingSigner {
  let key: Promise<SigningKey> | undefined;
  const unlock = (): Promise<SigningKey> => {
    key ??= (async () => stored.unlock(stored.isLocked ? await passphrase() : ""))();
    return key;
  };
  return { did: stored.did, publicKey: publicKeyOfDid(stored.did), unlock, sign: async (bytes) => (await unlock()).sign(bytes) };
}

/** Writes durably, with mode 0600. */
export async function writeKeyFile(path: string, key: SigningKey): Promise<void> {
  const content = { did: key.did, seed: Buffer.from(key.seed).toString("base64url") };
  await atomicWriteFile(path, `${JSON.stringify(content, undefined, 2)}\n`);
}

/** Writes durably, with mode 0600, under a passphrase. Throws `usage` for one that is too short to lock anything. */
export async function writeLockedKeyFile(
  path: string,
  key: SigningKey,
  lock: { readonly passphrase: string; readonly comment: string; readonly random: Random },
): Promise<void> {
  const { passphrase, comment, random } = lock;
  if ([...passphrase].length < MIN_PASSPHRASE_CHARS)
    throw new TriplaneError("usage", `a passphrase has at least ${MIN_PASSPHRASE_CHARS} characters`, {
      hint: "Several words that nobody ever said in this order are easier to keep than signs.",
    });
  await atomicWriteFile(path, sealOpensshKey(key, passphrase, comment, random));
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TriplaneError("config_invalid", `${path} is not JSON`);
  }
}
