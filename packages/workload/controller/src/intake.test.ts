import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { type Alarm, digestOf, type FailureCode } from "@triplane/contract";
import { type EffectsBench, useEffectsBench } from "./testing/effects-bench.ts";
import { NEXT_COMMIT, policyOf, refOf } from "./testing/world.ts";

const current = useEffectsBench();
let bench: EffectsBench;
beforeEach(() => {
  bench = current();
});

const messages = (texts: readonly string[]) => texts.map((text, index) => bench.message(text, 1, index + 1));

describe("Intake: order of effects", () => {
  it("admission: row, ack, apply (persist-before-ack)", async () => {
    await (await bench.intake()).handle([bench.message(bench.world.admission(bench.world.op()))]);
    assert.deepEqual(bench.trace, ["commit create ops", "ack", "apply may start"]);
    assert.equal(bench.accepted.length, 1);
  });

  it("refusal: row and outbox row in one commit, then the ack", async () => {
    await (await bench.intake()).handle([bench.message(bench.world.refusal(bench.world.op({ op: "component.remove" })))]);
    assert.deepEqual(bench.trace, ["commit create ops + create outbox", "ack"]);
  });

  it("known op: acked without anything new; ended op: its receipt goes into the outbox again, once", async () => {
    const taking = await bench.intake();
    const text = bench.world.refusal(bench.world.op({ op: "component.remove" }));
    await taking.handle([bench.message(text)]);
    const [first] = await bench.records.outbox("audit", 10);
    await taking.handle([bench.message(text)]);
    assert.equal((await bench.records.outbox("audit", 10)).length, 1, "it waits there already");
    await bench.records.published([first?.id ?? ""]);
    bench.trace = [];
    await taking.handle([bench.message(text)]);
    assert.deepEqual(bench.trace, ["commit create outbox", "ack"]);
    const [again] = await bench.records.outbox("audit", 10);
    assert.ok(first?.row.kind === "audit" && again?.row.kind === "audit" && again.row.record === first.row.record);
    const admitted = bench.world.admission(bench.world.op());
    await taking.handle([bench.message(admitted)]);
    bench.trace = [];
    await taking.handle([bench.message(admitted)]);
    assert.deepEqual(bench.trace, ["ack"]);
  });

  it("forgery: evidence and alarm in one commit, then it is taken off; nothing is recorded or applied", async () => {
    const text = bench.world.admission(bench.world.op(), {}, "stranger");
    await (await bench.intake()).handle([bench.message(text)]);
    assert.deepEqual(bench.trace, ["commit create rejected + create outbox", "terminate"]);
    assert.deepEqual(bench.accepted, []);
    assert.equal((await bench.store.get("rejected", digestOf(text)))?.["code"], "chain_broken");
    assert.equal((await bench.records.outbox("audit", 10)).length, 0);
  });

  it("same forgery again: taken off, nothing more is kept", async () => {
    const taking = await bench.intake();
    for (let times = 0; times < 3; times += 1) await taking.handle([bench.message("garbage")]);
    assert.equal(await bench.store.count("rejected"), 1);
    assert.equal(bench.trace.filter((each) => each === "terminate").length, 3);
  });

  it("flood of forgeries: alarms stop at a number a minute, evidence at a number at all", async () => {
    const taking = await bench.intake();
    for (let number = 0; number < 40; number += 1) await taking.handle([bench.message(`garbage ${number}`)]);
    assert.equal((await bench.records.outbox("alarm", 100)).length, 30);
    assert.equal(await bench.store.count("rejected"), 40);
  });

  it("pitfall 6: message that fails for a reason of its own: stays in its place, then is poisoned with evidence and alarm", async () => {
    const brokenKey = {
      ...bench.world.keys.controller,
      sign: () => {
        throw new Error("the key does not sign");
      },
    };
    const taking = await bench.intake(brokenKey);
    const text = bench.world.refusal(bench.world.op({ op: "component.remove" }));
    assert.deepEqual(await taking.handle([bench.message(text, 1)]), { settled: 0, waits: { tries: 1 } });
    assert.deepEqual(await taking.handle([bench.message(text, 1)]), { settled: 0, waits: { tries: 2 } });
    assert.deepEqual(bench.trace, []);
    assert.deepEqual(await taking.handle([bench.message(text, 1)]), { settled: 1 });
    assert.equal(bench.trace.at(-1), "terminate");
    const [entry] = await bench.records.outbox("alarm", 10);
    assert.ok(entry?.row.kind === "alarm" && (JSON.parse(entry.row.text) as Alarm).code === ("poisoned" satisfies FailureCode));
    assert.equal((await bench.store.get("rejected", digestOf(text)))?.["code"], "poisoned");
  });

  it("many at once: one commit in their order, then the acks, then they may be applied (persist-before-ack)", async () => {
    const { world } = bench;
    const ops = ["a", "b", "a"].map((target) => world.op({ target }));
    const texts = [...ops.map((op) => world.admission(op)), world.refusal(world.op({ op: "component.remove" }))];
    assert.deepEqual(await (await bench.intake()).handle(messages(texts)), { settled: 4 });
    const commit = "commit create ops + create ops + create ops + create ops + create outbox";
    assert.deepEqual(bench.trace, [commit, ...Array(4).fill("ack"), ...Array(3).fill("apply may start")]);
    assert.deepEqual(
      bench.accepted.map(({ row }) => [row.subject, row.position]),
      ops.map(({ claims }, index) => [claims.jti, index + 1]),
    );
  });

  it("one op twice in a batch: is accepted once; a refusal that is there twice has one receipt (applied-once)", async () => {
    const { world } = bench;
    const [admission, refusal] = [world.admission(world.op()), world.refusal(world.op({ op: "component.remove" }))];
    assert.deepEqual(await (await bench.intake()).handle(messages([admission, refusal, admission, refusal])), { settled: 4 });
    assert.deepEqual([bench.accepted.length, await bench.store.count("ops"), await bench.store.count("outbox")], [1, 2, 1]);
  });

  it("forgery between honest ones: those before and behind it are taken in, in order", async () => {
    const { world } = bench;
    const texts = [world.admission(world.op({ target: "a" })), "garbage", world.admission(world.op({ target: "b" }))];
    assert.deepEqual(await (await bench.intake()).handle(messages(texts)), { settled: 3 });
    const each = ["commit create ops", "ack", "apply may start"];
    assert.deepEqual(bench.trace, [...each, "commit create rejected + create outbox", "terminate", ...each]);
  });

  it("message that has to wait: those before it are taken in, and none behind it", async () => {
    const { world } = bench;
    const later = world.admission(world.op({ target: "a" }), { policy: refOf(policyOf(world.keys, 2), NEXT_COMMIT) });
    const texts = [world.admission(world.op({ target: "b" })), later, world.admission(world.op({ target: "a" }))];
    assert.deepEqual(await (await bench.intake()).handle(messages(texts)), { settled: 1, waits: { tries: 1 } });
    assert.deepEqual(bench.trace, ["commit create ops", "ack", "apply may start"]);
  });

  it("op that another controller stored meanwhile: does not keep the others of its batch from being taken in (applied-once)", async () => {
    const { world, store } = bench;
    const taking = await bench.intake();
    const [first, second] = [world.op({ target: "a" }), world.op({ target: "b" })];
    await taking.handle(messages([world.admission(first)]));
    const row = await store.get("ops", first.claims.jti);
    assert.ok(row !== undefined);
    await store.commit([{ kind: "delete", table: "ops", id: first.claims.jti }]);
    bench.accepted = [];
    bench.meanwhile = () => store.commit([{ kind: "create", table: "ops", id: first.claims.jti, document: row }]);
    assert.deepEqual(await taking.handle(messages([first, second].map((op) => world.admission(op)))), { settled: 2 });
    const accepted = bench.accepted.map((each) => each.row.subject);
    assert.deepEqual(accepted, [second.claims.jti]);
  });
});

describe("Records", () => {
  it("evidence: the oldest of too many goes", async () => {
    const row = { code: "chain_broken", reason: "no", stream_seq: 1, size_bytes: 1, bytes: "" };
    for (let start = 0; start < 1000; start += 500)
      await bench.store.commit(
        Array.from({ length: 500 }, (_, index) => ({
          kind: "create" as const,
          table: "rejected",
          id: `old-${start + index}`,
          document: { ...row, at: start + index },
        })),
      );
    assert.equal(await bench.records.reject("newest", { ...row, at: 5000 }, undefined), true);
    assert.equal(await bench.store.count("rejected"), 1000);
    assert.equal(await bench.store.get("rejected", "old-0"), undefined);
    assert.ok((await bench.store.get("rejected", "newest")) !== undefined);
  });

  it("positions: go on after a restart", async () => {
    assert.equal(await bench.records.lastPosition(), 0);
    await (await bench.intake()).handle([bench.message(bench.world.admission(bench.world.op()))]);
    assert.equal(await bench.records.lastPosition(), 1);
  });
});
