// The contract suite of the ledger's writer: what every implementation of the port must do, on git or as a double.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AuditRecord } from "@triplane/contract";
import type { LedgerWriter } from "@triplane/ledger";
import { rejects } from "./bus-contract.ts";

/** An empty ledger, fresh for every case, and records for it. */
export interface LedgerUnderTest extends AsyncDisposable {
  open(): Promise<LedgerWriter>;
  /** The next record that belongs into this ledger. */
  record(): AuditRecord;
  /** A record that another key signed. */
  recordOfStranger(): AuditRecord;
  /** A record of another workspace. */
  recordFromElsewhere(): AuditRecord;
  /** Subjects in the ledger, in order, as a reader sees them. */
  subjects(): Promise<readonly string[]>;
  /** The next append fails on its way to the disk, after it wrote something. */
  failNext(): Promise<void>;
}

/** Registers the cases under `name`. */
export function ledgerWriterContract(name: string, make: () => Promise<LedgerUnderTest>): void {
  const subjectsOf = (records: readonly AuditRecord[]): readonly string[] => records.map(({ claims }) => claims.subject);

  describe(`${name}: append`, () => {
    it("when it returns, the batch is in the ledger, in order (persist-before-ack)", async () => {
      await using set = await make();
      const writer = await set.open();
      assert.deepEqual([writer.size, writer.checkpoint], [0, undefined]);
      const records = [set.record(), set.record(), set.record()];
      const result = await writer.append(records);
      assert.deepEqual([result.size, result.skipped], [3, []]);
      assert.equal(typeof result.commit, "string");
      assert.deepEqual(await set.subjects(), subjectsOf(records));
      await writer.append([set.record()]);
      assert.equal((await set.subjects()).length, 4);
      await writer.close();
    });

    it("commits a subject once: what is known, or twice in a batch, is skipped and named (every-command-lands)", async () => {
      await using set = await make();
      const writer = await set.open();
      const known = set.record();
      const fresh = set.record();
      await writer.append([known]);
      const { size, skipped } = await writer.append([known, fresh, fresh]);
      assert.deepEqual([size, skipped], [2, subjectsOf([known, fresh])]);
      const nothing = await writer.append([fresh]);
      assert.deepEqual(nothing, { commit: undefined, size: 2, skipped: subjectsOf([fresh]) });
      assert.deepEqual(await set.subjects(), subjectsOf([known, fresh]));
      await writer.close();
    });

    it("refuses a batch as a whole for a record of another key or workspace, and for its size", async () => {
      await using set = await make();
      const writer = await set.open();
      const good = set.record();
      await rejects(writer.append([good, set.recordOfStranger()]), "ledger_record_invalid");
      await rejects(writer.append([good, set.recordFromElsewhere()]), "ledger_record_invalid");
      await rejects(writer.append(Array.from({ length: 501 }, () => good)), "ledger_record_invalid");
      assert.deepEqual(await set.subjects(), []);
      assert.equal((await writer.append([good])).size, 1);
      await writer.close();
    });

    it("moves the checkpoint with every batch, and its time never back", async () => {
      await using set = await make();
      const writer = await set.open();
      await writer.append([set.record()]);
      const first = writer.checkpoint;
      await writer.append([set.record(), set.record()]);
      const second = writer.checkpoint;
      assert.deepEqual([first?.size, second?.size], [1, 3]);
      assert.notEqual(first?.root, second?.root);
      assert.ok(first !== undefined && second !== undefined && second.timeMs >= first.timeMs);
      await writer.close();
    });

    it("after a failure the writer is spent; the next one goes on with what is there", async () => {
      await using set = await make();
      const writer = await set.open();
      const before = set.record();
      await writer.append([before]);
      const torn = set.record();
      await set.failNext();
      await rejects(writer.append([torn]), "git_failed");
      await rejects(writer.append([torn]), "git_failed");
      await writer.close();
      const next = await set.open();
      await next.append([torn]);
      assert.deepEqual(await set.subjects(), subjectsOf([before, torn]));
      assert.equal(next.size, 2);
      await next.close();
    });
  });

  describe(`${name}: writer`, () => {
    it("has: exactly what is in the ledger", async () => {
      await using set = await make();
      const writer = await set.open();
      const [one, other] = [set.record(), set.record()];
      await writer.append([one]);
      assert.deepEqual([await writer.has(one.claims.subject), await writer.has(other.claims.subject)], [true, false]);
      await writer.close();
    });

    it("is the only one: a second is refused, and the next starts where the last one ended", async () => {
      await using set = await make();
      const writer = await set.open();
      const record = set.record();
      await writer.append([record]);
      await rejects(set.open(), "ledger_locked");
      const { checkpoint } = writer;
      await writer.close();
      await rejects(writer.append([set.record()]), "git_failed");
      const next = await set.open();
      assert.deepEqual([next.size, next.checkpoint, await next.has(record.claims.subject)], [1, checkpoint, true]);
      await next.close();
      await next.close();
    });

    it("tidy: loses nothing", async () => {
      await using set = await make();
      const writer = await set.open();
      for (let batch = 0; batch < 4; batch += 1) await writer.append([set.record()]);
      await writer.tidy();
      await writer.append([set.record()]);
      assert.equal((await set.subjects()).length, 5);
      await writer.close();
    });
  });
}
