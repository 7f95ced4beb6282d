import assert from "node:assert/strict";
import { test } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { failsWith, nth, POLICY_FILES, POLICY_RID, temporaryFolder, testLedger } from "../testing.ts";
import { checkpointOrigin, signCheckpoint } from "./checkpoint.ts";
import { makeReceipt, parseReceipt, type Receipt } from "./receipt.ts";
import { type ReceiptPart, type VerifyReceiptOptions, verifyReceipt } from "./receipt-verify.ts";

const policyFiles = async () => POLICY_FILES;

async function receiptOf(index: number, ...batches: number[]) {
  const ledger = await testLedger();
  const records = await ledger.fill(...batches);
  const { subject } = nth(records, index).claims;
  const receipt = await makeReceipt(ledger.repoDir, ledger.pin, subject, { policyFiles });
  const pins: VerifyReceiptOptions = { statePin: ledger.pin, trustedController: ledger.controller.did, policyRid: POLICY_RID };
  return { ledger, records, receipt, pins, all: { ...pins, checkDecision: () => undefined } };
}

test("makeReceipt, verifyReceipt: every part is proven from the file alone", async () => {
  for (const [index, batches] of [
    [0, [1]],
    [299, [256, 44, 20]],
  ] as const) {
    const { receipt, all, records } = await receiptOf(index, ...batches);
    const text = JSON.stringify(receipt);
    const report = await verifyReceipt(parseReceipt(text), all);
    assert.deepEqual([report.ok, report.consistent, report.failure], [true, true, undefined]);
    assert.equal(report.record?.claims.subject, nth(records, index).claims.subject);
    const parts: ReceiptPart[] = ["form", "identity", "anchor", "record", "checkpoint", "inclusion", "policy", "decision"];
    assert.deepEqual(
      report.steps,
      parts.map((part, at) => ({ part, result: "proven", what: nth(report.steps, at).what })),
    );
  }
});

test("verifyReceipt: without a pin it is consistent at most, never ok (no-fail-open)", async () => {
  const { receipt, pins } = await receiptOf(1, 3);
  const bare = await verifyReceipt(receipt);
  assert.deepEqual([bare.ok, bare.consistent], [false, true]);
  assert.deepEqual(
    bare.steps.filter((step) => step.result === "skipped").map((step) => step.part),
    ["anchor", "decision"],
  );
  assert.equal((await verifyReceipt(receipt, pins)).ok, false);
});

test("makeReceipt: an unknown subject, and policy files that are not those of the decision", async () => {
  const { ledger, records } = await receiptOf(0, 2);
  const unknown = "01890000-0000-7000-8000-000000000000";
  await assert.rejects(makeReceipt(ledger.repoDir, ledger.pin, unknown, { policyFiles }), failsWith("not_found"));
  const other = async () => new Map([["keeper_policy.ncl", "{ version = 2 }"]]);
  const { subject } = nth(records, 0).claims;
  await assert.rejects(makeReceipt(ledger.repoDir, ledger.pin, subject, { policyFiles: other }), failsWith("receipt_invalid"));
  await assert.rejects(makeReceipt(await temporaryFolder(), ledger.pin, subject, { policyFiles }), failsWith("git_failed"));
});

test("parseReceipt: what is no receipt", () => {
  for (const text of ["", "{", "[]", "{}", `"${"x".repeat(3_000_000)}"`]) {
    assert.throws(() => parseReceipt(text), failsWith("receipt_invalid"));
  }
});

test("verifyReceipt: a change anywhere is found and its part named", async () => {
  const { receipt, all, ledger } = await receiptOf(2, 5);
  const other = await receiptOf(2, 5);
  const key = ledger.controller;
  const origin = checkpointOrigin("libre-wuji", ledger.pin.rid);
  const changes: readonly (readonly [ReceiptPart, Partial<Receipt>, VerifyReceiptOptions?])[] = [
    ["form", { version: 2 as 1 }],
    ["form", { extra: true } as Partial<Receipt>],
    ["identity", { state_identity: other.receipt.state_identity }],
    ["identity", { workspace: "other" }],
    ["anchor", {}, { ...all, trustedController: generateSigningKey().did }],
    ["anchor", {}, { ...all, statePin: other.ledger.pin }],
    ["anchor", {}, { ...all, policyRid: "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji" }],
    ["record", { record: other.receipt.record }],
    ["record", { record: receipt.record.replace(/.$/, (last) => (last === "A" ? "B" : "A")) }],
    ["record", { subject: "01890000-0000-7000-8000-000000000000" }],
    ["checkpoint", { checkpoint: other.receipt.checkpoint }],
    ["checkpoint", { checkpoint: receipt.checkpoint.replace("\n5\n", "\n6\n") }],
    ["inclusion", { checkpoint: signCheckpoint(origin, 5, Buffer.alloc(32), 1, key).note }],
    ["inclusion", { inclusion: { ...receipt.inclusion, index: 1 } }],
    ["inclusion", { inclusion: { ...receipt.inclusion, proof: receipt.inclusion.proof.slice(1) } }],
    ["policy", { policy_files: { "keeper_policy.ncl": "{ version = 9 }" } }],
    ["policy", { anchors: { ...receipt.anchors, policy: { ...receipt.anchors.policy, commit: "f".repeat(40) } } }],
    [
      "decision",
      {},
      {
        ...all,
        checkDecision: () => {
          throw new Error("the policy says otherwise");
        },
      },
    ],
  ];
  for (const [part, change, options] of changes) {
    const report = await verifyReceipt({ ...receipt, ...change }, options ?? all);
    const last = report.steps.at(-1);
    assert.deepEqual([report.ok, report.consistent, report.failure?.code], [false, false, "receipt_invalid"], part);
    assert.deepEqual([last?.part, last?.result], [part, "failed"], last?.what);
  }
});
