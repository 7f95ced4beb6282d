import assert from "node:assert/strict";
import { test } from "node:test";
import { generateSigningKey, TriplaneError } from "@triplane/contract";
import { buildAdmission, buildAuditRecord, buildOp, TEST_RID } from "@triplane/testkit";
import { afterFailedCheck, Batcher, examine, GATHER_MS } from "./service.ts";

const controller = generateSigningKey();
const rules = { workspace: "w1", policyRid: TEST_RID, controller: controller.did };
const incoming = (text: string) => ({ text, raw: Buffer.from(text) });

test("examine: a record of the controller, with the chain inside", () => {
  const { op } = buildOp();
  const { compact } = buildAuditRecord(op, buildAdmission(op), {}, { key: controller });
  const examined = examine(incoming(compact), rules);
  assert.equal(examined.kind === "record" && examined.checked.record.claims.subject, op.claims.jti);
});

test("examine: whatever else comes is invalid and named by its digest (chain-verified-at-every-hop)", () => {
  const { op } = buildOp();
  const admission = buildAdmission(op);
  const good = buildAuditRecord(op, admission, {}, { key: controller }).compact;
  const wrong: readonly string[] = [
    "",
    "garbage",
    good.slice(0, -2),
    buildAuditRecord(op, admission).compact,
    buildAuditRecord(op, admission, { aud: `w2/${TEST_RID}` }, { key: controller }).compact,
    buildAuditRecord(op, admission, { subject: buildOp().op.claims.jti }, { key: controller }).compact,
    buildAuditRecord(op, buildAdmission(buildOp().op), {}, { key: controller }).compact,
    buildAuditRecord(op, admission, { decision: good }, { key: controller }).compact,
  ];
  for (const text of wrong) {
    const examined = examine(incoming(text), rules);
    assert.equal(examined.kind, "invalid", text.slice(0, 40));
    assert.equal(examined.kind === "invalid" && examined.failure.code, "ledger_record_invalid");
  }
  const bytes = { text: undefined, raw: Buffer.from([0xff]) };
  const examined = examine(bytes, rules);
  assert.equal(examined.kind === "invalid" && examined.failure.code, "token_malformed");
});

test("afterFailedCheck: a broken chain is final; a policy that is away is waited for, not for ever", () => {
  assert.deepEqual(afterFailedCheck(new TriplaneError("chain_broken", "x"), 1), { action: "set_aside" });
  assert.deepEqual(afterFailedCheck(new TriplaneError("unavailable", "x"), 1), { action: "retry" });
  assert.deepEqual(afterFailedCheck(new TriplaneError("unavailable", "x"), 30), { action: "set_aside" });
});

test("Batcher: due by count and by bytes", () => {
  const batcher = new Batcher<number>({ maxRecords: 3, maxBytes: 100, maxWaitMs: 500 });
  assert.equal(batcher.dueInMs(0), undefined);
  batcher.add(1, 10, 1000);
  batcher.add(2, 10, 1000);
  assert.deepEqual([batcher.dueInMs(1000), batcher.room], [GATHER_MS, 1]);
  batcher.add(3, 10, 1000);
  assert.deepEqual([batcher.dueInMs(1000), batcher.room], [0, 0]);
  assert.deepEqual(batcher.take(), [1, 2, 3]);
  batcher.committed(1100);
  assert.deepEqual([batcher.dueInMs(2000), batcher.count], [undefined, 0]);
  batcher.add(4, 100, 3000);
  assert.equal(batcher.dueInMs(3000), 0);
});

test("Batcher: after a quiet time a record waits a moment, and under load for the pause between two commits", () => {
  const batcher = new Batcher<number>({ maxRecords: 100, maxBytes: 100, maxWaitMs: 500 });
  batcher.add(1, 1, 1000);
  assert.deepEqual([batcher.dueInMs(1000), batcher.dueInMs(1000 + GATHER_MS)], [GATHER_MS, 0]);
  batcher.take();
  batcher.committed(1100);
  batcher.add(2, 1, 1110);
  assert.deepEqual([batcher.dueInMs(1110), batcher.dueInMs(1599), batcher.dueInMs(1600)], [490, 1, 0]);
  batcher.take();
  batcher.committed(1700);
  // A clock that was set back makes nobody wait longer than the pause.
  batcher.add(3, 1, 100);
  assert.equal(batcher.dueInMs(100), 500);
  const eager = new Batcher<number>({ maxRecords: 100, maxBytes: 100, maxWaitMs: 0 });
  eager.add(1, 1, 5);
  assert.equal(eager.dueInMs(5), 0);
});
