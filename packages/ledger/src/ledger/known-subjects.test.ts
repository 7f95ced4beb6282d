// The writer's table of subjects is derived: lost, behind, damaged or of another history, the ledger's own index wins.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { namespaced, nidOfDid } from "../radicle/layout.ts";
import { git, nth, type TestLedger, testLedger } from "../testing.ts";
import { appendKeys, EMPTY_INDEX, INDEX_FILE_RECORDS, indexPath, keysFrom, loadIndexEnd, subjectKey } from "./subject-index.ts";
import { SubjectTable } from "./subject-table.ts";

const tableOf = (ledger: TestLedger) => join(ledger.repoDir, "triplane-subjects.sqlite");

async function assertKnows(ledger: TestLedger, subjects: readonly string[], unknown: readonly string[] = []): Promise<void> {
  const writer = await ledger.openWriter();
  try {
    for (const subject of subjects) assert.equal(await writer.has(subject), true, subject);
    for (const subject of unknown) assert.equal(await writer.has(subject), false, subject);
  } finally {
    await writer.close();
  }
}

test("KnownSubjects: a lost, damaged or old table is brought up to date from the index (every-command-lands)", async () => {
  const ledger = await testLedger();
  const records = await ledger.fill(3, 2);
  const subjects = records.map((record) => record.claims.subject);
  const old = readFileSync(tableOf(ledger));
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${tableOf(ledger)}${suffix}`, { force: true });
  await assertKnows(ledger, subjects);
  writeFileSync(tableOf(ledger), "not a database at all, but as long as the head of one would be".repeat(30));
  await assertKnows(ledger, subjects);
  const more = await ledger.fill(1, 1);
  for (const suffix of ["-wal", "-shm"]) rmSync(`${tableOf(ledger)}${suffix}`, { force: true });
  writeFileSync(tableOf(ledger), old);
  await assertKnows(ledger, [...subjects, ...more.map((record) => record.claims.subject)], [ledger.source.next().claims.subject]);
});

test("KnownSubjects: a table of a history that no longer counts is made anew", async () => {
  const ledger = await testLedger();
  const records = await ledger.fill(2, 1);
  const older = git(ledger.repoDir, ["rev-parse", "main~1"]);
  const namespace = namespaced(nidOfDid(ledger.controller.did), "");
  for (const name of ["refs/heads/main", `${namespace}refs/heads/main`]) git(ledger.repoDir, ["update-ref", name, older]);
  git(ledger.repoDir, ["update-ref", `${namespace}refs/rad/sigrefs`, `${namespace}refs/rad/sigrefs~1`]);
  const [first, second, dropped] = [0, 1, 2].map((at) => nth(records, at).claims.subject) as [string, string, string];
  await assertKnows(ledger, [first, second], [dropped]);
});

test("SubjectTable: namesakes of a key are all found, once each", () => {
  const table = SubjectTable.inMemory();
  const [one, other] = [subjectKey("one"), subjectKey("other")];
  for (let again = 0; again < 2; again += 1) {
    table.add(Buffer.concat([one, other]), 5);
    table.add(one, 9);
  }
  assert.deepEqual([table.candidates(one), table.candidates(other), table.candidates(subjectKey("none"))], [[5, 9], [6], []]);
  table.close();
});

test("appendKeys: files are full but for the last, and read back as they were written, however they were appended", async () => {
  const keys = Array.from({ length: 2 * INDEX_FILE_RECORDS + 3 }, (_, at) => subjectKey(`subject ${at}`));
  const files = new Map<string, Buffer>();
  let end = EMPTY_INDEX;
  for (const [from, to] of [
    [0, 1],
    [1, INDEX_FILE_RECORDS],
    [INDEX_FILE_RECORDS, 2 * INDEX_FILE_RECORDS + 3],
  ] as const) {
    const change = appendKeys(end, keys.slice(from, to));
    for (const [path, content] of change.files) {
      if (content === undefined) assert.equal(files.delete(path), true);
      else files.set(path, Buffer.from(content));
    }
    end = change.end;
  }
  assert.deepEqual([...files.keys()].sort(), [indexPath(0, INDEX_FILE_RECORDS), indexPath(1, INDEX_FILE_RECORDS), indexPath(2, 3)].sort());
  const readFile = async (path: string) => files.get(path);
  assert.deepEqual(await loadIndexEnd(keys.length, readFile), end);
  const parts: Buffer[] = [];
  for await (const part of keysFrom(5, keys.length, readFile)) parts.push(part.keys);
  assert.ok(Buffer.concat(parts).equals(Buffer.concat(keys.slice(5))));
});
