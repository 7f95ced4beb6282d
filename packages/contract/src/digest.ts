// SHA-256 digests. The digest of a signed object is taken over its exact compact bytes, never over a re-serialised form.
import { hash } from "node:crypto";

/** `sha256:` and 64 hexadecimal digits. */
export type Digest = `sha256:${string}`;

export const DIGEST_PATTERN: RegExp = /^sha256:[0-9a-f]{64}$/;

/** The digest of bytes, or of a string's UTF-8 bytes. */
export function digestOf(bytes: string | Uint8Array): Digest {
  return `sha256:${hash("sha256", bytes, "hex")}`;
}
