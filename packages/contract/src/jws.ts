// Compact JWS (RFC 7515) reduced to what the contract allows: alg EdDSA (RFC 8037), an explicit typ, a did:key kid.
//
// 1. The header has exactly alg, typ and kid; a key or a pointer to a key in it is refused.
// 2. Sizes are checked before anything is decoded; base64url is canonical (no padding, no spare bits).
// 3. The identity of an object is the SHA-256 of its exact bytes; nothing is re-serialised before it is hashed.
import { canonicalJson, type Json } from "./canonical-json.ts";
import { type Digest, digestOf } from "./digest.ts";
import { assertDid, type Did, type Signer, type SigningKey, verifySignature } from "./ed25519.ts";
import { TriplaneError } from "./failures/index.ts";
import { MAX_TOKEN_BYTES } from "./limits.ts";
import { parseStrictJson } from "./strict-json.ts";

export type TokenType = keyof typeof MAX_TOKEN_BYTES;

/** A token whose form is right; its signature has NOT been verified. */
export interface ParsedToken {
  readonly typ: TokenType;
  readonly kid: Did;
  readonly payload: { readonly [key: string]: Json };
  readonly digest: Digest;
  /** The exact compact bytes. */
  readonly compact: string;
  readonly signingInput: string;
  readonly signature: Uint8Array;
}

const EMBEDDED_KEY = new Set(["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"]);

/** Signs a payload as compact JWS. Throws `token_too_large` if the result is above its kind's limit. */
export function signToken(typ: TokenType, payload: { readonly [key: string]: unknown }, key: SigningKey): string {
  const input = signingInput(typ, payload, key.did);
  return compactOf(typ, input, key.sign(Buffer.from(input, "ascii")));
}

/** The same for a signer that may have to ask elsewhere. Throws what the signer throws as well. */
export async function signTokenBy(typ: TokenType, payload: { readonly [key: string]: unknown }, signer: Signer): Promise<string> {
  const input = signingInput(typ, payload, signer.did);
  return compactOf(typ, input, await signer.sign(Buffer.from(input, "ascii")));
}

function signingInput(typ: TokenType, payload: { readonly [key: string]: unknown }, kid: Did): string {
  // In the order that canonical JSON has; neither value holds anything that JSON escapes.
  return `${encode(`{"alg":"EdDSA","kid":"${kid}","typ":"${typ}"}`)}.${encode(canonicalJson(payload))}`;
}

function compactOf(typ: TokenType, input: string, signature: Uint8Array): string {
  const compact = `${input}.${Buffer.from(signature).toString("base64url")}`;
  assertSize(compact, typ);
  return compact;
}

/** Checks the form of a compact token. Nothing in the result may be believed before `verifyToken`. */
export function parseToken(compact: string, typ: TokenType): ParsedToken {
  assertSize(compact, typ);
  const parts = compact.split(".");
  const [header64, payload64, signature64] = parts;
  if (parts.length !== 3 || header64 === undefined || payload64 === undefined || signature64 === undefined) {
    throw new TriplaneError("token_malformed", `a compact JWS has three parts, this one ${parts.length}`);
  }
  const kid = readHeader(header64, typ);
  const payload = parseObject(decode(payload64, "payload"), "payload");
  return {
    typ,
    kid,
    payload,
    digest: digestOf(compact),
    compact,
    signingInput: `${header64}.${payload64}`,
    signature: new Uint8Array(decode(signature64, "signature")),
  };
}

/** Parses and verifies. Throws a failure of a signed object; `kid` is NOT yet looked up in any policy. */
export function verifyToken(compact: string, typ: TokenType): ParsedToken {
  const token = parseToken(compact, typ);
  verifySignature(token.kid, Buffer.from(token.signingInput, "ascii"), token.signature);
  return token;
}

function assertSize(compact: string, typ: TokenType): void {
  const limit = MAX_TOKEN_BYTES[typ];
  if (compact.length > limit)
    throw new TriplaneError("token_too_large", `${compact.length} bytes, and ${typ} may have ${limit}`, {
      details: { sizeBytes: compact.length, limitBytes: limit },
    });
}

// A signer's header is the same in all its tokens of a kind, and reading it is a pure function of its text.
const headerCache: ReadonlyMap<TokenType, Map<string, Did>> = new Map(
  (Object.keys(MAX_TOKEN_BYTES) as TokenType[]).map((typ) => [typ, new Map()]),
);
const HEADER_CACHE_SIZE = 1024;
/** Ours have about 150 characters; white space could make one as long as a token. */
const MAX_CACHED_HEADER = 256;

/** The signer that a header names, where all of the header is as it must be. */
function readHeader(header64: string, typ: TokenType): Did {
  const known = headerCache.get(typ);
  const cached = known?.get(header64);
  if (cached !== undefined) return cached;
  const kid = checkHeader(parseObject(decode(header64, "header"), "header"), typ);
  if (known !== undefined && header64.length <= MAX_CACHED_HEADER) {
    if (known.size >= HEADER_CACHE_SIZE) known.clear();
    // A copy: a part of a string keeps the whole in memory.
    known.set(Buffer.from(header64, "latin1").toString("latin1"), kid);
  }
  return kid;
}

function checkHeader(header: { readonly [key: string]: Json }, typ: TokenType): Did {
  for (const member of Object.keys(header)) {
    if (EMBEDDED_KEY.has(member)) throw new TriplaneError("header_key_refused", `the header has ${JSON.stringify(member)}`);
  }
  if (header["alg"] !== "EdDSA") throw new TriplaneError("alg_refused", `the header's alg is ${JSON.stringify(header["alg"] ?? null)}`);
  if (header["typ"] !== typ)
    throw new TriplaneError("typ_refused", `the header's typ is ${JSON.stringify(header["typ"] ?? null)}, ${typ} is expected`);
  for (const member of Object.keys(header)) {
    if (member !== "alg" && member !== "typ" && member !== "kid")
      throw new TriplaneError("header_member_refused", `the header has ${JSON.stringify(member)}`);
  }
  const kid = header["kid"];
  if (typeof kid !== "string") throw new TriplaneError("kid_malformed", "the header has no kid");
  assertDid(kid);
  return kid;
}

function parseObject(bytes: Uint8Array, part: string): { readonly [key: string]: Json } {
  const value = parseStrictJson(bytes);
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new TriplaneError("json_invalid", `the ${part} is not a JSON object`);
  return value as { readonly [key: string]: Json };
}

function encode(text: string): string {
  return Buffer.from(text, "utf8").toString("base64url");
}

function decode(text: string, part: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  // What comes out the same again has nothing in it but the alphabet, no padding and no spare bits.
  if (text === "" || bytes.toString("base64url") !== text)
    throw new TriplaneError("token_malformed", `the ${part} is not canonical base64url`);
  return bytes;
}
