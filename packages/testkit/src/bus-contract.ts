// The contract suite of the bus: what every implementation of the port must do, NATS or a double.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Bus, Identity } from "@triplane/bus";
import { buckets, CONSUMERS, streamNames, subjects, TriplaneError } from "@triplane/contract";

/** A set-up of one workspace, fresh for every case. */
export interface BusUnderTest extends AsyncDisposable {
  readonly workspace: string;
  bus(identity: Identity): Promise<Bus>;
  /** Ends the broker as a power switch would, and starts it again; connections come back by themselves. */
  restart(): Promise<void>;
}

const KEEPER: Identity = { role: "keeper" };
const CONTROLLER: Identity = { role: "controller" };
const ALICE: Identity = { role: "operator", principal: "alice" };
const BEN: Identity = { role: "approver", principal: "ben" };
const JTI = "01900000-0000-7000-8000-000000000001";

/** Registers the cases under `name`. The set-up must know the operator alice, the approver ben and the service roles. */
export function busContract(name: string, make: () => Promise<BusUnderTest>): void {
  const on = subjects("w1");
  const streams = streamNames("w1");
  const send = (bus: Bus, subject: string, text: string) => bus.publish(subject, text);

  describe(`${name}: publish`, () => {
    it("confirms with the stream's sequence number; the same bytes again are a new message", async () => {
      await using set = await make();
      const alice = await set.bus(ALICE);
      assert.deepEqual(await send(alice, on.pending, "a"), { streamSeq: 1 });
      assert.deepEqual(await send(alice, on.pending, "a"), { streamSeq: 2 });
      assert.deepEqual(await send(alice, on.pending, "b"), { streamSeq: 3 });
    });

    it("refuses a subject with a wildcard, an empty token or white space", async () => {
      await using set = await make();
      const keeper = await set.bus(KEEPER);
      for (const subject of ["ops.review.w1.*", "ops.review.w1.>", "ops..w1", "ops.review.w1.", "ops.review.w1.a b", ""])
        await rejects(send(keeper, subject, "x"), "usage");
    });
  });

  describe(`${name}: consumer`, () => {
    it("hands out messages in stream order, where one may be out the next one only when the last is settled", async () => {
      await using set = await make();
      const ben = await set.bus(BEN);
      const queue = await (await set.bus(KEEPER)).consumer(streams.review, CONSUMERS.approval);
      for (const text of ["1", "2", "3"]) await send(ben, on.approval(JTI), text);
      const seen: string[] = [];
      for (let count = 0; count < 3; count += 1) {
        const message = await queue.next({ waitMs: 2000 });
        assert.ok(message);
        seen.push(message.text ?? "");
        assert.equal(await queue.next({ waitMs: 50 }), undefined);
        assert.equal(await message.ackConfirmed(), true);
      }
      assert.deepEqual(seen, ["1", "2", "3"]);
    });

    it("gives a message back after retryLater, where one may be out before those behind it", async () => {
      await using set = await make();
      const ben = await set.bus(BEN);
      const queue = await (await set.bus(KEEPER)).consumer(streams.review, CONSUMERS.approval);
      await send(ben, on.approval(JTI), "1");
      await send(ben, on.approval(JTI), "2");
      const first = await queue.next({ waitMs: 2000 });
      assert.equal(first?.deliveries, 1);
      first.retryLater(20);
      const again = await queue.next({ waitMs: 2000 });
      assert.deepEqual([again?.text, again?.deliveries, again?.streamSeq], ["1", 2, 1]);
    });

    it("hands out several where several may be out, and says how far everything is acked", async () => {
      await using set = await make();
      const alice = await set.bus(ALICE);
      const keeper = await set.bus(KEEPER);
      const queue = await keeper.consumer(streams.pending, CONSUMERS.pending);
      const far = async () => {
        const { unacked, ackFloorSeq } = await keeper.consumerState(streams.pending, CONSUMERS.pending);
        return [unacked, ackFloorSeq];
      };
      for (const text of ["1", "2", "3", "4"]) await send(alice, on.pending, text);
      const [first, second, third] = await queue.batch({ max: 3, waitMs: 2000 });
      assert.ok(first !== undefined && second !== undefined && third !== undefined);
      assert.deepEqual(await far(), [3, 0]);
      assert.equal(await second.ackConfirmed(), true);
      assert.deepEqual(await far(), [2, 0]);
      assert.equal(await first.ackConfirmed(), true);
      assert.deepEqual(await far(), [1, 2]);
      assert.equal((await queue.next({ waitMs: 2000 }))?.text, "4");
      assert.equal(await third.ackConfirmed(), true);
      assert.deepEqual(await far(), [1, 3]);
    });

    it("settles a message once: a second word is not sent", async () => {
      await using set = await make();
      const alice = await set.bus(ALICE);
      const keeper = await set.bus(KEEPER);
      const queue = await keeper.consumer(streams.pending, CONSUMERS.pending);
      await send(alice, on.pending, "1");
      const message = await queue.next({ waitMs: 2000 });
      assert.equal(await message?.ackConfirmed(), true);
      assert.equal(await message?.ackConfirmed(), false);
      message?.retryLater(0);
      assert.equal(await queue.next({ waitMs: 50 }), undefined);
      assert.equal((await keeper.streamState(streams.pending)).messages, 0);
    });

    it("takes a terminated message off the work queue", async () => {
      await using set = await make();
      const alice = await set.bus(ALICE);
      const keeper = await set.bus(KEEPER);
      const queue = await keeper.consumer(streams.pending, CONSUMERS.pending);
      await send(alice, on.pending, "poison");
      await (await queue.next({ waitMs: 2000 }))?.terminate("poisoned\nfor good");
      assert.equal((await keeper.streamState(streams.pending)).messages, 0);
      assert.equal(await queue.next({ waitMs: 50 }), undefined);
    });

    it("returns nothing when the time is over or the signal fires", async () => {
      await using set = await make();
      const queue = await (await set.bus(KEEPER)).consumer(streams.pending, CONSUMERS.pending);
      const stop = new AbortController();
      const waiting = queue.next({ waitMs: 60_000, signal: stop.signal });
      stop.abort();
      assert.equal(await waiting, undefined);
      assert.equal(await queue.next({ waitMs: 60_000, signal: stop.signal }), undefined);
      assert.deepEqual(await queue.batch({ max: 5, waitMs: 50 }), []);
    });

    it("hands out a batch: what is there, up to the limit, in order", async () => {
      await using set = await make();
      const controller = await set.bus(CONTROLLER);
      const queue = await (await set.bus({ role: "mirror" })).consumer(streams.audit, CONSUMERS.audit);
      for (const text of ["1", "2", "3", "4", "5"]) await send(controller, on.audit, text);
      const first = await queue.batch({ max: 3, waitMs: 2000 });
      assert.deepEqual(
        first.map((message) => message.text),
        ["1", "2", "3"],
      );
      for (const message of first) assert.equal(await message.ackConfirmed(), true);
      const waiting = queue.batch({ max: 10, waitMs: 2000 });
      assert.deepEqual(
        (await waiting).map((message) => message.text),
        ["4", "5"],
      );
    });

    it("hands out a batch as soon as something is there, without waiting for more", async () => {
      await using set = await make();
      const controller = await set.bus(CONTROLLER);
      const queue = await (await set.bus({ role: "mirror" })).consumer(streams.audit, CONSUMERS.audit);
      const waiting = queue.batch({ max: 10, waitMs: 60_000 });
      await send(controller, on.audit, "1");
      assert.deepEqual(
        (await waiting).map((message) => message.text),
        ["1"],
      );
    });

    it("throws stream_missing for a consumer that does not exist", async () => {
      await using set = await make();
      await rejects((await set.bus({ role: "watcher" })).consumer(streams.alarm, "nobody"), "stream_missing", "bus_denied");
    });
  });

  describe(`${name}: what is not settled`, () => {
    it("comes again when the ack wait is over, and the ack of an earlier delivery still counts", async () => {
      await using set = await make();
      const keeper = await set.bus(KEEPER);
      const controller = await set.bus(CONTROLLER);
      const queue = await controller.consumer(streams.cmd, CONSUMERS.cmd);
      await send(keeper, on.cmd, "1");
      const first = await queue.next({ waitMs: 2000 });
      await send(keeper, on.cmd, "2");
      const second = await queue.next({ waitMs: 2000 });
      const again = await queue.next({ waitMs: 20_000 });
      assert.deepEqual([first?.text, first?.deliveries, again?.text, again?.deliveries], ["1", 1, "1", 2]);
      assert.equal(await first?.ackConfirmed(), true);
      assert.equal((await controller.streamState(streams.cmd)).messages, 1);
      // Whoever has the later delivery learns that it is off the stream, not that somebody else did it.
      assert.equal(await again?.ackConfirmed(), true);
      assert.equal((await controller.streamState(streams.cmd)).messages, 1);
      assert.equal(second?.text, "2");
    });

    it("does not come again while somebody works on it", async () => {
      await using set = await make();
      const keeper = await set.bus(KEEPER);
      const queue = await (await set.bus(CONTROLLER)).consumer(streams.cmd, CONSUMERS.cmd);
      await send(keeper, on.cmd, "1");
      const first = await queue.next({ waitMs: 2000 });
      assert.equal(await queue.next({ waitMs: 6000 }), undefined);
      first?.working();
      assert.equal(await queue.next({ waitMs: 6000 }), undefined);
      assert.equal(await first?.ackConfirmed(), true);
    });

    it("what is given back under an earlier delivery comes again, too", async () => {
      await using set = await make();
      const alice = await set.bus(ALICE);
      const queue = await (await set.bus(KEEPER)).consumer(streams.pending, CONSUMERS.pending);
      await send(alice, on.pending, "1");
      const first = await queue.next({ waitMs: 2000 });
      const again = await queue.next({ waitMs: 20_000 });
      assert.deepEqual([first?.deliveries, again?.deliveries], [1, 2]);
      first?.retryLater(20);
      assert.equal((await queue.next({ waitMs: 2000 }))?.deliveries, 3);
    });
  });

  describe(`${name}: broker that ends and starts again`, () => {
    it("keeps what it confirmed, and what a consumer holds; an ack from before still counts", async () => {
      await using set = await make();
      const alice = await set.bus(ALICE);
      const keeper = await set.bus(KEEPER);
      const queue = await keeper.consumer(streams.pending, CONSUMERS.pending);
      const kv = await keeper.keyValue(buckets("w1").seq);
      for (const text of ["1", "2", "3"]) await send(alice, on.pending, text);
      const [first, second] = await queue.batch({ max: 2, waitMs: 2000 });
      assert.equal(await first?.ackConfirmed(), true);
      const revision = (await kv.create("z6MkA", "0")) ?? 0;
      await set.restart();
      assert.equal(await second?.ackConfirmed(), true);
      assert.equal((await keeper.streamState(streams.pending)).messages, 1);
      assert.equal(await kv.create("z6MkA", "again"), undefined);
      assert.equal(await kv.update("z6MkA", "1", revision), revision + 1);
      const third = await queue.next({ waitMs: 5000 });
      assert.deepEqual([third?.text, third?.deliveries, third?.streamSeq], ["3", 1, 3]);
    });

    it("hands out again what was acked and is published again, before the broker's restart and after it (every-command-lands)", async () => {
      await using set = await make();
      const keeper = await set.bus(KEEPER);
      const controller = await set.bus(CONTROLLER);
      const queue = await controller.consumer(streams.cmd, CONSUMERS.cmd);
      for (const isRestarted of [false, false, true]) {
        if (isRestarted) await set.restart();
        await send(keeper, on.cmd, "decision");
        const message = await queue.next({ waitMs: 2000 });
        assert.equal(message?.text, "decision");
        assert.equal(await message?.ackConfirmed(), true);
      }
    });
  });

  describe(`${name}: reads`, () => {
    it("last: the newest message of a subject, or nothing", async () => {
      await using set = await make();
      const keeper = await set.bus(KEEPER);
      const alice = await set.bus(ALICE);
      await send(keeper, on.answer("alice", JTI), "old");
      await send(keeper, on.answer("alice", JTI), "new");
      assert.equal((await alice.last(streams.answer, on.answer("alice", JTI)))?.text, "new");
      assert.equal(await alice.last(streams.answer, on.answer("alice", JTI.replace("1", "2"))), undefined);
    });

    it("last: many questions at once, each with its own answer", async () => {
      await using set = await make();
      const keeper = await set.bus(KEEPER);
      for (let index = 0; index < 20; index += 2) await send(keeper, on.review(`r${index}`), `item ${index}`);
      const subjectsAsked = [...Array.from({ length: 20 }, (_, index) => on.review(`r${index}`)), on.review("r4")];
      const found = await Promise.all(subjectsAsked.map((subject) => keeper.last(streams.review, subject)));
      assert.deepEqual(
        found.map((message) => message?.text),
        [...Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? `item ${index}` : undefined)), "item 4"],
      );
    });

    it("lastOfEach and all: in stream order, more than one page, only what matches", async () => {
      await using set = await make();
      const keeper = await set.bus(KEEPER);
      const count = 1100;
      const texts = Array.from({ length: count }, (_, index) => String(index));
      await Promise.all(texts.map((text) => send(keeper, on.review(`r${text}`), text)));
      await send(keeper, on.review("r7"), "seven again");
      const every = await keeper.all(streams.review, on.reviewAll);
      assert.equal(every.length, count + 1);
      assert.ok(every.every((message, index) => message.streamSeq === index + 1));
      const latest = await keeper.lastOfEach(streams.review, on.reviewAll);
      assert.equal(latest.length, count);
      assert.equal(latest.at(-1)?.text, "seven again");
      assert.deepEqual(
        (await keeper.all(streams.review, on.review("r7"))).map((message) => message.text),
        ["7", "seven again"],
      );
      assert.deepEqual(
        (await keeper.lastOfEach(streams.review, on.review("r7"))).map((message) => message.text),
        ["seven again"],
      );
      assert.deepEqual(await keeper.all(streams.review, on.approval("none")), []);
      assert.deepEqual(await keeper.lastOfEach(streams.review, on.approval("none")), []);
    });
  });

  describe(`${name}: key-value`, () => {
    it("create and update compare and set; of many at once one wins", async () => {
      await using set = await make();
      const kv = await (await set.bus(KEEPER)).keyValue(buckets("w1").seq);
      const created = await Promise.all(Array.from({ length: 8 }, (_, index) => kv.create("z6MkA", String(index))));
      const winners = created.filter((revision) => revision !== undefined);
      assert.equal(winners.length, 1);
      const revision = winners[0] ?? 0;
      const updated = await Promise.all(Array.from({ length: 8 }, (_, index) => kv.update("z6MkA", `u${index}`, revision)));
      assert.equal(updated.filter((each) => each !== undefined).length, 1);
      assert.equal(await kv.update("z6MkA", "late", revision), undefined);
      assert.equal(await kv.get("z6MkB"), undefined);
    });

    it("history: newest first, 64 revisions; keys: each once", async () => {
      await using set = await make();
      const kv = await (await set.bus(KEEPER)).keyValue(buckets("w1").seq);
      let revision = (await kv.create("z6MkA", "0")) ?? 0;
      for (let index = 1; index < 70; index += 1) revision = (await kv.update("z6MkA", String(index), revision)) ?? 0;
      await kv.create("policy", "p");
      const history = await kv.history("z6MkA");
      assert.equal(history.length, 64);
      assert.deepEqual([history[0]?.value, history.at(-1)?.value], ["69", "6"]);
      assert.deepEqual([...(await kv.keys())].sort(), ["policy", "z6MkA"]);
    });

    it("refuses a key that would name something else", async () => {
      await using set = await make();
      const kv = await (await set.bus(KEEPER)).keyValue(buckets("w1").seq);
      for (const key of ["", "*", ">", "a.b", "a b", "a".repeat(129)]) await rejects(kv.get(key), "usage");
    });
  });

  describe(`${name}: lease`, () => {
    const request = { key: "controller", owner: "a", ttlMs: 30_000 };

    it("has one holder; a second is told who holds it, a later one gets a greater fence", async () => {
      await using set = await make();
      const one = await set.bus(CONTROLLER);
      const two = await set.bus(CONTROLLER);
      const first = await one.acquireLease(buckets("w1").lease, request);
      const refused = await rejects(two.acquireLease(buckets("w1").lease, { ...request, owner: "b" }), "lease_held");
      assert.equal(refused.details["owner"], "a");
      await first.release();
      const second = await two.acquireLease(buckets("w1").lease, { ...request, owner: "b" });
      assert.ok(second.fence > first.fence);
      assert.equal(second.lost.aborted, false);
      await second.release();
    });

    it("goes to one of many that try at once", async () => {
      await using set = await make();
      const bus = await set.bus(CONTROLLER);
      const tries = Array.from({ length: 6 }, (_, index) => bus.acquireLease(buckets("w1").lease, { ...request, owner: `p${index}` }));
      const results = await Promise.allSettled(tries);
      const held = results.filter((result) => result.status === "fulfilled");
      assert.equal(held.length, 1);
      await held[0]?.value.release();
    });
  });
}

/** Asserts that a call throws a failure with one of these codes, and returns it. */
export async function rejects(call: Promise<unknown>, ...codes: readonly string[]): Promise<TriplaneError> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof TriplaneError, `a failure was expected, not ${String(thrown)}`);
  assert.ok(codes.includes(thrown.code), `${codes.join(" or ")} was expected, not ${thrown.code}: ${thrown.message}`);
  return thrown;
}
