// Signing keys on disk: JSON of `did` and `seed` (base64url), mode 0600; a key that others may read is refused.
import { type SigningKey, signingKeyFromSeed, TriplaneError } from "@triplane/contract";
import { z } from "zod";
import { atomicWriteFile, readSecretFile } from "./files.ts";

const keyFileSchema = z.strictObject({ did: z.string(), seed: z.base64url() });

/** Throws `config_invalid` when the file is missing, readable by others, malformed, or its DID is not that of its seed. */
export async function readKeyFile(path: string): Promise<SigningKey> {
  const text = await readSecretFile(path);
  const parsed = keyFileSchema.safeParse(parseJson(text, path));
  // Neither the parser's message nor the input goes into the error: both may hold the seed.
  if (!parsed.success) throw new TriplaneError("config_invalid", `${path} is not a key file: it needs the fields did and seed`);
  const key = signingKeyFromSeed(new Uint8Array(Buffer.from(parsed.data.seed, "base64url")));
  if (key.did !== parsed.data.did) throw new TriplaneError("config_invalid", `${path} names a DID that does not belong to its seed`);
  return key;
}

/** Writes durably, with mode 0600. */
export async function writeKeyFile(path: string, key: SigningKey): Promise<void> {
  const content = { did: key.did, seed: Buffer.from(key.seed).toString("base64url") };
  await atomicWriteFile(path, `${JSON.stringify(content, undefined, 2)}\n`);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new TriplaneError("config_invalid", `${path} is not JSON`);
  }
}
