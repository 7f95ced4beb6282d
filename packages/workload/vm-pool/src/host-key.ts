// Host keys of runners: made by the pool, so that nobody has to trust on first use.
//
// 1. The private half is derived from the pool's secret and the lease's id: it is never stored, and a pool that starts again has it.
import { hkdfSync } from "node:crypto";
import { type SigningKey, signingKeyFromSeed } from "@triplane/contract";
import { openOpensshKey, opensshPublicKey } from "@triplane/kit";

export interface HostKey {
  /** OpenSSH PEM. */
  readonly private: string;
  /** `ssh-ed25519 AAAA…`, one line without a comment. */
  readonly public: string;
}

/** Bytes of a pool's secret. */
export const POOL_SECRET_BYTES = 32;

const INFO = "triplane runner host key v1";

/** The host key of a lease's runner: the same secret and lease give the same key. */
export function hostKeyOf(secret: Uint8Array, leaseId: string): HostKey {
  if (secret.length !== POOL_SECRET_BYTES) throw new Error(`a pool's secret has ${POOL_SECRET_BYTES} bytes`);
  return render(signingKeyFromSeed(new Uint8Array(hkdfSync("sha256", secret, leaseId, INFO, 32))));
}

function render(key: SigningKey): HostKey {
  return { private: openOpensshKey(key, "triplane-runner"), public: opensshPublicKey(key.publicKey) };
}
