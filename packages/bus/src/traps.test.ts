// The known ways around permissions, and what the broker does with what it takes for known, tried against a real server (docs/reference/bus.md).
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { afterEach, beforeEach, describe, it } from "node:test";
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { CONSUMERS, consumerSettings, streamNames, subjects } from "@triplane/contract";
import { silentLogger } from "@triplane/kit";
import { eventually, startNats, type TestNats } from "@triplane/testkit";
import { openConnection } from "./connection.ts";
import type { Identity } from "./identities.ts";

const on = subjects("w1");
const streams = streamNames("w1");
const ALICE: Identity = { role: "operator", principal: "alice" };
const MALLORY: Identity = { role: "approver", principal: "mallory" };

let nats: TestNats;
let manager: JetStreamManager;
const open: NatsConnection[] = [];

beforeEach(async () => {
  nats = await startNats({ identities: [ALICE, MALLORY] });
  manager = await jetstreamManager(await raw({ role: "provisioner" }));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((connection) => connection.close()));
  await nats.close();
});

async function raw(identity: Identity): Promise<NatsConnection> {
  const connection = await openConnection({ servers: nats.url, identity, nkeySeed: nats.keyOf(identity).seed, logger: silentLogger });
  open.push(connection);
  return connection;
}

const stored = async (stream: string): Promise<number> => (await manager.streams.info(stream)).state.messages;

async function census(): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for await (const stream of manager.streams.list()) counts[stream.config.name] = stream.state.messages;
  return counts;
}

/** Two words of the controller on the audit stream, as a purge would have something to take. */
async function fillAudit(): Promise<void> {
  const controller = await nats.bus("controller");
  for (const text of ["record 1", "record 2"]) await controller.publish(on.audit, text);
}

const HOSTILE_REPLIES = [
  on.cmd,
  on.audit,
  on.alarm,
  on.approval("x"),
  `$JS.API.STREAM.PURGE.${streams.audit}`,
  `$JS.API.STREAM.DELETE.${streams.audit}`,
  `$JS.API.CONSUMER.DELETE.${streams.cmd}.${CONSUMERS.cmd}`,
  `OPS.API.STREAM.PURGE.${streams.audit}`,
  `$KV.OPS_SEQ_w1.z6Mk`,
];

describe("trap 1: the reply subject as a way around publish permissions", () => {
  it("an operator's pending op with a hostile reply subject lands once in pending, and nothing else happens", async () => {
    await fillAudit();
    const before = await census();
    const alice = await raw(ALICE);
    for (const [index, reply] of HOSTILE_REPLIES.entries()) alice.publish(on.pending, `op ${index}`, { reply });
    await eventually(async () => (await stored(streams.pending)) >= HOSTILE_REPLIES.length);
    await alice.flush();
    assert.deepEqual(await census(), { ...before, [streams.pending]: HOSTILE_REPLIES.length });
  });

  it("is real: a user inside the streams' account gets a confirmation into the command stream that way", async () => {
    const widened = 'publish: ["ops.pending.w1", "$JS.API.>"';
    await using unsafe = await startNats({ editConfig: (config) => config.replace('publish: ["$JS.API.>"', widened) });
    const identity = { role: "provisioner" } as const;
    const inside = await openConnection({ servers: unsafe.url, identity, nkeySeed: unsafe.keyOf(identity).seed, logger: silentLogger });
    inside.publish(on.pending, "op", { reply: on.cmd });
    const look = await jetstreamManager(inside);
    await eventually(async () => (await look.streams.info(streams.cmd)).state.messages === 1);
    await inside.close();
  });

  it("an operator's read with a hostile reply subject carries nothing anywhere", async () => {
    await fillAudit();
    const keeper = await nats.bus("keeper");
    await keeper.publish(on.answer("alice", "j"), "{}");
    const before = await census();
    const alice = await raw(ALICE);
    for (const reply of HOSTILE_REPLIES) alice.publish(`OPS.API.DIRECT.GET.${streams.answer}.${on.answer("alice", "j")}`, "", { reply });
    await settled(alice);
    assert.deepEqual(await census(), before);
  });

  it("a worker's pull with a hostile reply subject purges, deletes and injects nothing", async () => {
    await fillAudit();
    const alice = await nats.bus(ALICE);
    // `{}` is a valid body of STREAM.PURGE and STREAM.DELETE: a colluding operator provides it.
    for (const _ of HOSTILE_REPLIES) await alice.publish(on.pending, "{}");
    const before = await census();
    const keeper = await raw({ role: "keeper" });
    const next = `OPS.API.CONSUMER.MSG.NEXT.${streams.pending}.${CONSUMERS.pending}`;
    // What the keeper may publish anyway (commands, alarms, sequences) is no way around anything.
    const own = new Set([on.cmd, on.alarm, "$KV.OPS_SEQ_w1.z6Mk"]);
    for (const reply of HOSTILE_REPLIES.filter((each) => !own.has(each)))
      keeper.publish(next, JSON.stringify({ batch: 1, no_wait: true }), { reply });
    await settled(keeper);
    assert.deepEqual(await census(), before);
    assert.ok(await manager.consumers.info(streams.cmd, CONSUMERS.cmd));
  });

  it("an approver gets no command out of an approval's confirmation", async () => {
    const before = await census();
    const mallory = await raw(MALLORY);
    mallory.publish(on.approval("x"), "approval", { reply: on.cmd });
    mallory.publish(on.approval("x"), "approval 2", { reply: on.audit });
    await eventually(async () => (await stored(streams.review)) === 2);
    assert.deepEqual(await census(), { ...before, [streams.review]: 2 });
  });
});

describe("trap 2: squatting on a message id", () => {
  it("garbage under a victim's jti or digest does not make the victim's op vanish, because nothing of ours has a message id", async () => {
    const mallory = await raw(MALLORY);
    const jti = "01900000-0000-7000-8000-000000000001";
    const op = `signed op ${jti}`;
    for (const id of [jti, "op", hash("sha256", op, "hex")]) {
      const squat = headers();
      squat.set("Nats-Msg-Id", id);
      await mallory.request(on.pending, "garbage", { headers: squat, timeout: 2000 });
    }
    const alice = await nats.bus(ALICE);
    const { streamSeq } = await alice.publish(on.pending, op);
    assert.equal((await (await nats.bus("watcher")).streamState(streams.pending)).lastSeq, streamSeq);
    const queue = await (await nats.bus("keeper")).consumer(streams.pending, CONSUMERS.pending);
    const texts = (await queue.batch({ max: 10, waitMs: 2000 })).map(({ text }) => text);
    assert.deepEqual(texts, ["garbage", "garbage", "garbage", op]);
  });

  it("pitfall 4: what was acked and comes again is handed out again, before a restart and after: duplicates are for the database to find", async () => {
    const alice = await nats.bus(ALICE);
    const queue = await (await nats.bus("keeper")).consumer(streams.pending, CONSUMERS.pending);
    await alice.publish(on.pending, "op");
    for (let time = 1; time <= 2; time += 1) {
      const message = await queue.next({ waitMs: 2000 });
      assert.equal(message?.text, "op");
      assert.equal(await message?.ackConfirmed(), true);
      if (time === 1) await alice.publish(on.pending, "op");
    }
    await nats.kill();
    await nats.restart();
    await eventually(() => alice.publish(on.pending, "op"));
    assert.equal((await queue.next({ waitMs: 5000 }))?.text, "op");
  });
});

describe("streams that cannot be emptied", () => {
  it("even the provisioner may not purge or delete messages", async () => {
    await fillAudit();
    await assert.rejects(manager.streams.purge(streams.audit), JetStreamApiError);
    await assert.rejects(manager.streams.deleteMessage(streams.audit, 1), JetStreamApiError);
    assert.equal(await stored(streams.audit), 2);
  });

  it("ops-controller-single-workqueue-consumer: the server refuses a second consumer of a work queue", async () => {
    for (const settings of consumerSettings("w1").filter(({ stream }) => stream === streams.cmd || stream === streams.pending)) {
      const { stream, ...config } = settings;
      await assert.rejects(
        manager.consumers.add(stream, { ...config, durable_name: "second" }),
        (error) => error instanceof JetStreamApiError && [10099, 10100].includes(error.code),
      );
    }
  });
});

/** Everything that the connection sent has been worked off: the last answer came after it. */
async function settled(connection: NatsConnection): Promise<void> {
  await connection.flush();
  // Permission errors and API calls are handled in order within the server; the provisioner's own request queues behind them.
  await manager.getAccountInfo();
  await eventually(async () => {
    const first = JSON.stringify(await census());
    await manager.getAccountInfo();
    return JSON.stringify(await census()) === first;
  });
}
