// The token endpoint: a long-lived credential, or a runner's token, becomes a token of minutes that names what was asked for and granted.
//
// 1. It grants the part of the scopes that the principal may; what is left out shows at the registry, as the protocol wants it.
// 2. No token outlives the one, or the lease, that it was made from.
import { type Clock, nowSeconds, TriplaneError } from "@triplane/contract";
import { granted } from "./access.ts";
import type { Authenticated } from "./authenticator.ts";
import { type Issuer, signRegistryToken } from "./registry-token.ts";
import { parseScopes } from "./scope.ts";

export interface TokenAnswer {
  readonly token: string;
  /** The same, by the name that OAuth has for it. */
  readonly access_token: string;
  /** Seconds. Always there: some clients take a token without it for one that never ends. */
  readonly expires_in: number;
  /** RFC 3339. */
  readonly issued_at: string;
}

export interface TokenEndpointParts {
  readonly issuer: Issuer;
  readonly clock: Clock;
  /** Seconds that a token lasts, unless what it was made from ends before. */
  readonly lifetimeS: number;
}

/** Throws `request_invalid` for another service than this registry, and for what is no scope. */
export function answerTokenRequest(
  parts: TokenEndpointParts,
  who: Authenticated,
  asked: { readonly service: string | undefined; readonly scopes: readonly string[] },
): TokenAnswer {
  const { issuer } = parts;
  if (asked.service !== undefined && asked.service !== issuer.registry) {
    throw new TriplaneError("request_invalid", `this issues tokens for ${issuer.registry}`);
  }
  const nowS = nowSeconds(parts.clock);
  const expiresAtS = Math.min(nowS + parts.lifetimeS, who.expiresAtS ?? Number.MAX_SAFE_INTEGER);
  const token = signRegistryToken(issuer, {
    subject: who.principal.name,
    access: granted(who.principal, parseScopes(asked.scopes)),
    nowS,
    expiresAtS,
    ...(who.lease === undefined ? {} : { lease: who.lease }),
  });
  return { token, access_token: token, expires_in: expiresAtS - nowS, issued_at: new Date(nowS * 1000).toISOString() };
}
