// Compares verifying an op here with verifying the same bytes by jose, in one run, as a ratio.
// Run: node bench/token-verification.ts
import { createPublicKey } from "node:crypto";
import { canonicalJson, generateSigningKey, signOp, uuid7, verifyOp } from "@triplane/contract";
import { jwtVerify } from "jose";

const ROUNDS = 7;
const TOKENS = 2000;
const ED25519_SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

const key = generateSigningKey();
const publicKey = createPublicKey({ key: Buffer.concat([ED25519_SPKI_PREFIX, key.publicKey]), format: "der", type: "spki" });
const issuedS = Math.floor(Date.now() / 1000);
const tokens = Array.from({ length: TOKENS }, (_, index) =>
  signOp(
    {
      aud: "libre-wuji/rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji",
      jti: uuid7(Date.now(), crypto.getRandomValues(new Uint8Array(10))),
      iat: issuedS,
      exp: issuedS + 600,
      seq: index + 1,
      op: "component.deploy",
      target: "web",
      scope: "components",
      expected_state_version: 0,
      args: { component: "web", replicas: 2 },
      reason: "weekly release",
    },
    key,
  ),
);

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const ours: number[] = [];
const joses: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  let startedMs = performance.now();
  for (const token of tokens) verifyOp(token);
  ours.push(performance.now() - startedMs);
  startedMs = performance.now();
  for (const token of tokens) await jwtVerify(token, publicKey, { algorithms: ["EdDSA"], typ: "op+jwt" });
  joses.push(performance.now() - startedMs);
}

const ratios = ours.map((oursMs, round) => (joses[round] ?? 0) / oursMs);
console.log(canonicalJson({ tokens: TOKENS, rounds: ROUNDS, jose_over_ours_percent_median: Math.round(median(ratios) * 100) }));
