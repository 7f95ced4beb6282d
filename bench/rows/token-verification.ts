// Row: verifying an op here against the same bytes verified by jose.
import { createPublicKey } from "node:crypto";
import { generateSigningKey, signOp, uuid7, verifyOp } from "@triplane/contract";
import { jwtVerify } from "jose";
import { bySize, perSecond, type Row } from "../harness/row.ts";
import { median } from "../harness/statistics.ts";

const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

export const tokenVerification: Row = {
  id: "token-verification",
  summary: "an op verified here, against jose on the same bytes",
  async run(context) {
    const { tokens: count, rounds } = bySize(context, {
      full: { tokens: 2000, rounds: 7 },
      quick: { tokens: 1000, rounds: 5 },
      tiny: { tokens: 20, rounds: 1 },
    });
    const key = generateSigningKey();
    const publicKey = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, key.publicKey]), format: "der", type: "spki" });
    const tokens = Array.from({ length: count }, (_, at) => signedOp(key, at));
    const [ours, theirs, ratios]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < rounds; round += 1) {
      let startedMs = performance.now();
      for (const token of tokens) verifyOp(token);
      const oursMs = performance.now() - startedMs;
      startedMs = performance.now();
      for (const token of tokens) await jwtVerify(token, publicKey, { algorithms: ["EdDSA"], typ: "op+jwt" });
      const theirsMs = performance.now() - startedMs;
      ours.push(perSecond(count, oursMs));
      theirs.push(perSecond(count, theirsMs));
      ratios.push(theirsMs / oursMs);
    }
    const ratio = median(ratios);
    return [
      {
        what: "verify an op, one at a time",
        ours: { value: median(ours), unit: "ops/s" },
        against: { value: median(theirs), unit: "ops/s (jose)" },
        ratio,
        target: "not slower",
        met: ratio >= 1,
        notes: ["ours also checks the claims against the contract's schema"],
      },
    ];
  },
};

function signedOp(key: ReturnType<typeof generateSigningKey>, at: number): string {
  const issuedS = Math.floor(Date.now() / 1000);
  return signOp(
    {
      aud: "libre-wuji/rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji",
      jti: uuid7(Date.now(), crypto.getRandomValues(new Uint8Array(10))),
      iat: issuedS,
      exp: issuedS + 600,
      seq: at + 1,
      op: "component.deploy",
      target: "web",
      scope: "components",
      expected_state_version: 0,
      args: { component: "web", replicas: 2 },
      reason: "weekly release",
    },
    key,
  );
}
