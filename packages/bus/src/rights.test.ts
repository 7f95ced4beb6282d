// Every role can do its own job and nothing else, on a real server.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { NatsConnection } from "@nats-io/transport-node";
import { buckets, CONSUMERS, streamNames, subjects } from "@triplane/contract";
import { silentLogger } from "@triplane/kit";
import { rejects, startNats, type TestNats } from "@triplane/testkit";
import { openConnection } from "./connection.ts";
import { translate } from "./errors.ts";
import { apiPrefix, type Identity, identityName, inboxPrefix } from "./identities.ts";
import type { Bus } from "./types.ts";

const on = subjects("w1");
const streams = streamNames("w1");
const JTI = "01900000-0000-7000-8000-000000000001";
const ALICE: Identity = { role: "operator", principal: "alice" };
const BOB: Identity = { role: "operator", principal: "bob" };
const CAROL: Identity = { role: "approver", principal: "carol" };
const BREAKER: Identity = { role: "break-glass", principal: "carol" };
const EVERYBODY: readonly Identity[] = [
  ...(["keeper", "keeper-cli", "controller", "mirror", "watcher", "validator"] as const).map((role) => ({ role })),
  ALICE,
  CAROL,
  BREAKER,
];

let nats: TestNats;

before(async () => {
  nats = await startNats({ identities: [ALICE, BOB, CAROL, BREAKER] });
});
after(() => nats.close());

const send = (bus: Bus, subject: string, text = "x") => bus.publish(subject, text);

function raw(identity: Identity): Promise<NatsConnection> {
  return openConnection({ servers: nats.url, identity, nkeySeed: nats.keyOf(identity).seed, logger: silentLogger });
}

/** All that anybody publishes, and who may. */
const PUBLISH: readonly { readonly subject: string; readonly by: readonly string[] }[] = [
  { subject: on.pending, by: ["operator-alice", "approver-carol"] },
  { subject: on.approval(JTI), by: ["approver-carol"] },
  { subject: on.review(JTI), by: ["keeper", "keeper-cli"] },
  { subject: on.cmd, by: ["keeper", "keeper-cli", "break-glass-carol"] },
  { subject: on.audit, by: ["controller"] },
  { subject: on.answer("alice", JTI), by: ["keeper", "keeper-cli", "controller"] },
  { subject: on.alarm, by: ["keeper", "keeper-cli", "controller", "mirror", "validator"] },
];

describe("grantsOf: publishing", () => {
  for (const identity of EVERYBODY) {
    const name = identityName(identity);
    for (const { subject, by } of PUBLISH) {
      const may = by.includes(name);
      it(`${name} ${may ? "may" : "may not"} publish to ${subject}`, async () => {
        const bus = await nats.bus(identity);
        if (may) assert.ok((await send(bus, subject, `${name} ${subject}`)).streamSeq > 0);
        else await rejects(send(bus, subject), "bus_denied");
        await bus.close();
      });
    }
  }

  it("nobody may publish into another workspace, or to the JetStream API, the system or an inbox", async () => {
    for (const identity of EVERYBODY) {
      const bus = await nats.bus(identity);
      const api = [
        `$JS.API.STREAM.PURGE.${streams.audit}`,
        `$JS.API.STREAM.DELETE.${streams.audit}`,
        `$JS.API.CONSUMER.CREATE.${streams.cmd}`,
        "$JS.API.STREAM.CREATE.X",
        `OPS.API.STREAM.DELETE.${streams.audit}`,
        `OPS.API.STREAM.MSG.DELETE.${streams.audit}`,
      ];
      for (const subject of ["ops.pending.w2", "ops.cmd.w2", "$SYS.REQ.SERVER.PING.JSZ", "_INBOX_bob.x", "anything", ...api])
        await rejects(send(bus, subject), "bus_denied");
      await bus.close();
    }
  });
});

describe("grantsOf: reading", () => {
  it("a worker consumes its own stream and no other", async () => {
    const jobs = [
      { stream: streams.pending, durable: CONSUMERS.pending, by: ["keeper", "keeper-cli"] },
      { stream: streams.review, durable: CONSUMERS.approval, by: ["keeper", "keeper-cli"] },
      { stream: streams.cmd, durable: CONSUMERS.cmd, by: ["controller"] },
      { stream: streams.audit, durable: CONSUMERS.audit, by: ["mirror"] },
    ];
    for (const identity of EVERYBODY) {
      const bus = await nats.bus(identity);
      for (const { stream, durable, by } of jobs) {
        // The watcher may look at consumers, to say how far they are; pulling is what is refused.
        if (by.includes(identityName(identity)) || identity.role === "watcher") await bus.consumer(stream, durable);
        else await rejects(bus.consumer(stream, durable), "bus_denied");
      }
      await bus.close();
    }
    const watcher = await raw({ role: "watcher" });
    for (const { stream, durable } of jobs)
      await denied(watcher, `OPS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, JSON.stringify({ batch: 1, no_wait: true }));
    await watcher.close();
  });

  it("an operator reads its own answers and nobody else's", async () => {
    const keeper = await nats.bus("keeper");
    await send(keeper, on.answer("alice", JTI), "for alice");
    await send(keeper, on.answer("bob", JTI), "for bob");
    const alice = await nats.bus(ALICE);
    assert.equal((await alice.last(streams.answer, on.answer("alice", JTI)))?.text, "for alice");
    await rejects(alice.last(streams.answer, on.answer("bob", JTI)), "bus_denied");
    await rejects(alice.lastOfEach(streams.answer, on.answersOf("bob")), "bus_denied", "bus_unreachable");
  });

  it("a filter in the body of an operator's read is refused by the server", async () => {
    const alice = await raw(ALICE);
    const own = `${apiPrefix(ALICE)}.DIRECT.GET.${streams.answer}.${on.answer("alice", JTI)}`;
    const bobs = on.answer("bob", JTI);
    const bodies = [
      { last_by_subj: bobs },
      { multi_last: [bobs] },
      { multi_last: [on.answerAll], batch: 9 },
      { seq: 1, next_by_subj: bobs },
      { seq: 1 },
    ];
    for (const body of bodies) {
      const answer = await alice.request(own, JSON.stringify(body), { timeout: 2000 });
      assert.equal(answer.headers?.code, 408, JSON.stringify(body));
      assert.equal(answer.string(), "");
    }
    await alice.close();
  });

  it("an operator reads no stream but its answers; an approver reads reviews too", async () => {
    await send(await nats.bus("keeper"), on.review(JTI), "an op that waits");
    const alice = await nats.bus(ALICE);
    for (const stream of [streams.pending, streams.cmd, streams.audit, streams.review, streams.alarm]) {
      await rejects(alice.last(stream, on.review(JTI)), "bus_denied");
      await rejects(alice.streamState(stream), "bus_denied");
    }
    const carol = await nats.bus(CAROL);
    assert.equal((await carol.lastOfEach(streams.review, on.review(JTI)))[0]?.text, "an op that waits");
    assert.equal((await carol.last(streams.review, on.review(JTI)))?.text, "an op that waits");
    await rejects(carol.last(streams.alarm, on.alarm), "bus_denied");
  });

  it("the watcher reads alarms, reviews and how far everything is", async () => {
    const mirror = await nats.bus("mirror");
    await send(mirror, on.alarm, "look");
    const watcher = await nats.bus("watcher");
    assert.equal((await watcher.all(streams.alarm, on.alarm)).at(-1)?.text, "look");
    assert.ok((await watcher.streamState(streams.audit)).messages >= 0);
    assert.ok((await watcher.consumerState(streams.cmd, CONSUMERS.cmd)).pending >= 0);
    await rejects(watcher.last(streams.audit, on.audit), "bus_denied", "stream_missing");
  });

  it("sequences belong to the keeper, leases to the controller", async () => {
    const { seq, lease } = buckets("w1");
    for (const identity of EVERYBODY) {
      const bus = await nats.bus(identity);
      for (const [bucket, owners] of [
        [seq, ["keeper", "keeper-cli"]],
        [lease, ["controller"]],
      ] as const) {
        const kv = await bus.keyValue(bucket);
        if (owners.some((owner) => owner === identity.role)) {
          assert.equal(await kv.get("none"), undefined);
          continue;
        }
        await rejects(kv.get("none"), "bus_denied");
        await rejects(kv.create("k", "v"), "bus_denied");
      }
      await bus.close();
    }
  });
});

describe("listensOn", () => {
  it("nobody may listen to the traffic or to another's inbox", async () => {
    for (const identity of EVERYBODY) {
      for (const subject of ["ops.>", ">", "*", "$JS.>", "$SYS.>", "_INBOX.>", `${inboxPrefix(BOB)}.>`, on.pending, on.cmd]) {
        const connection = await raw(identity);
        const refused = await new Promise<unknown>((resolve) => {
          connection.subscribe(subject, { callback: (error) => resolve(error) });
        });
        assert.equal(translate(refused, "listen").code, "bus_denied", `${identityName(identity)} on ${subject}`);
        await connection.close();
      }
    }
  });
});

async function denied(connection: NatsConnection, subject: string, body: string): Promise<void> {
  const thrown = await connection.request(subject, body, { timeout: 2000 }).catch((error: unknown) => error);
  assert.equal(translate(thrown, "ask").code, "bus_denied", subject);
}
