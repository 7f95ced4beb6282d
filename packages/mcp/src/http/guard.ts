// Who may speak to the server over HTTP. Pure: a request's headers in, a refusal out.
//
// 1. A web page must not reach a server on the reader's machine: its Host has to be ours, which a rebound name is not, and an
//    Origin, which browsers send, has to be ours as well.
// 2. Without the token nothing is read from the request (`no-fail-open`).
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { TriplaneError } from "@triplane/contract";

export interface GuardOptions {
  readonly port: number;
  /** The only token that is let in. */
  readonly token: string;
}

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];
const MIN_TOKEN_LENGTH = 32;

/** Undefined where the request may come in. Throws `config_invalid` for a token that could be guessed. */
export function guard({ port, token }: GuardOptions): (headers: IncomingHttpHeaders) => TriplaneError | undefined {
  if (token.length < MIN_TOKEN_LENGTH)
    throw new TriplaneError("config_invalid", `the token has ${token.length} characters, fewer than ${MIN_TOKEN_LENGTH}`);
  const hosts = LOOPBACK.map((name) => `${name}:${port}`);
  const origins = hosts.map((host) => `http://${host}`);
  const expected = hash(`Bearer ${token}`);
  return ({ host, origin, authorization }) => {
    if (host === undefined || !hosts.includes(host.toLowerCase()))
      return new TriplaneError("host_refused", `this server is not ${JSON.stringify(host?.slice(0, 100) ?? "")}`);
    if (origin !== undefined && !origins.includes(origin.toLowerCase()))
      return new TriplaneError("host_refused", `pages of ${JSON.stringify(origin.slice(0, 100))} are not served`);
    if (authorization === undefined || !timingSafeEqual(hash(authorization), expected))
      return new TriplaneError("unauthorized", "the request has no bearer token, or another one", {
        hint: "Send `Authorization: Bearer TOKEN` with the token in the file that the server named when it started.",
      });
    return undefined;
  };
}

function hash(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
