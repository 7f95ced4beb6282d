// NATS identities: nkeys (Ed25519 with NATS' own text form). They authenticate connections only; ops are never signed with them.

import { createUser, fromSeed } from "@nats-io/nkeys";
import { TriplaneError } from "@triplane/contract";

export interface NatsKey {
  /** `U…`: goes into the server's configuration. */
  readonly publicKey: string;
  /** `SU…`: the secret; goes into a file with mode 0600. */
  readonly seed: string;
}

const PUBLIC_USER_KEY = /^U[A-Z2-7]{55}$/;

export function createNatsKey(): NatsKey {
  const pair = createUser();
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
}

/** Throws `bus_denied` for text that is no user seed; the seed itself is never in the message. */
export function natsKeyFromSeed(seed: string): NatsKey {
  try {
    const publicKey = fromSeed(new TextEncoder().encode(seed.trim())).getPublicKey();
    return { publicKey: assertUserKey(publicKey), seed: seed.trim() };
  } catch {
    // The cause is dropped: a parser's message could quote the secret.
    throw new TriplaneError("bus_denied", "the NATS credential is not the seed of a user nkey (SU…)");
  }
}

/** Throws `bus_denied` for text that is no public user nkey. */
export function assertUserKey(publicKey: string): string {
  if (!PUBLIC_USER_KEY.test(publicKey)) throw new TriplaneError("bus_denied", "a public user nkey (U…) was expected");
  return publicKey;
}
