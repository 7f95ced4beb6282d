import assert from "node:assert/strict";
import { test } from "node:test";
import { generateSigningKey, type SigningKey, subjects, verifyAdmission } from "@triplane/contract";
import { type Policy, policySchema, verifyDecision } from "@triplane/policy";
import { seededRandom } from "@triplane/testkit";
import { AUDIENCE, world } from "../testing/world.ts";
import { breakGlass, readBrokenGlass, sendBrokenGlass } from "./break-glass.ts";

const made = world();
const sealed = generateSigningKey();
const rule = { id: "night", kinds: ["component.restart"], targets: ["web*"], ratify_within_s: 3600 };
const operators = made.policy.operators.map((entry) => (entry.principal === "ana" ? { ...entry, break_glass_keys: [sealed.did] } : entry));
const policy: Policy = policySchema.parse({ ...made.policy, operators, break_glass: [rule] });
const inForce = { policy, ref: made.inForce.ref };
const wish = { op: "component.restart", target: "web", args: {}, scope: "apps", expected_state_version: 3, seq: 1, expiresInS: 600 };
const sign = (key: SigningKey, changes: Partial<typeof wish> = {}) =>
  breakGlass({ inForce, audience: AUDIENCE, key, clock: made.clock, random: seededRandom(1) }, { ...wish, ...changes });

test("breakGlass: one key signs op and admission, which every verifier takes", () => {
  const { op, admission, ratifyWithinS } = sign(sealed);
  const loaded = { policy, digest: inForce.ref.digest, files: new Map() };
  const verified = verifyDecision({ compact: admission, audience: AUDIENCE, policyAt: () => loaded });
  assert.ok(verified.kind === "admission" && verified.decision.basis === "break_glass");
  assert.deepEqual([verifyAdmission(admission).claims.iss, op.claims.iss, ratifyWithinS], [sealed.did, sealed.did, 3600]);
  assert.equal(readBrokenGlass(admission).claims.jti, op.claims.jti);
});

test("breakGlass: what the policy does not let the key do is not signed, and says why", () => {
  assert.throws(() => sign(made.keys.ana), { code: "policy_denied", message: /no key of ana that is kept for it/ });
  assert.throws(() => sign(generateSigningKey()), { code: "kid_unknown" });
  assert.throws(() => sign(sealed, { target: "db" }), { code: "policy_denied", message: /no rule lets ana break the glass/ });
  assert.throws(() => sign(sealed, { op: "job.run" }), { code: "policy_denied", message: /jobs are run elsewhere/ });
  assert.throws(() => sign(sealed, { scope: "restarts" }), { code: "scope_exceeded" });
  assert.throws(() => sign(sealed, { expiresInS: 90_000 }), { code: "lifetime_too_long" });
});

test("sendBrokenGlass: publishes to the controller what breaks the glass, and nothing else", async () => {
  const sent: string[] = [];
  const bus = {
    publish: async (subject: string, text: string) => {
      sent.push(`${subject} ${text}`);
      return { streamSeq: 1, duplicate: false };
    },
  };
  const { admission } = sign(sealed);
  await sendBrokenGlass(bus, AUDIENCE.workspace, admission);
  assert.deepEqual(sent, [`${subjects(AUDIENCE.workspace).cmd} ${admission}`]);
  await assert.rejects(sendBrokenGlass(bus, AUDIENCE.workspace, "garbage"), { code: "token_malformed" });
  assert.equal(sent.length, 1);
});
