// The mirror with the real NATS and the real git.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Bus } from "@triplane/bus";
import { alarmSchema, CONSUMERS, generateSigningKey, streamNames, subjects, verifyAuditRecord } from "@triplane/contract";
import { systemClock } from "@triplane/kit";
import { openLedgerWriter, type VerifyLedgerOptions, verifyLedger } from "@triplane/ledger";
import { eventually, startNats, type TempDir, type TestNats, tempDir } from "@triplane/testkit";
import { runAuditMirror } from "./main.ts";
import { createWorld, type RecordChanges, WORKSPACE, type World, writeConfig } from "./testing/world.ts";

const STREAM = streamNames(WORKSPACE).audit;
const lines = { write: () => undefined };
let nats: TestNats;

before(async () => {
  nats = await startNats({ workspace: WORKSPACE });
});
after(() => nats.close());

interface Setting extends AsyncDisposable {
  readonly world: World;
  readonly config: string;
  readonly controller: Bus;
  publish(changes?: RecordChanges): Promise<string>;
  /** A mirror in this process, until the setting ends or `stop` is called. */
  start(...options: readonly string[]): { stop(): Promise<number> };
  /** Waits until nothing on the audit stream is pending or un-acked. */
  settled(): Promise<void>;
  verify(): ReturnType<typeof verifyLedger>;
}

async function setting(): Promise<Setting> {
  const folder: TempDir = await tempDir("mirror");
  const world = await createWorld(folder.path, systemClock);
  const config = await writeConfig(world, { url: nats.url, seed: nats.keyOf({ role: "mirror" }).seed });
  const controller = await nats.bus("controller");
  const watcher = await nats.bus("watcher");
  const running = new Set<{ stop(): Promise<number> }>();
  return {
    world,
    config,
    controller,
    async publish(changes) {
      const record = world.nextRecord(changes);
      await controller.publish(subjects(WORKSPACE).audit, record);
      return record;
    },
    start(...options) {
      const abort = new AbortController();
      const exit = runAuditMirror(["--config", config, ...options], {}, { signal: abort.signal, logSink: lines });
      const mirror = {
        stop() {
          running.delete(mirror);
          abort.abort();
          return exit;
        },
      };
      running.add(mirror);
      return mirror;
    },
    settled: async () => {
      const isSettled = async () => {
        const state = await watcher.consumerState(STREAM, CONSUMERS.audit);
        return state.pending === 0 && state.unacked === 0;
      };
      await eventually(isSettled, { what: "the mirror to settle", timeoutMs: 60_000 });
    },
    verify: () => verifyLedger(world.state.repoDir, world.state, { graceS: 0, policyRid: world.policy.rid }),
    async [Symbol.asyncDispose]() {
      for (const mirror of running) await mirror.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("audit-mirror: every record lands once, in batches, and a record that comes again is only acked (every-command-lands)", async () => {
  await using it = await setting();
  const first = await Promise.all(Array.from({ length: 20 }, () => it.publish()));
  const mirror = it.start();
  await it.settled();
  assert.equal(await mirror.stop(), 0);
  // As the controller's outbox sends it that heard no confirmation.
  const again = `${first[0]}`;
  await it.controller.publish(subjects(WORKSPACE).audit, again);
  await it.publish();
  const second = it.start();
  await it.settled();
  assert.equal(await second.stop(), 0);
  const report = await it.verify();
  assert.deepEqual([report.ok, report.size, report.problems], [true, 21, []]);
});

test("audit-mirror: what is no record is set aside and alarmed, never committed (chain-verified-at-every-hop)", async () => {
  await using it = await setting();
  const bad = [
    "no record at all",
    it.world.nextRecord({ controller: generateSigningKey() }),
    it.world.nextRecord({ keeper: generateSigningKey() }),
  ];
  for (const text of bad) await it.controller.publish(subjects(WORKSPACE).audit, text);
  it.start();
  await it.settled();
  assert.equal((await it.verify()).size, 0);
  const aside = join(it.world.folder, "mirror/aside");
  const kept = await Promise.all((await readdir(aside)).map(async (name) => JSON.parse(await readFile(join(aside, name), "utf8"))));
  assert.deepEqual(new Set(kept.map((item) => Buffer.from(item.bytes, "base64").toString("utf8"))), new Set(bad));
  assert.deepEqual(kept.map((item) => item.code).sort(), ["chain_broken", "ledger_record_invalid", "ledger_record_invalid"]);
  const watcher = await nats.bus("watcher");
  const alarms = (await watcher.all(streamNames(WORKSPACE).alarm, subjects(WORKSPACE).alarm)).map((message) =>
    alarmSchema.parse(JSON.parse(message.text ?? "")),
  );
  for (const code of ["chain_broken", "ledger_record_invalid"]) {
    assert.ok(alarms.some((alarm) => alarm.source === "audit-mirror" && alarm.code === code));
  }
});

test("verifyLedger with decisions: a decision that its policy does not make is found, on this thread and on others (chain-verified-at-every-hop)", async () => {
  await using it = await setting();
  const { world } = it;
  const decisions = { repoDir: world.policy.repoDir, pin: world.policy, minThreshold: 2 };
  const memoryFile = join(world.folder, "verified");
  const verify = (options: VerifyLedgerOptions = { decisions }) => verifyLedger(world.state.repoDir, world.state, options);
  const append = async (records: readonly string[]) => {
    const { repoDir, ...pin } = world.state;
    const writer = await openLedgerWriter({ repoDir, key: world.controller, pin, clock: systemClock });
    await writer.append(records.map(verifyAuditRecord));
    await writer.close();
  };
  const next = (count: number) => Array.from({ length: count }, () => world.nextRecord());
  await append(next(3));
  assert.equal((await verify()).ok, true);
  // What was verified without decisions is verified again where they are asked for.
  assert.deepEqual([(await verify({ memoryFile })).verifiedBefore, (await verify({ memoryFile, decisions })).verifiedBefore], [0, 0]);
  assert.equal((await verify({ memoryFile, decisions })).verifiedBefore, 3);
  // The keeper of another workspace signs well, and may not decide here.
  await append([world.nextRecord({ keeper: generateSigningKey() })]);
  assert.equal((await verify({})).ok, true);
  for (const options of [{ decisions }, { decisions, memoryFile }]) {
    const [problem] = (await verify(options)).problems;
    assert.deepEqual([problem?.code, problem?.index], ["ledger_record_invalid", 3]);
    assert.match(problem?.message ?? "", /the policy lets nobody admit/);
  }
  await assert.rejects(verify({ decisions: { ...decisions, minThreshold: 3 } }), { code: "delegates_invalid" });
});

test("verifyLedger with decisions: many records, checked on other threads", async () => {
  await using it = await setting();
  const { world } = it;
  const { repoDir, ...pin } = world.state;
  const writer = await openLedgerWriter({ repoDir, key: world.controller, pin, clock: systemClock });
  for (const count of [450, 30]) await writer.append(Array.from({ length: count }, () => verifyAuditRecord(world.nextRecord())));
  await writer.append([verifyAuditRecord(world.nextRecord()), verifyAuditRecord(world.nextRecord({ keeper: generateSigningKey() }))]);
  await writer.close();
  const decisions = { repoDir: world.policy.repoDir, pin: world.policy, minThreshold: 2 };
  const [problem] = (await verifyLedger(repoDir, pin, { decisions })).problems;
  assert.deepEqual([problem?.code, problem?.index], ["ledger_record_invalid", 481]);
});

test("audit-mirror: each commit is announced to a Radicle node; the ledger does not wait for one that is not there, or never answers", async () => {
  await using it = await setting();
  const socket = join(it.world.folder, "n.sock");
  const absent = it.start("--radicle-socket", socket);
  await it.publish();
  await it.settled();
  assert.equal(await absent.stop(), 0);
  assert.equal((await it.verify()).size, 1);

  const asked: unknown[] = [];
  const connections = new Set<Socket>();
  const node = createServer((connection) => {
    connections.add(connection);
    connection.on("error", () => {});
    connection.once("data", (line) => {
      asked.push(JSON.parse(line.toString()));
      // The first one, made at the start, stays without an answer.
      if (asked.length > 1) connection.end('{"remote":"z6Mk","at":"0"}\n');
    });
  });
  await new Promise<void>((resolve) => node.listen(socket, resolve));
  try {
    const mirror = it.start("--radicle-socket", socket);
    await eventually(() => asked.length === 1);
    await it.publish();
    await it.settled();
    assert.equal((await it.verify()).size, 2);
    for (const connection of connections) connection.destroy();
    await eventually(() => asked.length >= 2, { what: "the announcement to be tried again" });
    assert.equal(await mirror.stop(), 0);
    const nid = it.world.controller.did.slice("did:key:".length);
    assert.deepEqual(asked[1], { command: "announceRefsFor", rid: it.world.state.rid, namespaces: [nid] });
  } finally {
    await new Promise<void>((resolve) => void node.close(() => resolve()));
  }
});

test("audit-mirror: a second mirror on the same ledger does not start", async () => {
  await using it = await setting();
  it.start();
  await it.publish();
  await it.settled();
  assert.equal(await runAuditMirror(["--config", it.config], {}, { logSink: lines }), 1);
});
