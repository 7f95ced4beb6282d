// Compact JWS, taken apart and verified here; the contract's schemas say what a payload holds.
import {
  admissionClaimsSchema,
  approvalClaimsSchema,
  auditClaimsSchema,
  digestOf,
  opClaimsSchema,
  refusalClaimsSchema,
  successionClaimsSchema,
} from "@triplane/contract";
import type { z } from "zod";
import { isSignedBy } from "./ed25519.ts";

const SCHEMAS = {
  "op+jwt": opClaimsSchema,
  "approval+jwt": approvalClaimsSchema,
  "admission+jwt": admissionClaimsSchema,
  "refusal+jwt": refusalClaimsSchema,
  "audit+jwt": auditClaimsSchema,
  "succession+jwt": successionClaimsSchema,
} as const;

type Typ = keyof typeof SCHEMAS;
export type ClaimsOf<T extends Typ> = z.infer<(typeof SCHEMAS)[T]>;

export interface Token<T extends Typ> {
  readonly typ: T;
  /** The key that the header names; it signed this only if `verified`. */
  readonly kid: string;
  readonly claims: ClaimsOf<T>;
  readonly digest: string;
  readonly verified: boolean;
}

const PART = /^[A-Za-z0-9_-]+$/;

/** Reads and verifies a token. Throws where its form, its claims or its signature is wrong. */
export function openToken<T extends Typ>(compact: string, typ: T): Token<T> {
  const token = readToken(compact, typ);
  if (!token.verified) throw new Error(`the signature of this ${typ} is not ${token.kid}'s`);
  return token;
}

/** Reads a token and says whether its signature is right. Throws where its form or its claims are wrong. */
export function readToken<T extends Typ>(compact: string, typ: T): Token<T> {
  const [header64 = "", payload64 = "", signature64 = "", ...more] = compact.split(".");
  if (more.length > 0 || ![header64, payload64, signature64].every((part) => PART.test(part))) throw new Error("it is not a compact JWS");
  const header = record(header64);
  const { alg, kid, typ: said, ...others } = header;
  if (alg !== "EdDSA" || said !== typ || typeof kid !== "string" || Object.keys(others).length > 0)
    throw new Error(`its header is ${JSON.stringify(header).slice(0, 200)}, not that of ${typ}`);
  const parsed = SCHEMAS[typ].safeParse(record(payload64));
  if (!parsed.success)
    throw new Error(`the ${typ} does not have its claims: ${parsed.error.issues.map(({ path }) => path.join(".")).join(", ")}`);
  const claims = parsed.data as ClaimsOf<T>;
  if (claims.iss !== kid) throw new Error(`this ${typ} says ${claims.iss} and names the key ${kid}`);
  const signature = Buffer.from(signature64, "base64url");
  const verified = isSignedBy(kid, Buffer.from(`${header64}.${payload64}`, "latin1"), signature);
  return { typ, kid, claims, digest: digestOf(compact), verified };
}

/** What kind of token the header says that this is, if it is one at all. */
export function typOf(compact: string): string | undefined {
  try {
    const { typ } = record(compact.split(".")[0] ?? "");
    return typeof typ === "string" ? typ : undefined;
  } catch {
    return undefined;
  }
}

function record(base64url: string): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(base64url, "base64url").toString("utf8"));
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("a part of it is no object");
  return value as Record<string, unknown>;
}
