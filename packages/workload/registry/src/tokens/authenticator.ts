// Turns what a request brings into who it is: a registry token, or the secret of a long-lived credential.
//
// 1. A token that belongs to a lease counts only while the lease stands, whatever its `exp` says.
import { type Clock, nowSeconds, TriplaneError } from "@triplane/contract";
import { type Principal, principalOfAccess } from "./access.ts";
import type { Credentials } from "./credentials.ts";
import type { LeaseStands } from "./leases.ts";
import { type Issuer, looksLikeToken, verifyRegistryToken } from "./registry-token.ts";

/** A principal, and when its right to be one ends (seconds since 1970; undefined = not by itself). */
export interface Authenticated {
  readonly principal: Principal;
  readonly lease?: string;
  readonly expiresAtS?: number;
}

export interface AuthenticatorParts {
  readonly issuer: Issuer;
  readonly credentials: Credentials;
  readonly leaseStands: LeaseStands;
  readonly clock: Clock;
}

const MAX_HEADER_CHARS = 16 * 1024;

export class Authenticator {
  readonly #parts: AuthenticatorParts;

  constructor(parts: AuthenticatorParts) {
    this.#parts = parts;
  }

  /** Of a registry token. Throws `unauthorized`; `unavailable` where nobody can say whether its lease stands. */
  async token(compact: string): Promise<Authenticated> {
    const { issuer, clock, leaseStands } = this.#parts;
    const claims = verifyRegistryToken(issuer, compact, nowSeconds(clock));
    if (claims.lease !== undefined && !(await leaseStands(claims.lease))) {
      throw new TriplaneError("unauthorized", `the lease ${claims.lease} is over, and its token with it`);
    }
    return {
      principal: principalOfAccess(claims.sub, claims.access),
      expiresAtS: claims.exp,
      ...(claims.lease === undefined ? {} : { lease: claims.lease }),
    };
  }

  /** Of a user name and a password: a credential's name and secret, or a lease's id and its token. Throws as `token` does. */
  async password(username: string, password: string): Promise<Authenticated> {
    if (!looksLikeToken(password)) return { principal: this.#parts.credentials.find(password, username) };
    const authenticated = await this.token(password);
    if (authenticated.lease === undefined) throw new TriplaneError("unauthorized", "a token is no password, except a runner's");
    if (username !== authenticated.lease) throw new TriplaneError("unauthorized", "the user name is not the lease of this token");
    return authenticated;
  }

  /** Of `Authorization: Bearer TOKEN`, and nothing else: what zot's clients send. */
  async bearer(header: string | undefined): Promise<Authenticated> {
    const compact = bearerOf(header);
    if (compact === undefined || !looksLikeToken(compact)) throw new TriplaneError("unauthorized", "a registry token is needed");
    return await this.token(compact);
  }

  /** Of a token or a secret, with or without `Bearer`: cargo sends what it was given as it is, sccache sends `Bearer`. */
  async tokenOrSecret(header: string | undefined): Promise<Authenticated> {
    const value = bearerOf(header) ?? bareOf(header);
    if (value === undefined) throw new TriplaneError("unauthorized", "a token is needed");
    return looksLikeToken(value) ? await this.token(value) : { principal: this.#parts.credentials.find(value) };
  }

  /** Of `Authorization: Basic …`. */
  async basic(header: string | undefined): Promise<Authenticated> {
    const encoded = /^Basic ([A-Za-z0-9+/]{1,16384}={0,2})$/i.exec(header ?? "")?.[1];
    const text = encoded === undefined ? "" : Buffer.from(encoded, "base64").toString("utf8");
    const colon = text.indexOf(":");
    if (colon <= 0) throw new TriplaneError("unauthorized", "a user name and a password are needed");
    return await this.password(text.slice(0, colon), text.slice(colon + 1));
  }
}

function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined || header.length > MAX_HEADER_CHARS) return undefined;
  return /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(header)?.[1];
}

function bareOf(header: string | undefined): string | undefined {
  return header !== undefined && header.length <= MAX_HEADER_CHARS && /^[A-Za-z0-9._-]+$/.test(header) ? header : undefined;
}
