// Registry tokens: compact JWS, EdDSA, in the form that zot's bearer mode and the distribution specification verify.
//
// 1. zot checks the signature, `exp`, `iat` and `access`, and neither `aud` nor `iss`: the key signs nothing else, and the gateway checks all of them.
// 2. A token that belongs to a lease names it, and ends no later than the lease.
// 3. A verifier takes the keys of its ring and no other. The first one signs; the rest are those whose tokens still run out (rotation).
import {
  type Did,
  leaseIdField,
  MAX_CLOCK_SKEW_S,
  type SigningKey,
  secondsField,
  signToken,
  TriplaneError,
  toTriplaneError,
  verifyToken,
} from "@triplane/contract";
import { z } from "zod";
import { type Access, accessSchema } from "./access.ts";

const TOKEN_TYPE = "registry+jwt";

const claimsSchema = z.strictObject({
  iss: z.string(),
  /** The registry: `host:port`, as it stands in image names. */
  aud: z.string(),
  /** Name of the credential, or the lease's id. */
  sub: z.string().min(1).max(128),
  iat: secondsField,
  exp: secondsField,
  access: z.array(accessSchema).max(64),
  lease: leaseIdField.optional(),
});
export type RegistryClaims = z.infer<typeof claimsSchema>;

/** Who issues tokens, and for which registry. */
export interface Issuer {
  /** Signs tokens. */
  readonly key: SigningKey;
  /** Keys whose tokens still count; they sign nothing any more. */
  readonly previousKeys: readonly Did[];
  readonly issuer: string;
  /** `host:port` of the registry. */
  readonly registry: string;
}

export interface TokenRequest {
  readonly subject: string;
  readonly access: readonly Access[];
  readonly lease?: string;
  /** Seconds since 1970. */
  readonly nowS: number;
  readonly expiresAtS: number;
}

export function signRegistryToken(issuer: Issuer, request: TokenRequest): string {
  const claims: RegistryClaims = {
    iss: issuer.issuer,
    aud: issuer.registry,
    sub: request.subject,
    // zot takes no token from the future, be its clock ever so little behind ours.
    iat: Math.max(0, request.nowS - MAX_CLOCK_SKEW_S),
    exp: request.expiresAtS,
    access: request.access.map(({ type, name, actions }) => ({ type, name, actions: [...actions] })),
    ...(request.lease === undefined ? {} : { lease: request.lease }),
  };
  return signToken(TOKEN_TYPE, claims, issuer.key);
}

/** Throws `unauthorized` for whatever is not a token of this issuer, for this registry, in force at `nowS`. */
export function verifyRegistryToken(issuer: Issuer, compact: string, nowS: number): RegistryClaims {
  let payload: unknown;
  let kid: Did;
  try {
    const token = verifyToken(compact, TOKEN_TYPE);
    payload = token.payload;
    kid = token.kid;
  } catch (cause) {
    throw new TriplaneError("unauthorized", `this is no registry token: ${toTriplaneError(cause).message}`, { cause });
  }
  if (kid !== issuer.key.did && !issuer.previousKeys.includes(kid)) throw refused("it is signed by a key that is not in the ring");
  const parsed = claimsSchema.safeParse(payload);
  if (!parsed.success) throw refused("its claims have another shape");
  const claims = parsed.data;
  if (claims.iss !== issuer.issuer) throw refused("another issuer made it");
  if (claims.aud !== issuer.registry) throw refused("it is for another registry");
  if (claims.iat > nowS + MAX_CLOCK_SKEW_S) throw refused("it is from the future");
  if (claims.exp <= nowS) throw refused("it has expired");
  return claims;
}

/** Whether a text could be a token, so that it is not taken for a secret. */
export function looksLikeToken(text: string): boolean {
  return /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(text);
}

function refused(why: string): TriplaneError {
  return new TriplaneError("unauthorized", `the registry token does not count: ${why}`);
}
