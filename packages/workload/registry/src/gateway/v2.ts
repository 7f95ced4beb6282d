// /v2/…: images, cache and golden images, at zot. Decides here, and sends zot a token of its own that says the one thing this request needs.
//
// 1. zot hears of no client's token: keys rotate, leases end and `aud` is checked here, none of which zot does.
// 2. The token for zot names what this one request needs, and lives for a minute: that long a request may take to begin.
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, nowSeconds, TriplaneError } from "@triplane/contract";
import type { Access, Action } from "../tokens/access.ts";
import type { Authenticator } from "../tokens/authenticator.ts";
import { type Issuer, signRegistryToken } from "../tokens/registry-token.ts";
import { bearerChallenge } from "./oci-errors.ts";
import { type Needed, type OciRequest, readOciRequest } from "./oci-path.ts";
import { passOn, type Upstream } from "./proxy.ts";

const HOP_LIFETIME_S = 60;
/** What zot itself takes at most for a manifest. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

export interface V2Parts {
  readonly authenticator: Authenticator;
  readonly issuer: Issuer;
  readonly clock: Clock;
  /** `https://registry.example`, without a slash at the end. */
  readonly origin: string;
  readonly zot: Upstream;
  readonly maxBlobBytes: number;
}

/** A refusal together with where to get the right that is missing. */
export class Challenged extends Error {
  readonly failure: TriplaneError;
  readonly challenge: string;

  constructor(failure: TriplaneError, challenge: string) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.challenge = challenge;
  }
}

/** Answers a request to /v2/ and gives its status. Throws `Challenged`, and what `passOn` throws. */
export async function serveV2(parts: V2Parts, incoming: IncomingMessage, outgoing: ServerResponse): Promise<number> {
  const url = incoming.url ?? "/";
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
  const asked = readOciRequest(incoming.method ?? "GET", path, query);
  await authorize(parts, incoming.headers.authorization, asked);
  if (asked.kind === "unknown") throw new TriplaneError("not_found", "no such repository, or nothing that a client may do with it");
  const isManifest = asked.kind === "repository" && asked.what === "manifest";
  const target = asked.kind === "base" ? "/v2/" : url;
  return await passOn({
    ...{ incoming, outgoing, upstream: parts.zot, path: target },
    headers: { authorization: `Bearer ${hopToken(parts, asked)}` },
    maxBodyBytes: isManifest ? MAX_MANIFEST_BYTES : parts.maxBlobBytes,
  });
}

async function authorize(parts: V2Parts, header: string | undefined, asked: OciRequest): Promise<void> {
  const needs = asked.kind === "repository" ? asked.needs : [];
  const challenge = bearerChallenge(parts.origin, parts.issuer.registry, scopesOf(needs));
  try {
    const { principal } = await parts.authenticator.bearer(header);
    const missing = needs.filter(({ repository, action }) => !principal.allows("repository", repository, action));
    if (missing.length > 0) throw new TriplaneError("unauthorized", `${principal.name} has no right to ${scopesOf(missing).join(" ")}`);
  } catch (error) {
    // 401 also for a right that is missing: the client asks the token endpoint once more, which knows better than the token at hand.
    if (error instanceof TriplaneError && error.code === "unauthorized") throw new Challenged(error, challenge);
    throw error;
  }
}

function scopesOf(needs: readonly Needed[]): string[] {
  return needs.map(({ repository, action }) => `repository:${repository}:${action === "push" ? "pull,push" : action}`);
}

/** For zot alone. */
function hopToken(parts: V2Parts, asked: OciRequest): string {
  return tokenForZot(parts.issuer, parts.clock, asked.kind === "repository" ? asked.behind : []);
}

/** A token with which the gateway itself asks zot. */
export function tokenForZot(issuer: Issuer, clock: Clock, access: readonly Access[]): string {
  const nowS = nowSeconds(clock);
  return signRegistryToken(issuer, { subject: "gateway", access, nowS, expiresAtS: nowS + HOP_LIFETIME_S });
}

/** Rights of one repository, for `tokenForZot`. */
export function repositoryAccess(name: string, ...actions: Action[]): Access {
  return { type: "repository", name, actions };
}
