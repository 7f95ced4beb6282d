// A verifier that remembers looks only at what is new, and cannot be shown another past.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { namespaced, nidOfDid } from "../radicle/layout.ts";
import { failsWith, git, nth, POLICY_RID, type TestLedger, temporaryFolder, testLedger } from "../testing.ts";
import type { LedgerReport } from "../types.ts";
import { forgeBatch } from "./forging.ts";
import { openMemory } from "./verifier-memory.ts";
import { type VerifyLedgerOptions, verifyLedger } from "./verify.ts";

interface Remembering {
  readonly ledger: TestLedger;
  readonly memoryFile: string;
  verify(options?: VerifyLedgerOptions): Promise<LedgerReport>;
}

async function remembering(...batches: readonly number[]): Promise<Remembering> {
  const ledger = await testLedger();
  await ledger.fill(...batches);
  const memoryFile = join(await temporaryFolder(), "verified");
  return { ledger, memoryFile, verify: (options = {}) => verifyLedger(ledger.repoDir, ledger.pin, { memoryFile, ...options }) };
}

const told = ({ ok, size, verifiedBefore }: LedgerReport) => [ok, size, verifiedBefore];

test("verifyLedger: with a memory only new batches are looked at, and all numbers are still accounted for", async () => {
  const { ledger, memoryFile, verify } = await remembering(3, 2);
  assert.deepEqual(told(await verify()), [true, 5, 0]);
  assert.equal(statSync(memoryFile).mode & 0o777, 0o600);
  const seen: number[] = [];
  assert.deepEqual(told(await verify({ onProgress: (done) => seen.push(done) })), [true, 5, 5]);
  await ledger.fill(1, 4);
  assert.deepEqual(told(await verify({ onProgress: (done) => seen.push(done) })), [true, 10, 5]);
  assert.deepEqual(seen, [6, 10]);
  const { chainHead, checkpoint, missing } = await verify();
  const whole = await verifyLedger(ledger.repoDir, ledger.pin);
  assert.deepEqual([chainHead, checkpoint, missing], [whole.chainHead, whole.checkpoint, whole.missing]);
});

test("verifyLedger: what was not checked before is checked now", async () => {
  const { verify } = await remembering(2);
  await verify();
  const other = generateSigningKey().did;
  assert.deepEqual(told(await verify({ policyRid: POLICY_RID })), [true, 2, 2]);
  assert.equal((await verify({ controller: other })).ok, false);
  const records: string[] = [];
  await verify({ checkRecord: (record) => void records.push(record.claims.subject) });
  assert.equal(records.length, 2);
  assert.equal((await verify({ policyRid: "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji" })).ok, false);
});

test("verifyLedger: a record about a remembered op, or with a remembered number, is refused; nothing is remembered then", async () => {
  const { ledger, verify } = await remembering(2);
  const known = ledger.source.next();
  await forgeBatch(ledger, [known]);
  assert.deepEqual(told(await verify()), [true, 3, 0]);
  await forgeBatch(ledger, [ledger.source.next(), known]);
  for (let again = 0; again < 2; again += 1) {
    const report = await verify();
    assert.deepEqual([report.problems[0]?.code, report.problems[0]?.index], ["ledger_record_invalid", 4]);
    assert.match(report.problems[0]?.message ?? "", /record 2 is about the same op/);
  }
});

test("pitfall 32: a ledger that was cut back, or made anew, no longer contains what a verifier remembers", async () => {
  const { ledger, verify } = await remembering(2, 1);
  await verify();
  const mirror = join(await temporaryFolder(), "mirror");
  execFileSync("git", ["clone", "--quiet", "--mirror", ledger.repoDir, mirror], { stdio: "pipe" });
  const namespace = namespaced(nidOfDid(ledger.controller.did), "");
  const older = git(mirror, ["rev-parse", "main~1"]);
  for (const name of ["refs/heads/main", `${namespace}refs/heads/main`]) git(mirror, ["update-ref", name, older]);
  git(mirror, ["update-ref", `${namespace}refs/rad/sigrefs`, `${namespace}refs/rad/sigrefs~1`]);
  assert.equal((await verifyLedger(mirror, ledger.pin)).ok, true);
  const { memoryFile } = { memoryFile: join(await temporaryFolder(), "verified") };
  await verifyLedger(ledger.repoDir, ledger.pin, { memoryFile });
  const cut = await verifyLedger(mirror, ledger.pin, { memoryFile });
  assert.deepEqual([cut.ok, cut.problems[0]?.code], [false, "sigrefs_invalid"]);
  await forgeBatch(
    ledger,
    Array.from({ length: 4 }, () => ledger.source.next()),
    { asFirst: true },
  );
  const anew = await verify();
  assert.deepEqual([anew.ok, anew.problems[0]?.code], [false, "ledger_tree_invalid"]);
});

test("verifyLedger: a remembered working copy is compared where it changed", async () => {
  const { ledger, verify, memoryFile } = await remembering(2);
  const copy = join(await temporaryFolder(), "copy");
  execFileSync("git", ["clone", "--quiet", ledger.repoDir, copy], { stdio: "pipe" });
  const options = { memoryFile, controller: ledger.controller.did };
  assert.deepEqual(told(await verifyLedger(copy, ledger.pin, options)), [true, 2, 0]);
  await ledger.fill(1);
  execFileSync("git", ["-C", copy, "pull", "--quiet"], { stdio: "pipe" });
  assert.deepEqual(told(await verifyLedger(copy, ledger.pin, options)), [true, 3, 2]);
  await ledger.fill(1);
  execFileSync("git", ["-C", copy, "pull", "--quiet"], { stdio: "pipe" });
  writeFileSync(join(copy, "checkpoint"), "nothing");
  assert.equal((await verifyLedger(copy, ledger.pin, options)).ok, false);
  // The storage repository has signed refs, which a plain clone has not shown: it is verified from its first record.
  assert.deepEqual(told(await verify()), [true, 4, 0]);
});

test("openMemory: a damaged file is an empty one; one verification has it at a time", async () => {
  const { verify, memoryFile } = await remembering(1);
  writeFileSync(memoryFile, "this is not a database, and long enough to be taken for one".repeat(20));
  assert.deepEqual(told(await verify()), [true, 1, 0]);
  const held = openMemory(memoryFile);
  await assert.rejects(verify(), failsWith("ledger_locked"));
  held.close();
  assert.deepEqual(told(await verify()), [true, 1, 1]);
});

test("verifyLedger: more records than one thread takes alone; the first bad one is named wherever it is", async () => {
  const ledger = await testLedger();
  const records = await ledger.fill(450, 60, 60);
  assert.deepEqual(told(await verifyLedger(ledger.repoDir, ledger.pin)), [true, 570, 0]);
  const bad = [ledger.source.next(), ledger.source.next({}, { signer: generateSigningKey() }), ledger.source.next()];
  await forgeBatch(ledger, bad);
  await forgeBatch(ledger, [nth(records, 7)]);
  const { problems } = await verifyLedger(ledger.repoDir, ledger.pin);
  assert.deepEqual([problems[0]?.index, problems[0]?.subject], [571, nth(bad, 1).claims.subject]);
});
