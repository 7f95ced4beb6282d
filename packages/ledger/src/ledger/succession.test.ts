// The ledger handed over from key to key: nothing lost, nothing twice, and nobody who was not named.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type AuditRecord, digestOf, generateSigningKey, type SigningKey, signSuccession, verifySuccession } from "@triplane/contract";
import { namespaced, nidOfDid } from "../radicle/layout.ts";
import { reviseIdentity, setCanonicalRefs } from "../radicle/repository.ts";
import {
  failsWith,
  git,
  nth,
  POLICY_FILES,
  POLICY_RID,
  START_MS,
  type TestLedger,
  temporaryFolder,
  testLedger,
  WORKSPACE,
} from "../testing.ts";
import { findRecord, ledgerCheckpoint, readLedger } from "./read.ts";
import { makeReceipt, policyDigest } from "./receipt.ts";
import { verifyReceipt } from "./receipt-verify.ts";
import { tenuresOf } from "./successions.ts";
import { verifyLedger } from "./verify.ts";
import { openLedgerWriter } from "./writer.ts";

const AUDIENCE = `${WORKSPACE}/${POLICY_RID}`;
const POLICY = { rid: POLICY_RID, commit: "0123456789abcdef0123456789abcdef01234567", digest: policyDigest(POLICY_FILES) };
const GROUNDS = { audience: AUDIENCE, policy: POLICY };

async function writerOf(ledger: TestLedger, key: SigningKey, former?: SigningKey) {
  return await openLedgerWriter({ repoDir: ledger.repoDir, pin: ledger.pin, clock: ledger.clock, key, former });
}

/** Records of the old key, the handing over, records of the new one. */
async function handedOver(before: readonly number[], after: number) {
  const ledger = await testLedger();
  const records: AuditRecord[] = before.length === 0 ? [] : [...(await ledger.fill(...before))];
  const key = generateSigningKey();
  const writer = await writerOf(ledger, key, ledger.controller);
  assert.deepEqual([writer.controller, writer.successor], [ledger.controller.did, key.did]);
  await writer.handOver(GROUNDS);
  assert.deepEqual([writer.controller, writer.successor, writer.checkpoint?.size], [key.did, undefined, records.length]);
  for (let at = 0; at < after; at += 1) {
    const record = ledger.source.next({}, { signer: key });
    await writer.append([record]);
    records.push(record);
  }
  await writer.close();
  return { ledger, key, records };
}

test("handOver: the ledger verifies across the change, in storage and in a plain clone, for whoever knows the old key or the new one", async () => {
  const { ledger, key, records } = await handedOver([2, 1], 2);
  const clone = join(await temporaryFolder(), "clone");
  git(ledger.repoDir, ["clone", "--quiet", ledger.repoDir, clone]);
  for (const dir of [ledger.repoDir, clone]) {
    for (const controller of [key.did, ledger.controller.did]) {
      const report = await verifyLedger(dir, ledger.pin, { controller, policyRid: POLICY_RID });
      assert.deepEqual([report.problems, report.size, report.controller], [[], 5, key.did]);
      const [handing] = report.successions;
      assert.deepEqual([handing?.from, handing?.to, handing?.size], [ledger.controller.did, key.did, 3]);
    }
  }
  const stranger = generateSigningKey().did;
  const [wrong] = (await verifyLedger(ledger.repoDir, ledger.pin, { controller: stranger })).problems;
  assert.equal(wrong?.code, "delegates_invalid");
  const read: string[] = [];
  for await (const { record, index } of readLedger(ledger.repoDir, ledger.pin)) {
    assert.equal(record.claims.iss, index < 3 ? ledger.controller.did : key.did);
    read.push(record.claims.subject);
  }
  assert.deepEqual(
    read,
    records.map(({ claims }) => claims.subject),
  );
  assert.equal((await findRecord(ledger.repoDir, ledger.pin, nth(records, 4).claims.subject))?.index, 4);
  assert.equal((await ledgerCheckpoint(ledger.repoDir, ledger.pin))?.size, 5);
});

test("handOver: receipts of records on both sides verify, and not with a succession less", async () => {
  const { ledger, key, records } = await handedOver([2], 1);
  for (const [index, controller] of [
    [0, key.did],
    [2, ledger.controller.did],
  ] as const) {
    const subject = nth(records, index).claims.subject;
    const receipt = await makeReceipt(ledger.repoDir, ledger.pin, subject, { policyFiles: async () => POLICY_FILES });
    assert.equal(receipt.successions?.length, 1);
    const report = await verifyReceipt(receipt, { trustedController: controller, statePin: ledger.pin });
    assert.equal(report.failure, undefined);
    const { successions: _left, ...without } = receipt;
    assert.equal((await verifyReceipt(without)).failure?.code, "receipt_invalid");
    const other = await verifyReceipt(receipt, { trustedController: generateSigningKey().did });
    assert.match(other.failure?.message ?? "", /anchor: the ops-controller/);
  }
});

test("handOver: an empty ledger is handed over, a second time too, and no key comes back", async () => {
  const { ledger, key } = await handedOver([], 1);
  const third = generateSigningKey();
  await assert.rejects(writerOf(ledger, ledger.controller), failsWith("delegates_invalid"));
  await assert.rejects(writerOf(ledger, ledger.controller, key), failsWith("delegates_invalid"));
  const writer = await writerOf(ledger, third, key);
  await writer.handOver(GROUNDS);
  await writer.append([ledger.source.next({}, { signer: third })]);
  await assert.rejects(writer.handOver(GROUNDS), failsWith("git_failed"));
  await writer.close();
  const report = await verifyLedger(ledger.repoDir, ledger.pin);
  assert.deepEqual([report.problems, report.size, report.controller, report.successions.length], [[], 2, third.did, 2]);
});

test("handOver: what a verifier remembers from before it still counts after it", async () => {
  const ledger = await testLedger();
  await ledger.fill(3);
  const memoryFile = join(await temporaryFolder(), "memory");
  const options = { memoryFile, policyRid: POLICY_RID, controller: ledger.controller.did };
  assert.equal((await verifyLedger(ledger.repoDir, ledger.pin, options)).verifiedBefore, 0);
  const key = generateSigningKey();
  const writer = await writerOf(ledger, key, ledger.controller);
  await writer.handOver(GROUNDS);
  await writer.append([ledger.source.next({}, { signer: key })]);
  await writer.close();
  for (const verifiedBefore of [3, 4]) {
    const report = await verifyLedger(ledger.repoDir, ledger.pin, options);
    assert.deepEqual([report.problems, report.verifiedBefore, report.size], [[], verifiedBefore, 4]);
  }
});

test("handOver: the old key writes no record any more, and what it signs afterwards is no part of the ledger", async () => {
  const { ledger, key } = await handedOver([2], 1);
  const writer = await writerOf(ledger, key);
  await assert.rejects(writer.append([ledger.source.next()]), failsWith("ledger_record_invalid"));
  await writer.close();
  const head = git(ledger.repoDir, ["rev-parse", "main"]);
  const before = git(ledger.repoDir, ["rev-parse", "main~2"]);
  const old = namespaced(nidOfDid(ledger.controller.did), "refs/heads/main");
  git(ledger.repoDir, ["update-ref", old, before]);
  const report = await verifyLedger(ledger.repoDir, ledger.pin);
  assert.deepEqual([report.problems, report.head, report.size], [[], head, 3]);
});

test("handOver: an identity that was handed over without the ledger is no ledger, and neither is the other way round", async () => {
  const ledger = await testLedger();
  await ledger.fill(1);
  const key = generateSigningKey();
  const doc = { delegates: [key.did], threshold: 1, name: `${WORKSPACE}-state`, description: "for tests", defaultBranch: "main" };
  await reviseIdentity({
    repo: ledger.repoDir,
    parent: ledger.identityRoot,
    doc,
    author: ledger.controller,
    acceptedBy: [],
    clock: ledger.clock,
  });
  const [problem] = (await verifyLedger(ledger.repoDir, ledger.pin)).problems;
  assert.equal(problem?.code, "delegates_invalid");
  await assert.rejects(ledger.openWriter(), failsWith("delegates_invalid"));
});

test("handOver: a write that was torn before the new key's signed refs did not happen, and is done again", async () => {
  const ledger = await testLedger();
  await ledger.fill(2);
  const head = git(ledger.repoDir, ["rev-parse", "main"]);
  const refs = git(ledger.repoDir, ["for-each-ref", "--format=update %(refname) %(objectname)"]);
  const key = generateSigningKey();
  const first = await writerOf(ledger, key, ledger.controller);
  await first.handOver(GROUNDS);
  await first.close();
  // As a crash leaves it: the new key's other refs are there, its signed refs and all that follows are not.
  git(ledger.repoDir, ["update-ref", "-d", namespaced(nidOfDid(key.did), "refs/rad/sigrefs")]);
  git(ledger.repoDir, ["update-ref", "--stdin"], `${refs}\n`);
  await setCanonicalRefs(ledger.repoDir, "main", head);
  assert.deepEqual((await verifyLedger(ledger.repoDir, ledger.pin)).controller, ledger.controller.did);
  const again = await writerOf(ledger, key, ledger.controller);
  assert.equal(again.controller, ledger.controller.did);
  await again.handOver(GROUNDS);
  await again.append([ledger.source.next({}, { signer: key })]);
  await again.close();
  const report = await verifyLedger(ledger.repoDir, ledger.pin);
  assert.deepEqual([report.problems, report.size, report.controller], [[], 3, key.did]);
});

test("tenuresOf: only the key whose turn it is hands over, to one that takes it, forward, in this ledger, and never back", () => {
  const [a, b, c] = [generateSigningKey(), generateSigningKey(), generateSigningKey()] as const;
  const rid = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
  const anchor = { rid, workspace: WORKSPACE, founder: a.did };
  const claims = {
    ...{ aud: AUDIENCE, iat: Math.floor(START_MS / 1000), state_rid: rid, policy: POLICY },
    ...{ size: 5, root: Buffer.alloc(32).toString("base64"), chain_head: digestOf("x") },
  };
  const said = (from: SigningKey, to: SigningKey, more: Partial<typeof claims> = {}) =>
    signSuccession({ ...claims, ...more }, { from, to });
  assert.deepEqual(
    tenuresOf([said(a, b), said(b, c)], anchor).map(({ controller, fromIndex }) => [controller, fromIndex]),
    [
      [a.did, 0],
      [b.did, 5],
      [c.did, 5],
    ],
  );
  for (const tokens of [
    [said(b, c)],
    [said(a, b), said(a, c)],
    [said(a, b), said(b, a)],
    [said(a, b), said(b, c, { size: 4 })],
    [said(a, b, { aud: `other/${POLICY_RID}` })],
    [said(a, b, { state_rid: "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji" })],
    [`${said(a, b).slice(0, -4)}AAAA`],
    [""],
  ])
    assert.throws(() => tenuresOf(tokens, anchor), failsWith("ledger_chain_broken"));
  // Nobody is made the holder of a ledger that they did not take: b's word about other claims is no word about these.
  const unwilling = { ...a, sign: a.sign };
  const { claims: taken } = verifySuccession(said(a, b));
  assert.throws(
    () =>
      verifySuccession(
        signSuccession({ ...claims, size: 6 }, { from: unwilling, to: { ...b, sign: () => Buffer.from(taken.accepted, "base64url") } }),
      ),
    failsWith("signature_invalid"),
  );
});
