// The outbox on a real file system, with real processes that race and die.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { generateSigningKey, type SigningKey, verifyOp } from "@triplane/contract";
import { systemRandom } from "@triplane/kit";
import { buildAdmission, buildAuditRecord, buildOp, manualClock, rejects, tempDir } from "@triplane/testkit";
import type { OpOutcome } from "./entry.ts";
import { type OpDraft, Outbox } from "./outbox.ts";

const AUDIENCE = "w1/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
const DRAFT: OpDraft = {
  op: "component.deploy",
  target: "web",
  scope: "apps",
  args: { replicas: 2 },
  expected_state_version: 0,
  expiresInS: 600,
};

function outboxIn(folder: string): Outbox {
  return new Outbox({ folder: join(folder, "alice"), audience: AUDIENCE, clock: manualClock(), random: systemRandom });
}

/** A well-formed outcome; who signed it is not the outbox's business. */
function outcome(compact: string, members: Partial<OpOutcome> = {}): OpOutcome {
  const op = verifyOp(compact);
  return { record: buildAuditRecord(op, buildAdmission(op)).compact, outcome: "applied", consumes_seq: true, ...members };
}

const seqOf = (compact: string): number => verifyOp(compact).claims.seq;

describe("Outbox.prepare", () => {
  it("signs with the next number and has the op on disk, private, before it returns", async () => {
    await using folder = await tempDir();
    const key = generateSigningKey();
    const outbox = outboxIn(folder.path);
    const plan = "sha256:".padEnd(71, "a") as NonNullable<OpDraft["plan"]>;
    const first = await outbox.prepare({ ...DRAFT, reason: "because", plan, notBeforeS: 1 }, key);
    const second = await outbox.prepare(DRAFT, key);
    assert.deepEqual([first.claims.seq, second.claims.seq], [1, 2]);
    assert.deepEqual(
      [first.claims.aud, first.claims.iss, first.claims.reason, first.claims.plan, first.claims.nbf],
      [AUDIENCE, key.did, "because", plan, 1],
    );
    assert.equal(first.claims.exp - first.claims.iat, 600);
    assert.deepEqual(
      (await outboxIn(folder.path).pending()).map(({ entry }) => entry.op),
      [first.entry.op, second.entry.op],
    );
    const file = join(folder.path, "alice", "ops", key.did.slice(8), "1.json");
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(join(folder.path, "alice"))).mode & 0o777, 0o700);
    assert.equal(JSON.parse(await readFile(file, "utf8")).op, first.entry.op);
  });

  it("counts per key", async () => {
    await using folder = await tempDir();
    const outbox = outboxIn(folder.path);
    for (const key of [generateSigningKey(), generateSigningKey()]) assert.equal((await outbox.prepare(DRAFT, key)).claims.seq, 1);
  });

  it("gives every one of several processes a number of its own, without a gap", async () => {
    await using folder = await tempDir();
    const key = generateSigningKey();
    const each = 15;
    const children = await Promise.all([1, 2, 3].map(() => preparing(folder.path, key, each)));
    assert.deepEqual(
      children.map((child) => child.code),
      [0, 0, 0],
    );
    const numbers = (await outboxIn(folder.path).pending()).map(({ claims }) => claims.seq);
    assert.deepEqual(
      numbers,
      Array.from({ length: 3 * each }, (_, index) => index + 1),
    );
    const names = await readdir(join(folder.path, "alice", "ops", key.did.slice(8)));
    assert.ok(
      names.every((name) => /^\d+\.json$/.test(name)),
      "no temporary file is left behind",
    );
  });

  it("every-command-lands: a process killed at any moment leaves whole ops and contiguous numbers", async () => {
    await using folder = await tempDir();
    const key = generateSigningKey();
    for (const afterMs of [120, 180, 240]) await preparing(folder.path, key, 100_000, afterMs);
    const outbox = outboxIn(folder.path);
    const numbers = (await outbox.pending()).map(({ claims }) => claims.seq);
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, index) => index + 1),
    );
    assert.equal((await outbox.prepare(DRAFT, key)).claims.seq, numbers.length + 1);
  });
});

describe("Outbox.finish", () => {
  it("moves an op to the done ones, once and for all; its number stays taken", async () => {
    await using folder = await tempDir();
    const key = generateSigningKey();
    const outbox = outboxIn(folder.path);
    const op = await outbox.prepare(DRAFT, key);
    for (let time = 0; time < 2; time += 1) await outbox.finish(op, outcome(op.entry.op));
    assert.deepEqual(await outbox.pending(), []);
    assert.equal((await outbox.find(op.entry.jti))?.entry.outcome?.outcome, "applied");
    assert.equal((await outbox.list()).length, 1);
    assert.equal(await outbox.nextSeq(key.did), 2);
  });

  it("sequence_gap: learns a greater number, and gives the uncounted one back", async () => {
    await using folder = await tempDir();
    const key = generateSigningKey();
    const outbox = outboxIn(folder.path);
    const op = await outbox.prepare(DRAFT, key);
    await outbox.finish(op, outcome(op.entry.op, { outcome: "refused", code: "sequence_gap", consumes_seq: false, expected_seq: 7 }));
    assert.equal(await outbox.nextSeq(key.did), 7);
    assert.equal((await outbox.prepare(DRAFT, key)).claims.seq, 7);
  });

  it("never gives out a number that was counted, whatever a keeper expects", async () => {
    await using folder = await tempDir();
    const key = generateSigningKey();
    const outbox = outboxIn(folder.path);
    for (let count = 0; count < 3; count += 1) {
      const op = await outbox.prepare(DRAFT, key);
      await outbox.finish(op, outcome(op.entry.op));
    }
    const op = await outbox.prepare(DRAFT, key);
    await outbox.finish(op, outcome(op.entry.op, { outcome: "refused", code: "sequence_gap", consumes_seq: false, expected_seq: 2 }));
    assert.equal(await outbox.nextSeq(key.did), 4);
  });

  it("a crash between its steps leaves an op that is finished again", async () => {
    await using folder = await tempDir();
    const key = generateSigningKey();
    const outbox = outboxIn(folder.path);
    const op = await outbox.prepare(DRAFT, key);
    const file = join(folder.path, "alice", "ops", key.did.slice(8), "1.json");
    const before = await readFile(file);
    await outbox.finish(op, outcome(op.entry.op));
    await writeFile(file, before);
    assert.equal((await outbox.list()).length, 1);
    assert.equal((await outbox.find(op.entry.jti))?.entry.outcome?.outcome, "applied");
    await outbox.finish(op, outcome(op.entry.op));
    assert.deepEqual(await outbox.pending(), []);
  });
});

describe("Outbox.adopt", () => {
  it("stores an op signed elsewhere once", async () => {
    await using folder = await tempDir();
    const outbox = outboxIn(folder.path);
    const { compact } = buildOp({ seq: 4 });
    assert.equal((await outbox.adopt(compact)).entry.op, compact);
    assert.equal((await outbox.adopt(compact)).entry.op, compact);
    assert.equal((await outbox.list()).length, 1);
  });

  it("refuses what is no signed op, another op with a number, another op with a jti", async () => {
    await using folder = await tempDir();
    const outbox = outboxIn(folder.path);
    await rejects(outbox.adopt("x.y.z"), "json_invalid", "token_malformed");
    const first = buildOp({ seq: 4 });
    await outbox.adopt(first.compact);
    await rejects(outbox.adopt(buildOp({ seq: 4 }, { key: first.key }).compact), "sequence_fork");
    await rejects(outbox.adopt(buildOp({ seq: 5, jti: first.op.claims.jti }, { key: first.key }).compact), "jti_reused");
  });
});

describe("Outbox: damage", () => {
  it("outbox_damaged: says which file, instead of sending or skipping it", async () => {
    await using folder = await tempDir();
    const key = generateSigningKey();
    const outbox = outboxIn(folder.path);
    const op = await outbox.prepare(DRAFT, key);
    const file = join(folder.path, "alice", "ops", key.did.slice(8), "1.json");
    for (const text of [
      "{",
      "{}",
      JSON.stringify({ ...op.entry, jti: op.entry.jti.replace(/.$/, (last) => (last === "0" ? "1" : "0")) }),
      JSON.stringify({ ...op.entry, op: "a.b.c" }),
    ]) {
      await writeFile(file, text);
      const refused = await rejects(outbox.pending(), "outbox_damaged");
      assert.equal(refused.details["path"], file);
    }
  });

  it("find: undefined for what is no jti, so no path is made of it", async () => {
    await using folder = await tempDir();
    const outbox = outboxIn(folder.path);
    for (const jti of ["../../etc/passwd", "", "x"]) assert.equal(await outbox.find(jti), undefined);
    assert.deepEqual(await outbox.list(), []);
  });

  it("keeps the op where it cannot be stored from ever being sent: the error comes first", async () => {
    await using folder = await tempDir();
    const outbox = outboxIn(folder.path);
    await mkdir(join(folder.path, "alice"));
    await writeFile(join(folder.path, "alice", "ops"), "a file in the way");
    await assert.rejects(outbox.prepare(DRAFT, generateSigningKey()));
    await rm(join(folder.path, "alice", "ops"));
    await chmod(join(folder.path, "alice"), 0o700);
    assert.equal(seqOf((await outbox.prepare(DRAFT, generateSigningKey())).entry.op), 1);
  });
});

/** A process that prepares ops in the same outbox, killed after a while if asked. */
async function preparing(folder: string, key: SigningKey, count: number, killAfterMs?: number): Promise<{ readonly code: number | null }> {
  const program = fileURLToPath(new URL("./testing/prepare-ops.ts", import.meta.url));
  const seed = Buffer.from(key.seed).toString("hex");
  const child = spawn(process.execPath, [program, join(folder, "alice"), String(count)], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(seed);
  if (killAfterMs !== undefined) {
    await once(child.stdout, "data");
    setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  }
  const [code] = await once(child, "exit");
  return { code: typeof code === "number" ? code : null };
}

describe("Outbox: what it remembers", () => {
  it("believes the files, whatever another process did to them in the meantime", async () => {
    await using folder = await tempDir();
    const key = generateSigningKey();
    const one = outboxIn(folder.path);
    const other = outboxIn(folder.path);
    const first = await one.prepare(DRAFT, key);
    const second = await one.prepare(DRAFT, key);
    assert.equal((await one.unsentBefore(second))[0]?.entry.jti, first.entry.jti);
    // The other one ends both: the first for good, the second so that its number is free again, and takes that.
    await other.finish(first, outcome(first.entry.op));
    await other.finish(second, outcome(second.entry.op, { outcome: "refused", consumes_seq: false, code: "sequence_gap" }));
    const third = await other.prepare(DRAFT, key);
    assert.equal(third.claims.seq, second.claims.seq);
    assert.equal((await one.find(first.entry.jti))?.entry.outcome?.outcome, "applied");
    assert.equal((await one.find(second.entry.jti))?.entry.outcome?.outcome, "refused");
    assert.equal((await one.find(third.entry.jti))?.entry.op, third.entry.op);
    assert.deepEqual(
      (await one.pending()).map(({ entry }) => entry.jti),
      [third.entry.jti],
    );
    const fourth = await one.prepare(DRAFT, key);
    assert.deepEqual(
      (await one.unsentBefore(fourth)).map(({ entry }) => entry.jti),
      [third.entry.jti],
    );
  });

  it("still says that a file is damaged, after it has read it whole before", async () => {
    await using folder = await tempDir();
    const key = generateSigningKey();
    const outbox = outboxIn(folder.path);
    const { entry } = await outbox.prepare(DRAFT, key);
    await writeFile(join(folder.path, "alice", "ops", key.did.slice(8), "1.json"), '{"jti":');
    await rejects(outbox.find(entry.jti), "outbox_damaged");
  });
});
