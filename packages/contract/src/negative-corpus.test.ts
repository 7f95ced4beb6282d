// The negative corpus: every way to bend a signed object is refused with its own code. jose is the oracle for the honest ones.
import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { test } from "node:test";
import { compactVerify } from "jose";
import { didOfPublicKey, generateSigningKey, type SigningKey } from "./ed25519.ts";
import type { FailureCode } from "./failures/index.ts";
import { parseToken, signToken } from "./jws.ts";
import { MAX_TOKEN_BYTES } from "./limits.ts";
import { assertAudience, assertTimes, formatAudience } from "./objects/claims.ts";
import { type OpClaims, signOp, verifyOp } from "./objects/op.ts";
import { codeOf } from "./testing/code-of.ts";
import { uuid7 } from "./uuid7.ts";

const NOW_S = 1_800_000_000;
const AUDIENCE = { workspace: "libre-wuji", policyRid: "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji" };
const key = generateSigningKey();
const other = generateSigningKey();

function claims(change: Partial<OpClaims> = {}): OpClaims {
  return {
    iss: key.did,
    aud: formatAudience(AUDIENCE),
    jti: uuid7(NOW_S * 1000, new Uint8Array(10).fill(7)),
    iat: NOW_S,
    exp: NOW_S + 600,
    seq: 1,
    op: "component.deploy",
    target: "web",
    scope: "components",
    expected_state_version: 0,
    args: { component: "web" },
    ...change,
  };
}

const b64 = (text: string | Uint8Array) => Buffer.from(text).toString("base64url");

/** Signs any header and payload text with a good key: only the form is wrong. */
function signRaw(header: string, payload: string, signer: SigningKey = key): string {
  const input = `${b64(header)}.${b64(payload)}`;
  return `${input}.${b64(signer.sign(Buffer.from(input)))}`;
}

const HEADER = { alg: "EdDSA", kid: key.did, typ: "op+jwt" };
const withHeader = (change: object) => signRaw(JSON.stringify({ ...HEADER, ...change }), JSON.stringify(claims()));
const withPayload = (payload: string) => signRaw(JSON.stringify(HEADER), payload);

function hmacConfusion(): string {
  const input = `${b64(JSON.stringify({ ...HEADER, alg: "HS256" }))}.${b64(JSON.stringify(claims()))}`;
  return `${input}.${createHmac("sha256", key.publicKey).update(input).digest("base64url")}`;
}

const good = signOp(claims(), key);
const [goodHeader = "", goodPayload = "", goodSignature = ""] = good.split(".");

const corpus: readonly (readonly [string, string, FailureCode])[] = [
  ["alg none", `${b64(JSON.stringify({ ...HEADER, alg: "none" }))}.${goodPayload}.${goodSignature}`, "alg_refused"],
  ["alg none with an empty signature", `${b64(JSON.stringify({ ...HEADER, alg: "none" }))}.${goodPayload}.`, "alg_refused"],
  ["alg nOnE", withHeader({ alg: "nOnE" }), "alg_refused"],
  ["alg HS256 with the public key as secret", hmacConfusion(), "alg_refused"],
  ["alg ES256", withHeader({ alg: "ES256" }), "alg_refused"],
  ["alg Ed25519 instead of EdDSA", withHeader({ alg: "Ed25519" }), "alg_refused"],
  ["no alg", signRaw(JSON.stringify({ kid: key.did, typ: "op+jwt" }), JSON.stringify(claims())), "alg_refused"],
  ["alg as a list", withHeader({ alg: ["EdDSA"] }), "alg_refused"],
  ["embedded jwk", withHeader({ jwk: { kty: "OKP", crv: "Ed25519", x: b64(other.publicKey) } }), "header_key_refused"],
  ["jku", withHeader({ jku: "https://example.org/keys" }), "header_key_refused"],
  ["x5u", withHeader({ x5u: "https://example.org/chain" }), "header_key_refused"],
  ["x5c", withHeader({ x5c: ["MIIB"] }), "header_key_refused"],
  ["x5t", withHeader({ x5t: "abc" }), "header_key_refused"],
  ["crit", withHeader({ crit: ["exp"] }), "header_member_refused"],
  ["b64 false", withHeader({ b64: false }), "header_member_refused"],
  ["an unknown header member", withHeader({ cty: "json" }), "header_member_refused"],
  ["typ JWT", withHeader({ typ: "JWT" }), "typ_refused"],
  ["no typ", signRaw(JSON.stringify({ alg: "EdDSA", kid: key.did }), JSON.stringify(claims())), "typ_refused"],
  ["an approval where an op is wanted", withHeader({ typ: "approval+jwt" }), "typ_refused"],
  ["typ in capitals", withHeader({ typ: "OP+JWT" }), "typ_refused"],
  ["no kid", signRaw(JSON.stringify({ alg: "EdDSA", typ: "op+jwt" }), JSON.stringify(claims())), "kid_malformed"],
  ["kid that is a path", withHeader({ kid: "../../etc/passwd" }), "kid_malformed"],
  ["kid that is a number", withHeader({ kid: 7 }), "kid_malformed"],
  ["another's kid", withHeader({ kid: other.did }), "signature_invalid"],
  [
    "one bit of the signature changed",
    `${goodHeader}.${goodPayload}.${goodSignature[0] === "A" ? "B" : "A"}${goodSignature.slice(1)}`,
    "signature_invalid",
  ],
  [
    "payload swapped under the signature",
    `${goodHeader}.${b64(JSON.stringify(claims({ target: "db" })))}.${goodSignature}`,
    "signature_invalid",
  ],
  ["signature of 63 bytes", `${goodHeader}.${goodPayload}.${b64(new Uint8Array(63).fill(1))}`, "signature_invalid"],
  ["signature with S of all ones", `${goodHeader}.${goodPayload}.${b64(new Uint8Array(64).fill(255))}`, "signature_noncanonical"],
  ["signature with R of small order", `${goodHeader}.${goodPayload}.${b64(new Uint8Array(64))}`, "signature_noncanonical"],
  ["two parts", `${goodHeader}.${goodPayload}`, "token_malformed"],
  ["four parts", `${good}.${goodPayload}`, "token_malformed"],
  ["five parts (JWE)", `${good}.a.b`, "token_malformed"],
  ["nothing", "", "token_malformed"],
  ["padding", `${goodHeader}.${goodPayload}.${goodSignature}==`, "token_malformed"],
  ["white space at the end", `${good}\n`, "token_malformed"],
  ["plain base64 alphabet", `${goodHeader}.${goodPayload}.${goodSignature.slice(0, -2)}+/`, "token_malformed"],
  [
    "spare bits set in base64url",
    `${goodHeader}.${goodPayload}.${goodSignature.slice(0, -1)}${goodSignature.endsWith("A") ? "B" : "x"}`,
    "token_malformed",
  ],
  ["truncated in the middle of the payload", good.slice(0, Math.floor(good.length / 2)), "token_malformed"],
  ["truncated by one character", good.slice(0, -1), "token_malformed"],
  ["oversized", `${good}${"A".repeat(MAX_TOKEN_BYTES["op+jwt"])}`, "token_too_large"],
  ["duplicate key in the payload", withPayload(`${JSON.stringify(claims()).slice(0, -1)},"target":"db"}`), "json_duplicate_key"],
  [
    "duplicate key in the header",
    signRaw(`{"alg":"EdDSA","alg":"none","kid":"${key.did}","typ":"op+jwt"}`, JSON.stringify(claims())),
    "json_duplicate_key",
  ],
  [
    "__proto__ in the args",
    withPayload(JSON.stringify(claims()).replace('"args":{', '"args":{"__proto__":{"x":1},')),
    "json_forbidden_key",
  ],
  ["fraction as seq", withPayload(JSON.stringify(claims()).replace('"seq":1', '"seq":1.0')), "json_number_unsafe"],
  ["number beyond 2^53", withPayload(JSON.stringify(claims()).replace('"seq":1', '"seq":9007199254740993')), "json_number_unsafe"],
  ["payload that is a list", withPayload("[]"), "json_invalid"],
  ["payload that is not JSON", withPayload("op"), "json_invalid"],
  ["header that is not an object", signRaw('"EdDSA"', JSON.stringify(claims())), "json_invalid"],
  ["unknown claim", withPayload(JSON.stringify({ ...claims(), admin: true })), "claims_invalid"],
  ["no jti", withPayload(JSON.stringify({ ...claims(), jti: undefined })), "claims_invalid"],
  ["jti that is no UUIDv7", withPayload(JSON.stringify({ ...claims(), jti: "b0a1c2d3-0000-4000-8000-000000000000" })), "claims_invalid"],
  ["seq zero", withPayload(JSON.stringify({ ...claims(), seq: 0 })), "claims_invalid"],
  ["target that climbs", withPayload(JSON.stringify({ ...claims(), target: "../db" })), "claims_invalid"],
  ["subject wildcard as target", withPayload(JSON.stringify({ ...claims(), target: "ops.>" })), "claims_invalid"],
  ["exp as text", withPayload(JSON.stringify({ ...claims(), exp: "never" })), "claims_invalid"],
  ["aud as a list", withPayload(JSON.stringify({ ...claims(), aud: ["a", "b"] })), "claims_invalid"],
  ["iss that is not the signer", withPayload(JSON.stringify({ ...claims(), iss: other.did })), "iss_mismatch"],
];

for (const [name, compact, code] of corpus) {
  test(`verifyOp: pitfall 13: refuses ${name} as ${code}`, () => {
    assert.equal(
      codeOf(() => verifyOp(compact)),
      code,
    );
  });
}

test("verifyOp: refuses a key of small order in kid as key_weak", () => {
  const orderEight = Buffer.from("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "hex");
  assert.equal(
    codeOf(() => verifyOp(withHeader({ kid: didOfPublicKey(orderEight) }))),
    "key_weak",
  );
});

test("assertAudience: other workspace and other policy repository have codes of their own", () => {
  assert.equal(
    codeOf(() => assertAudience("other/rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji", AUDIENCE)),
    "workspace_mismatch",
  );
  assert.equal(
    codeOf(() => assertAudience("libre-wuji/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5", AUDIENCE)),
    "aud_mismatch",
  );
  assert.equal(
    codeOf(() => assertAudience("", AUDIENCE)),
    "workspace_mismatch",
  );
  assertAudience(formatAudience(AUDIENCE), AUDIENCE);
});

const RULES = { nowS: NOW_S, clockSkewS: 30, maxLifetimeS: 3600 };
const times: readonly (readonly [string, { iat: number; exp: number; nbf?: number }, FailureCode | undefined])[] = [
  ["within its window", { iat: NOW_S - 10, exp: NOW_S + 10 }, undefined],
  ["expired within the skew", { iat: NOW_S - 600, exp: NOW_S - 29 }, undefined],
  ["expired", { iat: NOW_S - 600, exp: NOW_S - 30 }, "token_expired"],
  ["not yet valid", { iat: NOW_S, nbf: NOW_S + 31, exp: NOW_S + 60 }, "token_not_yet_valid"],
  ["not yet valid within the skew", { iat: NOW_S, nbf: NOW_S + 30, exp: NOW_S + 60 }, undefined],
  ["issued in the future within the skew", { iat: NOW_S + 30, exp: NOW_S + 60 }, undefined],
  ["issued in the future", { iat: NOW_S + 31, exp: NOW_S + 60 }, "clock_skew"],
  ["living too long", { iat: NOW_S, exp: NOW_S + 3601 }, "lifetime_too_long"],
  ["ending before it begins", { iat: NOW_S, exp: NOW_S - 1 }, "lifetime_too_long"],
];
for (const [name, claimed, code] of times) {
  test(`assertTimes: an object ${name} ${code === undefined ? "is accepted" : `is refused as ${code}`}`, () => {
    assert.equal(
      codeOf(() => assertTimes(claimed, RULES)),
      code,
    );
  });
}

test("assertTimes: a policy cannot allow more than 30 s of skew", () => {
  assert.equal(
    codeOf(() => assertTimes({ iat: NOW_S + 60, exp: NOW_S + 90 }, { ...RULES, clockSkewS: 300 })),
    "clock_skew",
  );
});

test("signToken: refuses to sign what its reader would refuse for its size", () => {
  assert.equal(
    codeOf(() => signToken("op+jwt", { text: "x".repeat(MAX_TOKEN_BYTES["op+jwt"]) }, key)),
    "token_too_large",
  );
});

test("signOp: jose verifies the same bytes with the same key", async () => {
  const publicKey = createPublicKey({
    key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.publicKey]),
    format: "der",
    type: "spki",
  });
  const result = await compactVerify(good, publicKey, { algorithms: ["EdDSA"] });
  assert.deepEqual(JSON.parse(new TextDecoder().decode(result.payload)), claims());
  assert.deepEqual(verifyOp(good).claims, claims());
});

test("verifyOp: every token of the corpus that jose accepts is refused here for its form alone", async () => {
  const publicKey = createPublicKey({
    key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key.publicKey]),
    format: "der",
    type: "spki",
  });
  let stricter = 0;
  // jose is handed the key; which key a kid means is decided here, so that entry says nothing about jose.
  for (const [name, compact, code] of corpus.filter(([entry]) => entry !== "another's kid")) {
    const joseAccepts = await compactVerify(compact, publicKey, { algorithms: ["EdDSA"] }).then(
      () => true,
      () => false,
    );
    if (joseAccepts) {
      stricter += 1;
      assert.ok(!["signature_invalid", "signature_noncanonical", "alg_refused"].includes(code), name);
    }
  }
  assert.ok(stricter > 10, `only ${stricter} entries show where this parser is stricter`);
});

test("verifyOp: pitfall 14: the digest is taken over the exact bytes", () => {
  assert.notEqual(verifyOp(good).token.digest, verifyOp(signOp(claims({ seq: 2 }), key)).token.digest);
  assert.match(verifyOp(good).token.digest, /^sha256:[0-9a-f]{64}$/);
});

test("parseToken: a header that was read for one kind is still refused for another, however often it comes", () => {
  for (let count = 0; count < 3; count += 1) {
    verifyOp(good);
    assert.equal(
      codeOf(() => parseToken(good, "approval+jwt")),
      "typ_refused",
    );
    assert.equal(parseToken(good, "op+jwt").kid, key.did);
  }
});
