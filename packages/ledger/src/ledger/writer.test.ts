import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { namespaced, nidOfDid } from "../radicle/layout.ts";
import { failsWith, git, governed, keys, nth, RecordSource, testLedger, WORKSPACE } from "../testing.ts";
import { findRecord, ledgerCheckpoint, readLedger } from "./read.ts";
import { verifyLedger } from "./verify.ts";
import { openLedgerWriter } from "./writer.ts";

test("append: one commit a batch, with a Jti trailer per record and the chain's head", async () => {
  const ledger = await testLedger();
  const records = await ledger.fill(1, 3);
  const log = git(ledger.repoDir, ["log", "--reverse", "--format=%s%n%(trailers:key=Jti,valueonly)%(trailers:key=Chain)", "main"]);
  const [first, ...rest] = log.split("\n").filter((line) => line !== "");
  assert.equal(first, "Record 0");
  assert.deepEqual(
    rest.filter((line) => /^[0-9a-f-]{36}$/.test(line)),
    records.map((record) => record.claims.subject),
  );
  assert.equal(rest.filter((line) => /^Chain: sha256:[0-9a-f]{64}$/.test(line)).length, 2);
  const report = await verifyLedger(ledger.repoDir, ledger.pin);
  assert.deepEqual([report.ok, report.size, report.workspace, report.controller], [true, 4, WORKSPACE, ledger.controller.did]);
});

test("append: a known subject is skipped, in the ledger and inside a batch (every-command-lands)", async () => {
  const ledger = await testLedger();
  const known = nth(await ledger.fill(1), 0);
  const writer = await ledger.openWriter();
  const fresh = ledger.source.next();
  assert.deepEqual(await writer.append([known, fresh, fresh]), {
    commit: git(ledger.repoDir, ["rev-parse", "main"]),
    size: 2,
    skipped: [known.claims.subject, fresh.claims.subject],
  });
  assert.equal(await writer.has(fresh.claims.subject), true);
  assert.equal(await writer.has("01890000-0000-7000-8000-000000000000"), false);
  assert.deepEqual(await writer.append([fresh]), { commit: undefined, size: 2, skipped: [fresh.claims.subject] });
  await writer.close();
  await assert.rejects(writer.append([fresh]), failsWith("git_failed"));
});

test("append: crosses tiles and folders; the ledger verifies at every size", async () => {
  const ledger = await testLedger();
  const records = await ledger.fill(255, 1, 1, 500, 300);
  assert.equal((await verifyLedger(ledger.repoDir, ledger.pin)).ok, true);
  for (const index of [0, 255, 256, 757, 999, 1000, 1056]) {
    const found = await findRecord(ledger.repoDir, ledger.pin, nth(records, index).claims.subject);
    assert.deepEqual([found?.index, found?.record.token.compact], [index, nth(records, index).token.compact]);
  }
  assert.equal(await findRecord(ledger.repoDir, ledger.pin, "sha256:nothing"), undefined);
});

test("append: refuses records of others and of other workspaces, too many, too large", async () => {
  const ledger = await testLedger();
  const writer = await ledger.openWriter();
  const stranger = nth(keys(1), 0);
  await assert.rejects(writer.append([ledger.source.next({}, { signer: stranger })]), failsWith("ledger_record_invalid"));
  await assert.rejects(writer.append([ledger.source.next({ aud: "other/rad:z" })]), failsWith("ledger_record_invalid"));
  const one = ledger.source.next();
  await assert.rejects(writer.append(Array.from({ length: 501 }, () => one)), failsWith("ledger_record_invalid"));
  assert.equal(writer.size, 0);
  await writer.close();
});

test("openLedgerWriter: one writer at a time, and the next one once that has ended", async () => {
  const ledger = await testLedger();
  const writer = await ledger.openWriter();
  await assert.rejects(ledger.openWriter(), failsWith("ledger_locked"));
  await writer.close();
  const second = await ledger.openWriter();
  await second.close();
});

test("openLedgerWriter: only the only delegate writes (state-repo-single-delegate)", async () => {
  const ledger = await testLedger();
  const options = { repoDir: ledger.repoDir, pin: ledger.pin, clock: ledger.clock };
  await assert.rejects(openLedgerWriter({ ...options, key: nth(keys(1), 0) }), failsWith("delegates_invalid"));
  const policy = await governed(1, 1);
  const wrong = { repoDir: policy.repoDir, pin: policy, clock: policy.clock, key: nth(policy.delegates, 0) };
  await assert.rejects(openLedgerWriter(wrong), failsWith("delegates_invalid"));
  const shared = await governed(2, 1, `${WORKSPACE}-state`);
  const report = await verifyLedger(shared.repoDir, shared);
  assert.deepEqual([report.ok, report.problems[0]?.code], [false, "delegates_invalid"]);
});

test("openLedgerWriter: a write that was torn before its signature did not happen (persist-before-ack)", async () => {
  const ledger = await testLedger();
  await ledger.fill(2);
  const head = git(ledger.repoDir, ["rev-parse", "main"]);
  const torn = git(ledger.repoDir, ["commit-tree", `${head}^{tree}`, "-p", head, "-m", "torn"]);
  const own = namespaced(nidOfDid(ledger.controller.did), "refs/heads/main");
  for (const name of ["refs/heads/main", own]) git(ledger.repoDir, ["update-ref", name, torn]);
  writeFileSync(join(ledger.repoDir, `${own}.lock`), "");
  assert.equal((await verifyLedger(ledger.repoDir, ledger.pin)).ok, false);
  const records = await ledger.fill(1);
  assert.equal(records.length, 1);
  const report = await verifyLedger(ledger.repoDir, ledger.pin);
  assert.deepEqual([report.ok, report.size, report.problems], [true, 3, []]);
});

test("openLedgerWriter: a first write that was torn leaves an empty ledger", async () => {
  const ledger = await testLedger();
  const tree = git(ledger.repoDir, ["mktree"]);
  git(ledger.repoDir, ["update-ref", "refs/heads/main", git(ledger.repoDir, ["commit-tree", tree, "-m", "torn"])]);
  const writer = await ledger.openWriter();
  assert.deepEqual([writer.size, writer.checkpoint], [0, undefined]);
  await writer.close();
  assert.equal((await verifyLedger(ledger.repoDir, ledger.pin)).ok, true);
});

test("pitfall 36: a batch costs the same few git objects whatever the ledger's length", async () => {
  const ledger = await testLedger();
  const count = () => Number(/^in-pack: (\d+)$/m.exec(git(ledger.repoDir, ["count-objects", "-v"]))?.[1]);
  await ledger.fill(5);
  const before = count();
  await ledger.fill(1);
  const early = count() - before;
  await ledger.fill(500, 500, 500);
  const middle = count();
  await ledger.fill(1);
  const late = count() - middle;
  assert.ok(late <= early + 4, `${late} objects after 1506 records, ${early} after 5`);
});

test("tidy: many small packs become few, and nothing is lost", async () => {
  const ledger = await testLedger();
  const writer = await ledger.openWriter();
  for (let batch = 0; batch < 12; batch += 1) await writer.append([ledger.source.next()]);
  await writer.tidy();
  assert.equal((await writer.append([ledger.source.next()])).size, 13);
  await writer.close();
  assert.ok(Number(/^packs: (\d+)$/m.exec(git(ledger.repoDir, ["count-objects", "-v"]))?.[1]) <= 4);
  assert.equal((await verifyLedger(ledger.repoDir, ledger.pin)).ok, true);
});

test("readLedger: forwards, backwards, from an index; each entry with its commit", async () => {
  const ledger = await testLedger();
  const records = await ledger.fill(2, 3, 1);
  const subjects = records.map((record) => record.claims.subject);
  const read = async (options?: Parameters<typeof readLedger>[2]) => {
    const found = [];
    for await (const entry of readLedger(ledger.repoDir, ledger.pin, options)) found.push(entry);
    return found;
  };
  const forwards = await read();
  assert.deepEqual(
    forwards.map(({ index, subject }) => [index, subject]),
    subjects.map((subject, index) => [index, subject]),
  );
  assert.equal(new Set(forwards.map(({ commit }) => commit)).size, 3);
  assert.deepEqual(
    (await read({ newestFirst: true })).map(({ subject }) => subject),
    subjects.toReversed(),
  );
  assert.deepEqual(
    (await read({ fromIndex: 3 })).map(({ index }) => index),
    [3, 4, 5],
  );
  assert.equal((await ledgerCheckpoint(ledger.repoDir, ledger.pin))?.size, 6);
});

test("RecordSource: pitfall 37: refusals land as records too", async () => {
  const ledger = await testLedger();
  const writer = await ledger.openWriter();
  await writer.append([ledger.source.refused(true), ledger.source.refused(false), ledger.source.next()]);
  await writer.close();
  const report = await verifyLedger(ledger.repoDir, ledger.pin, { graceS: 0 });
  assert.deepEqual([report.ok, report.missing], [true, []]);
  assert.ok(ledger.source instanceof RecordSource);
});
