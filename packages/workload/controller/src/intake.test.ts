import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { type Alarm, digestOf, type FailureCode } from "@triplane/contract";
import { type EffectsBench, useEffectsBench } from "./testing/effects-bench.ts";

const current = useEffectsBench();
let bench: EffectsBench;
beforeEach(() => {
  bench = current();
});

describe("Intake: order of effects", () => {
  it("admission: row, ack, apply (persist-before-ack)", async () => {
    await (await bench.intake()).handle(bench.message(bench.world.admission(bench.world.op())));
    assert.deepEqual(bench.trace, ["commit create ops", "ack", "apply may start"]);
    assert.equal(bench.accepted.length, 1);
  });

  it("refusal: row and outbox row in one commit, then the ack", async () => {
    await (await bench.intake()).handle(bench.message(bench.world.refusal(bench.world.op({ op: "component.remove" }))));
    assert.deepEqual(bench.trace, ["commit create ops + create outbox", "ack"]);
  });

  it("known op: acked without anything new; ended op: its receipt goes into the outbox again, once", async () => {
    const taking = await bench.intake();
    const text = bench.world.refusal(bench.world.op({ op: "component.remove" }));
    await taking.handle(bench.message(text));
    const [first] = await bench.records.outbox("audit", 10);
    await taking.handle(bench.message(text));
    assert.equal((await bench.records.outbox("audit", 10)).length, 1, "it waits there already");
    await bench.records.published(first?.id ?? "");
    bench.trace = [];
    await taking.handle(bench.message(text));
    assert.deepEqual(bench.trace, ["commit create outbox", "ack"]);
    const [again] = await bench.records.outbox("audit", 10);
    assert.ok(first?.row.kind === "audit" && again?.row.kind === "audit" && again.row.record === first.row.record);
    const admitted = bench.world.admission(bench.world.op());
    await taking.handle(bench.message(admitted));
    bench.trace = [];
    await taking.handle(bench.message(admitted));
    assert.deepEqual(bench.trace, ["ack"]);
  });

  it("forgery: evidence and alarm in one commit, then it is taken off; nothing is recorded or applied", async () => {
    const text = bench.world.admission(bench.world.op(), {}, "stranger");
    await (await bench.intake()).handle(bench.message(text));
    assert.deepEqual(bench.trace, ["commit create rejected + create outbox", "terminate"]);
    assert.deepEqual(bench.accepted, []);
    assert.equal((await bench.store.get("rejected", digestOf(text)))?.["code"], "chain_broken");
    assert.equal((await bench.records.outbox("audit", 10)).length, 0);
  });

  it("same forgery again: taken off, nothing more is kept", async () => {
    const taking = await bench.intake();
    for (let times = 0; times < 3; times += 1) await taking.handle(bench.message("garbage"));
    assert.equal(await bench.store.count("rejected"), 1);
    assert.equal(bench.trace.filter((each) => each === "terminate").length, 3);
  });

  it("flood of forgeries: alarms stop at a number a minute, evidence at a number at all", async () => {
    const taking = await bench.intake();
    for (let number = 0; number < 40; number += 1) await taking.handle(bench.message(`garbage ${number}`));
    assert.equal((await bench.records.outbox("alarm", 100)).length, 30);
    assert.equal(await bench.store.count("rejected"), 40);
  });

  it("pitfall 6: message that fails for a reason of its own: given back, then poisoned with evidence and alarm", async () => {
    const brokenKey = {
      ...bench.world.keys.controller,
      sign: () => {
        throw new Error("the key does not sign");
      },
    };
    const taking = await bench.intake(brokenKey);
    const text = bench.world.refusal(bench.world.op({ op: "component.remove" }));
    await taking.handle(bench.message(text, 1));
    await taking.handle(bench.message(text, 2));
    assert.deepEqual(bench.trace, ["give back", "give back"]);
    await taking.handle(bench.message(text, 3));
    assert.equal(bench.trace.at(-1), "terminate");
    const [entry] = await bench.records.outbox("alarm", 10);
    assert.ok(entry?.row.kind === "alarm" && (JSON.parse(entry.row.text) as Alarm).code === ("poisoned" satisfies FailureCode));
    assert.equal((await bench.store.get("rejected", digestOf(text)))?.["code"], "poisoned");
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
    await (await bench.intake()).handle(bench.message(bench.world.admission(bench.world.op())));
    assert.equal(await bench.records.lastPosition(), 1);
  });
});
