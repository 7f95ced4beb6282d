// The ops-controller's key changes while records are on their way: real NATS, real git, a policy that two people approve.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CONSUMERS, generateSigningKey, streamNames, subjects, verifyAuditRecord } from "@triplane/contract";
import { systemClock, writeKeyFile } from "@triplane/kit";
import { openLedgerWriter, verifyLedger } from "@triplane/ledger";
import { eventually, startNats, type TestNats, tempDir } from "@triplane/testkit";
import { runAuditMirror } from "./main.ts";
import { createWorld, WORKSPACE, writeConfig } from "./testing/world.ts";

let nats: TestNats;
before(async () => {
  nats = await startNats({ workspace: WORKSPACE });
});
after(() => nats.close());

test("audit-mirror: a new key takes over at its first record, once the policy names it, with nothing lost and nothing twice (every-command-lands)", async () => {
  await using folder = await tempDir("succession");
  const world = await createWorld(folder.path, systemClock);
  const { repoDir, ...pin } = world.state;
  const config = await writeConfig(world, { url: nats.url, seed: nats.keyOf({ role: "mirror" }).seed });
  const next = generateSigningKey();
  const nextFile = join(folder.path, "next.json");
  await writeKeyFile(nextFile, next);
  const bus = await nats.bus("controller");
  const watcher = await nats.bus("watcher");
  const publish = async (record: string) => {
    await bus.publish(subjects(WORKSPACE).audit, record);
    return record;
  };
  const old = async () => await publish(world.nextRecord());
  const fresh = async () => await publish(world.nextRecord({ controller: next }));
  const abort = new AbortController();
  const former = join(folder.path, "mirror/controller.json");
  const logs: string[] = [];
  const logSink = { write: (line: string) => void logs.push(line) };
  const flags = ["--config", config, "--key-file", nextFile, "--former-key-file", former];
  const exit = runAuditMirror(flags, {}, { signal: abort.signal, logSink });
  const size = async () => (await verifyLedger(repoDir, pin)).size;
  const reaches = (count: number, what: string) => eventually(async () => (await size()) === count, { what, timeoutMs: 60_000 });

  const [first] = [await old(), await old(), await old()];
  await fresh();
  await reaches(3, "the old key's records");
  const waits = () => logs.some((line) => line.includes("succession_unapproved"));
  await eventually(async () => waits(), { what: "the new key's record to wait for the policy", timeoutMs: 60_000 });
  assert.equal(await size(), 3);
  await world.approveController(next);
  await reaches(4, "the new key's record");
  await fresh();
  // The old key's controller had stored a record that it never sent, and one that it sent: the first is refused, the second known.
  const late = await old();
  await publish(first ?? "");
  await fresh();
  await reaches(6, "what came after");
  await eventually(
    async () => {
      const state = await watcher.consumerState(streamNames(WORKSPACE).audit, CONSUMERS.audit);
      return state.pending === 0 && state.unacked === 0;
    },
    { what: "the mirror to settle", timeoutMs: 60_000 },
  );
  assert.equal((await readdir(join(folder.path, "mirror/aside"))).length, 1, "the late record is kept as evidence");
  abort.abort();
  assert.equal(await exit, 0);

  const decisions = { repoDir: world.policy.repoDir, pin: world.policy, minThreshold: 2 };
  for (const controller of [next.did, world.controller.did]) {
    const report = await verifyLedger(repoDir, pin, { decisions, controller, policyRid: world.policy.rid });
    const [handing] = report.successions;
    assert.deepEqual([report.problems, report.size, report.controller, handing?.size], [[], 6, next.did, 3]);
  }
  // A writer with the old key alone has nothing to write any more; the new one needs the old one no longer.
  await assert.rejects(openLedgerWriter({ repoDir, pin, key: world.controller, clock: systemClock }), { code: "delegates_invalid" });
  const writer = await openLedgerWriter({ repoDir, pin, key: next, clock: systemClock });
  await assert.rejects(writer.append([verifyAuditRecord(late)]), { code: "ledger_record_invalid" });
  await writer.close();
});

test("verifyLedger with decisions: a ledger that went to a key that no approved policy names does not verify", async () => {
  await using folder = await tempDir("succession-groundless");
  const world = await createWorld(folder.path, systemClock);
  const { repoDir, ...pin } = world.state;
  const thief = generateSigningKey();
  const first = verifyAuditRecord(world.nextRecord());
  const [, policyRid = ""] = first.claims.aud.split("/");
  const writer = await openLedgerWriter({ repoDir, pin, key: thief, former: world.controller, clock: systemClock });
  await writer.append([first]);
  const { commit, digest } = JSON.parse(Buffer.from(first.claims.decision.split(".")[1] ?? "", "base64url").toString()).policy;
  await writer.handOver({ audience: first.claims.aud, policy: { rid: policyRid, commit, digest } });
  await writer.close();
  const decisions = { repoDir: world.policy.repoDir, pin: world.policy, minThreshold: 2 };
  const [problem] = (await verifyLedger(repoDir, pin, { decisions })).problems;
  assert.equal(problem?.code, "ledger_chain_broken");
  assert.match(problem?.message ?? "", /names did:key:z6Mk\w+ as the ops-controller/);
});
