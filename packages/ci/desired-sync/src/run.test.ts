import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type AuditClaims,
  CONSUMERS,
  generateSigningKey,
  type Op,
  streamNames,
  subjects,
  TriplaneError,
  verifyOp,
} from "@triplane/contract";
import { createMetrics, silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { Outbox, Submitter } from "@triplane/submitter";
import { buildAdmission, buildAuditRecord, eventually, startNats, TEST_RID, type TempDir, type TestNats, tempDir } from "@triplane/testkit";
import { stateFile } from "./adapters/state-file.ts";
import { syncMetrics } from "./metrics.ts";
import type { StateStore } from "./ports.ts";
import { DesiredSync } from "./run.ts";

const WORKSPACE = "w1";
const AUDIENCE = `${WORKSPACE}/${TEST_RID}`;
const CI = { role: "operator", principal: "ci" } as const;
const on = subjects(WORKSPACE);
const HEAD = "a".repeat(40);
const NEXT = "c".repeat(40);

let nats: TestNats;
before(async () => {
  nats = await startNats({ workspace: WORKSPACE, identities: [CI] });
});
after(() => nats.close());

interface Plane {
  readonly folder: TempDir;
  readonly sync: DesiredSync;
  /** Head of the desired repository. */
  head: string;
  /** Throws in the place of the state file's next write. */
  crash: boolean;
  /** The same state and outbox under a new process. */
  restart(): DesiredSync;
  /** Takes everything that was published, as the keeper would. */
  published(): Promise<readonly Op[]>;
  /** Publishes what became of an op, as the controller would. */
  answer(op: Op, claims: Partial<AuditClaims>): Promise<void>;
  close(): Promise<void>;
}

async function plane(): Promise<Plane> {
  const folder = await tempDir("sync");
  const key = generateSigningKey();
  const controller = generateSigningKey();
  const [bus, keeper, answering] = await Promise.all([nats.bus(CI, { requestTimeoutMs: 500 }), nats.bus("keeper"), nats.bus("controller")]);
  const consumer = await keeper.consumer(streamNames(WORKSPACE).pending, CONSUMERS.pending);
  const file = stateFile(join(folder.path, "state.json"));
  const clocks = { clock: systemClock, random: systemRandom };
  const make = (): DesiredSync => {
    const outbox = new Outbox({ folder: join(folder.path, "outbox"), audience: AUDIENCE, ...clocks });
    const store: StateStore = {
      read: file.read,
      write: async (state) => {
        if (self.crash) throw new TriplaneError("internal", "crash");
        await file.write(state);
      },
    };
    const trust = { controllerDid: controller.did, audience: AUDIENCE };
    return new DesiredSync({
      workspace: WORKSPACE,
      source: { approvedHead: async () => self.head },
      store,
      outbox,
      submitter: new Submitter({ outbox, bus, workspace: WORKSPACE, principal: "ci", ...trust, ...clocks, logger: silentLogger }),
      metrics: syncMetrics(createMetrics({ name: "desired-sync" })),
      workspaceVersion: async () => 4,
      key,
      scope: "desired",
      expiresInS: 600,
      maxAttempts: 3,
      pollMs: 10,
      resendMs: 3_600_000,
      ...clocks,
      logger: silentLogger,
      signal: new AbortController().signal,
    });
  };
  const self: Plane = {
    folder,
    head: HEAD,
    crash: false,
    get sync() {
      return make();
    },
    restart: make,
    async published() {
      const ops: Op[] = [];
      for (;;) {
        const message = await consumer.next({ waitMs: 150 });
        if (message === undefined) return ops;
        ops.push(verifyOp(message.text ?? ""));
        await message.ackConfirmed();
      }
    },
    async answer(op, claims) {
      const admission = buildAdmission(op);
      const record = buildAuditRecord(op, admission, { aud: AUDIENCE, ...claims }, { key: controller }).compact;
      const text = JSON.stringify({ jti: op.claims.jti, stage: "outcome", record });
      await answering.publish(on.answer("ci", op.claims.jti), text);
    },
    async close() {
      await Promise.all([bus.close(), keeper.close(), answering.close()]);
      await folder[Symbol.asyncDispose]();
    },
  };
  return self;
}

test("DesiredSync: one op for one commit, with the version it saw, and none after it was applied", async () => {
  const at = await plane();
  const { sync } = at;
  await sync.look();
  await sync.look();
  const [op, ...more] = await at.published();
  assert.ok(op !== undefined);
  const { op: kind, target, args, scope, expected_state_version: version, seq } = op.claims;
  assert.deepEqual([kind, target, args, scope, version, seq], ["desired.apply", "workspace", { commit: HEAD }, "desired", 4, 1]);
  assert.deepEqual(more, []);
  await at.answer(op, {});
  await sync.look();
  assert.equal(sync.state?.status, "applied");
  await at.restart().look();
  assert.deepEqual(await at.published(), []);
  at.head = NEXT;
  await at.restart().look();
  assert.deepEqual(
    (await at.published()).map(({ claims }) => [claims.args["commit"], claims.seq]),
    [[NEXT, 2]],
  );
  await at.close();
});

test("DesiredSync: a crash between signing and remembering sends the op that was signed, not another (applied-once)", async () => {
  const at = await plane();
  at.crash = true;
  await assert.rejects(at.sync.look());
  assert.deepEqual(await at.published(), []);
  at.crash = false;
  const restarted = at.restart();
  await restarted.look();
  const sent = new Set((await at.published()).map(({ token }) => token.digest));
  assert.equal(sent.size, 1);
  assert.equal(restarted.state?.attempts, 1);
  await at.close();
});

test("DesiredSync: a crash between remembering and sending leaves the op to the next start (every-command-lands)", async () => {
  const at = await plane();
  await nats.kill();
  try {
    await assert.rejects(at.sync.look(), { name: "TriplaneError" });
  } finally {
    await nats.restart();
  }
  const restarted = at.restart();
  const ops = await eventually(async () => {
    await restarted.look();
    const taken = await at.published();
    return taken.length > 0 && taken;
  });
  assert.deepEqual(
    [restarted.state?.attempts, restarted.state?.jti, new Set(ops.map(({ token }) => token.digest)).size],
    [1, ops[0]?.claims.jti, 1],
  );
  await at.close();
});

test("DesiredSync: a conflict has the commit signed again at most so many times, then it is given up until the head moves", async () => {
  const at = await plane();
  const { sync } = at;
  for (const attempt of [1, 2, 3]) {
    await sync.look();
    const ops = await at.published();
    assert.equal(new Set(ops.map(({ token }) => token.digest)).size, 1, `attempt ${attempt}`);
    assert.ok(ops[0] !== undefined);
    await at.answer(ops[0], { outcome: "conflict", code: "version_conflict" });
  }
  await sync.look();
  await sync.look();
  assert.deepEqual(await at.published(), []);
  assert.deepEqual([sync.state?.status, sync.state?.code], ["failed", "version_conflict"]);
  await at.close();
});

test("stateFile: a file that is not ours is not started over from", async () => {
  await using folder = await tempDir("sync");
  const path = join(folder.path, "state.json");
  await writeFile(path, "{}");
  await assert.rejects(stateFile(path).read(), { code: "config_invalid" });
});
