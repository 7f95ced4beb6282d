import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, generateSigningKey } from "@triplane/contract";
import { buildAdmission, buildAuditRecord, buildOp } from "@triplane/testkit";
import { openToken, readToken, typOf } from "./jws.ts";
import { factsOfRecord } from "./record.ts";

test("openToken: reads what the contract signs, and refuses a changed payload, another type and another header (chain-verified-at-every-hop)", () => {
  const { compact, key } = buildOp();
  const token = openToken(compact, "op+jwt");
  assert.equal(token.kid, key.did);
  assert.equal(token.digest, digestOf(compact));
  assert.equal(typOf(compact), "op+jwt");
  const [header = "", payload = "", signature = ""] = compact.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
  const changed = Buffer.from(JSON.stringify({ ...claims, target: "other" })).toString("base64url");
  assert.throws(() => openToken(`${header}.${changed}.${signature}`, "op+jwt"), /signature/);
  assert.equal(readToken(`${header}.${changed}.${signature}`, "op+jwt").verified, false);
  assert.throws(() => openToken(compact, "audit+jwt"), /not that of audit\+jwt/);
  const other = Buffer.from(JSON.stringify({ alg: "EdDSA", typ: "op+jwt", kid: key.did, jwk: {} })).toString("base64url");
  assert.throws(() => readToken(`${other}.${payload}.${signature}`, "op+jwt"), /its header/);
  const unsigned = Buffer.from(JSON.stringify({ alg: "none", typ: "op+jwt", kid: key.did })).toString("base64url");
  assert.throws(() => readToken(`${unsigned}.${payload}.${signature}`, "op+jwt"), /its header/);
});

test("factsOfRecord: names every link that does not hold (chain-verified-at-every-hop)", () => {
  const { op } = buildOp();
  const decision = buildAdmission(op);
  assert.deepEqual(factsOfRecord(buildAuditRecord(op, decision).compact).problems, []);
  const wrongDigest = buildAuditRecord(op, decision, { decision_digest: digestOf("other") });
  assert.match(factsOfRecord(wrongDigest.compact).problems.join(), /not the one whose digest it names/);
  const otherOp = buildAuditRecord(op, buildAdmission(op, { op_digest: digestOf("other") }));
  assert.match(factsOfRecord(otherOp.compact).problems.join(), /its op is not the one whose digest the decision names/);
  const otherTarget = buildAuditRecord(op, decision, { target: "other" });
  assert.match(factsOfRecord(otherTarget.compact).problems.join(), /different targets/);
  const basis = buildAuditRecord(op, decision, { basis: "refusal", outcome: "refused" });
  assert.match(factsOfRecord(basis.compact).problems.join(), /the record says refusal, and its decision is of the kind admission/);
  const [header = "", payload = ""] = decision.compact.split(".");
  const forged = `${header}.${payload}.${Buffer.from(generateSigningKey().sign(Buffer.from(`${header}.${payload}`))).toString("base64url")}`;
  const record = buildAuditRecord(op, { ...decision, compact: forged }, { decision_digest: digestOf(forged) });
  assert.match(factsOfRecord(record.compact).problems.join(), /the decision's signature is not/);
});
