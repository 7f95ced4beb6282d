// A ledger verifies from every kind of clone; whatever is changed in one is found, and named.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { type AuditRecord, generateSigningKey } from "@triplane/contract";
import { namespaced, nidOfDid } from "../radicle/layout.ts";
import { reviseIdentity } from "../radicle/repository.ts";
import { verifyRepository } from "../radicle/verify.ts";
import { failsWith, git, governed, nth, POLICY_RID, type TestLedger, temporaryFolder, testLedger } from "../testing.ts";
import type { LedgerReport } from "../types.ts";
import { type Forgery, forgeBatch, rewriteFile, signHead } from "./forging.ts";
import { recordsPath } from "./layout.ts";
import { ledgerCheckpoint } from "./read.ts";
import { verifyLedger } from "./verify.ts";

async function clone(ledger: TestLedger, ...how: readonly string[]): Promise<string> {
  const target = join(await temporaryFolder(), "clone");
  execFileSync("git", ["clone", "--quiet", ...how, ledger.repoDir, target], { stdio: "pipe" });
  return target;
}

function assertProblem(report: LedgerReport, code: string, record?: AuditRecord, index?: number): void {
  const [first] = report.problems;
  assert.equal(report.ok, false);
  assert.equal(first?.code, code, first?.message);
  if (record !== undefined) assert.equal(first?.subject, record.claims.subject, first?.message);
  if (index !== undefined) assert.equal(first?.index, index, first?.message);
}

test("verifyLedger: a mirror clone, a plain clone and a bare one verify offline", async () => {
  const ledger = await testLedger();
  await ledger.fill(3, 2);
  const { did } = ledger.controller;
  const mirror = await verifyLedger(await clone(ledger, "--mirror"), ledger.pin);
  assert.deepEqual([mirror.ok, mirror.size, mirror.signedRefs, mirror.problems], [true, 5, true, []]);
  for (const how of [[], ["--bare"]]) {
    const plain = await clone(ledger, ...how);
    const report = await verifyLedger(plain, ledger.pin, { controller: did });
    assert.deepEqual([report.ok, report.size, report.signedRefs, report.problems], [true, 5, false, []]);
    assertProblem(await verifyLedger(plain, ledger.pin), "sigrefs_invalid");
    assertProblem(await verifyLedger(plain, ledger.pin, { controller: generateSigningKey().did }), "ledger_record_invalid");
  }
  await assert.rejects(verifyLedger(await temporaryFolder(), ledger.pin), failsWith("git_failed"));
});

test("verifyLedger: an empty ledger verifies; another repository, root or key does not", async () => {
  const ledger = await testLedger();
  const other = await testLedger();
  assert.deepEqual([(await verifyLedger(ledger.repoDir, ledger.pin)).ok, (await verifyLedger(ledger.repoDir, ledger.pin)).size], [true, 0]);
  assertProblem(await verifyLedger(ledger.repoDir, other.pin), "rid_mismatch");
  assertProblem(await verifyLedger(ledger.repoDir, { ...ledger.pin, rid: other.pin.rid }), "rid_mismatch");
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin, { controller: other.controller.did }), "delegates_invalid");
});

test("verifyLedger: one byte changed in the working copy of a record names the record", async () => {
  const ledger = await testLedger();
  const records = await ledger.fill(2, 3);
  const copy = await clone(ledger);
  const path = join(copy, recordsPath(2));
  const lines = readFileSync(path, "latin1").split("\n");
  const changed = nth(lines, 1);
  lines[1] = `${changed.slice(0, 300)}${changed[300] === "A" ? "B" : "A"}${changed.slice(301)}`;
  writeFileSync(path, lines.join("\n"));
  const options = { controller: ledger.controller.did };
  assertProblem(await verifyLedger(copy, ledger.pin, options), "ledger_record_invalid", nth(records, 3), 3);
  execFileSync("git", ["-C", copy, "-c", "user.name=x", "-c", "user.email=x", "commit", "--quiet", "-am", "tamper"], { stdio: "pipe" });
  assert.equal((await verifyLedger(copy, ledger.pin, options)).ok, false);
});

test("verifyLedger: a record rewritten in a clone, consistently but without the key, is named", async () => {
  const ledger = await testLedger();
  const records = await ledger.fill(2, 3);
  const mirror = await clone(ledger, "--mirror");
  const head = git(mirror, ["rev-parse", "main"]);
  const forged = rewriteFile(mirror, head, recordsPath(2), (text) => text.replace(/^(.{300})./m, (_, start: string) => `${start}~`));
  for (const name of ["refs/heads/main", namespaced(nidOfDid(ledger.controller.did), "refs/heads/main")]) {
    git(mirror, ["update-ref", name, forged]);
  }
  assertProblem(await verifyLedger(mirror, ledger.pin), "ledger_record_invalid", undefined, 2);
  assert.ok(records.length > 0);
});

test("verifyLedger: an object changed inside the object database is found, and the first record of its batch named", async () => {
  const ledger = await testLedger();
  const records = await ledger.fill(2, 3);
  for (const damage of [(body: Buffer) => deflateSync(body), () => Buffer.from("not zlib at all")]) {
    const mirror = await clone(ledger, "--mirror");
    for (const pack of execFileSync("find", [join(mirror, "objects/pack"), "-name", "*.pack"], { encoding: "utf8" })
      .trim()
      .split("\n")) {
      const content = readFileSync(pack);
      execFileSync("rm", ["-f", pack, pack.replace(".pack", ".idx"), pack.replace(".pack", ".rev")]);
      execFileSync("git", [`--git-dir=${mirror}`, "unpack-objects", "-q"], { input: content });
    }
    const blob = git(mirror, ["rev-parse", `main:${recordsPath(2)}`]);
    const file = join(mirror, "objects", blob.slice(0, 2), blob.slice(2));
    const body = Buffer.from(git(mirror, ["cat-file", "blob", blob]).replace(/.\n?$/, "~"));
    chmodSync(file, 0o600);
    writeFileSync(file, damage(Buffer.concat([Buffer.from(`blob ${body.length}\0`), body])));
    assertProblem(await verifyLedger(mirror, ledger.pin), "git_failed", nth(records, 2), 2);
  }
});

const FORGERIES: readonly (readonly [string, Forgery, string])[] = [
  ["a byte of a tile", { changeFiles: (files) => change(files, /^tile\//, otherFirstByte) }, "ledger_tree_invalid"],
  ["the checkpoint's size", { checkpointSize: 99 }, "ledger_tree_invalid"],
  ["the checkpoint's time", { checkpointTimeMs: 5 }, "ledger_tree_invalid"],
  ["the subject index", { changeFiles: (files) => change(files, /^index\//, otherFirstByte) }, "ledger_tree_invalid"],
  ["a file more", { changeFiles: (files) => void files.set("notes.txt", "hello") }, "ledger_tree_invalid"],
  ["an old record file changed", { changeFiles: (files) => void files.set(recordsPath(0), "x\n") }, "ledger_record_invalid"],
  ["the chain's trailer", { changeMessage: (message) => message.replace(/(?<=sha256:)./, otherHex) }, "ledger_chain_broken"],
  ["a Jti trailer", { changeMessage: (message) => message.replace(/(?<=Jti: )./, otherHex) }, "ledger_chain_broken"],
];

/** A digit other than this one: a forgery that changes nothing is not one. */
function otherHex(digit: string): string {
  return digit === "0" ? "1" : "0";
}

function otherFirstByte(bytes: Buffer): void {
  bytes[0] = otherHex(String.fromCharCode(bytes[0] ?? 0)).charCodeAt(0);
}

function change(files: Map<string, string | Buffer | undefined>, path: RegExp, edit: (bytes: Buffer) => void): void {
  for (const [name, content] of files) {
    if (!path.test(name) || content === undefined) continue;
    const bytes = Buffer.from(content as string);
    edit(bytes);
    files.set(name, bytes);
    return;
  }
  throw new Error(`the batch has no file like ${path}`);
}

for (const [what, forgery, code] of FORGERIES) {
  test(`verifyLedger: the ops-controller itself cannot change ${what}`, async () => {
    const ledger = await testLedger();
    await ledger.fill(2);
    await forgeBatch(ledger, [ledger.source.next()], forgery);
    assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), code, undefined, 2);
  });
}

test("verifyLedger: records removed, exchanged or written twice by the ops-controller itself", async () => {
  const ledger = await testLedger();
  const [first, second] = [ledger.source.next(), ledger.source.next()];
  await forgeBatch(ledger, [first, second], { asFirst: true });
  const keep = (files: Map<string, string | Buffer | undefined>, records: readonly AuditRecord[]) =>
    void files.set(recordsPath(2), records.map((record) => `${record.token.compact}\n`).join(""));
  const [third, fourth] = [ledger.source.next(), ledger.source.next()];
  const head = git(ledger.repoDir, ["rev-parse", "main"]);
  await forgeBatch(ledger, [third, fourth], { changeFiles: (files) => keep(files, [fourth, third]) });
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "ledger_chain_broken", undefined, 2);
  await forgeBatch(ledger, [third, fourth], { parent: head, changeFiles: (files) => keep(files, [third]) });
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "ledger_chain_broken", undefined, 2);
  await forgeBatch(ledger, [third, second], { parent: head });
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "ledger_record_invalid", second, 3);
});

test("verifyLedger: a merge, and a commit of somebody else, are no batches", async () => {
  const ledger = await testLedger();
  await ledger.fill(1);
  const head = git(ledger.repoDir, ["rev-parse", "main"]);
  await forgeBatch(ledger, [ledger.source.next()], { secondParent: head });
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "ledger_chain_broken");
  const stolen = await testLedger();
  await stolen.fill(1);
  const signed = git(stolen.repoDir, ["rev-parse", "main"]);
  const tree = git(stolen.repoDir, ["rev-parse", "main^{tree}"]);
  const message = git(stolen.repoDir, ["log", "-1", "--format=%B", signed]);
  await signHead(stolen, git(stolen.repoDir, ["commit-tree", tree, "-m", message]));
  assertProblem(await verifyLedger(stolen.repoDir, stolen.pin), "ledger_chain_broken", undefined, 0);
});

test("pitfalls 32 and 38: a dropped last batch is found by a remembered checkpoint, and a history made anew as well", async () => {
  const ledger = await testLedger();
  await ledger.fill(2, 1);
  const remembered = await ledgerCheckpoint(ledger.repoDir, ledger.pin);
  assert.ok(remembered !== undefined);
  assert.equal((await verifyLedger(ledger.repoDir, ledger.pin, { atLeast: remembered })).ok, true);
  const mirror = await clone(ledger, "--mirror");
  const namespace = namespaced(nidOfDid(ledger.controller.did), "");
  const older = git(mirror, ["rev-parse", "main~1"]);
  // All of it as it was before the last batch, signatures included: alone, that is a ledger that verifies.
  for (const name of ["refs/heads/main", `${namespace}refs/heads/main`]) git(mirror, ["update-ref", name, older]);
  git(mirror, ["update-ref", `${namespace}refs/rad/sigrefs`, `${namespace}refs/rad/sigrefs~1`]);
  assert.equal((await verifyLedger(mirror, ledger.pin)).ok, true);
  assertProblem(await verifyLedger(mirror, ledger.pin, { atLeast: remembered }), "ledger_tree_invalid", undefined, 2);
  await ledger.fill(2);
  assert.equal((await verifyLedger(ledger.repoDir, ledger.pin, { atLeast: remembered })).ok, true);
  const records = Array.from({ length: 6 }, () => ledger.source.next());
  await forgeBatch(ledger, records, { asFirst: true });
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin, { atLeast: remembered }), "ledger_tree_invalid");
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "sigrefs_invalid");
});

test("pitfall 33: signed refs that take the ledger's head back are found in their own history", async () => {
  const ledger = await testLedger();
  await ledger.fill(1, 1);
  await signHead(ledger, git(ledger.repoDir, ["rev-parse", "main~1"]));
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "sigrefs_invalid");
});

test("verifyLedger: a loose ref that was moved, or left, is found", async () => {
  const ledger = await testLedger();
  await ledger.fill(1, 1);
  const own = namespaced(nidOfDid(ledger.controller.did), "refs/heads/main");
  const head = git(ledger.repoDir, ["rev-parse", "main"]);
  for (const name of [own, "refs/heads/main"]) {
    git(ledger.repoDir, ["update-ref", name, "main~1"]);
    assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "sigrefs_invalid");
    git(ledger.repoDir, ["update-ref", name, head]);
  }
  assert.equal((await verifyLedger(ledger.repoDir, ledger.pin)).ok, true);
  git(ledger.repoDir, ["update-ref", namespaced(nidOfDid(ledger.controller.did), "refs/heads/other"), head]);
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "sigrefs_invalid");
});

test("verifyLedger: an added delegate is found (state-repo-single-delegate)", async () => {
  const ledger = await testLedger();
  await ledger.fill(1);
  const { identity } = await verifyRepository(ledger.repoDir, ledger.pin);
  const doc = { ...identity.doc, delegates: [...identity.doc.delegates, generateSigningKey().did] };
  const change = { repo: ledger.repoDir, author: ledger.controller, acceptedBy: [], clock: ledger.clock };
  await reviseIdentity({ ...change, parent: identity.revision, doc });
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "delegates_invalid");
  const renamed = await testLedger();
  await reviseIdentity({
    ...change,
    repo: renamed.repoDir,
    author: renamed.controller,
    parent: renamed.pin.identityRoot,
    doc: await renamedDoc(renamed),
  });
  assertProblem(await verifyLedger(renamed.repoDir, renamed.pin), "delegates_invalid");
  const policy = await governed(1, 1);
  assertProblem(await verifyLedger(policy.repoDir, policy), "delegates_invalid");
});

async function renamedDoc(ledger: TestLedger) {
  return { ...(await verifyRepository(ledger.repoDir, ledger.pin)).identity.doc, description: "another" };
}

test("verifyLedger: a missing sequence number is reported, and is a problem once nothing can be on its way any more", async () => {
  const ledger = await testLedger();
  const writer = await ledger.openWriter();
  const [first, late] = [ledger.source.next(), ledger.source.next({}, { skip: 2 })];
  await writer.append([late, first]);
  const { did } = ledger.source.operator;
  const early = await verifyLedger(ledger.repoDir, ledger.pin);
  assert.deepEqual(
    [early.ok, early.missing.map(({ key, from, to, seenAtIndex }) => [key, from, to, seenAtIndex])],
    [true, [[did, 2, 3, 0]]],
  );
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin, { graceS: 0 }), "ledger_sequence_gap", undefined, 0);
  ledger.clock.advance(8 * 24 * 3600 * 1000);
  await writer.append([ledger.source.next()]);
  await writer.close();
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "ledger_sequence_gap", undefined, 0);
});

test("verifyLedger: checkRecord and policyRid have a say about each record; progress is told", async () => {
  const ledger = await testLedger();
  const records = await ledger.fill(2, 2);
  const seen: number[] = [];
  const checkRecord = (_: AuditRecord, index: number) => {
    if (index === 3) throw new Error("the decision differs");
  };
  const report = await verifyLedger(ledger.repoDir, ledger.pin, { checkRecord, onProgress: (done) => seen.push(done) });
  assertProblem(report, "ledger_record_invalid", nth(records, 3), 3);
  assert.deepEqual(seen, [2]);
  assert.equal((await verifyLedger(ledger.repoDir, ledger.pin, { policyRid: POLICY_RID })).ok, true);
  assertProblem(
    await verifyLedger(ledger.repoDir, ledger.pin, { policyRid: "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji" }),
    "ledger_record_invalid",
  );
});

test("verifyLedger: an op under another's jti is filed under its digest, and nothing else is (every-command-lands)", async () => {
  const ledger = await testLedger();
  const writer = await ledger.openWriter();
  try {
    await writer.append([ledger.source.next(), ledger.source.reused(), ledger.source.next()]);
    assert.equal((await verifyLedger(ledger.repoDir, ledger.pin, { graceS: 0 })).ok, true);
    await writer.append([ledger.source.reused({ code: "policy_denied" })]);
  } finally {
    await writer.close();
  }
  assertProblem(await verifyLedger(ledger.repoDir, ledger.pin), "ledger_record_invalid", undefined, 3);
});
