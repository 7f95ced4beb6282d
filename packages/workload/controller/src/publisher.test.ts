import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { subjects } from "@triplane/contract";
import { type EffectsBench, useEffectsBench } from "./testing/effects-bench.ts";
import { WORKSPACE } from "./testing/world.ts";

const current = useEffectsBench();
let bench: EffectsBench;
beforeEach(() => {
  bench = current();
});

describe("Publisher", () => {
  async function finishOne(): Promise<string> {
    const text = bench.world.refusal(bench.world.op({ op: "component.remove" }));
    await (await bench.intake()).handle([bench.message(text)]);
    const [entry] = await bench.records.outbox("audit", 1);
    bench.trace = [];
    return entry?.row.kind === "audit" ? entry.row.record : "";
  }

  it("record: published and confirmed, then answered, then it leaves the outbox (publish-before-ack)", async () => {
    const record = await finishOne();
    assert.deepEqual(await bench.publisher().flush(), { sent: 1, failed: false });
    assert.deepEqual(
      bench.trace.map((each) => each.split(".").slice(0, 2).join(".")),
      ["publish ops.audit", "publish ops.answer", "commit delete outbox"],
    );
    assert.equal(bench.published[0]?.text, record);
  });

  it("broker that does not confirm: the row stays, and the same bytes go again", async () => {
    const record = await finishOne();
    const publishing = bench.publisher();
    bench.refusesSubject = subjects(WORKSPACE).audit;
    assert.deepEqual(await publishing.flush(), { sent: 0, failed: true });
    assert.equal(publishing.failures, 1);
    assert.equal((await bench.records.outbox("audit", 10)).length, 1);
    bench.refusesSubject = undefined;
    assert.deepEqual(await publishing.flush(), { sent: 1, failed: false });
    assert.equal(bench.published[0]?.text, record);
    assert.equal(publishing.failures, 0);
  });

  async function refuseTheAnswer(): Promise<void> {
    const [entry] = await bench.records.outbox("audit", 1);
    assert.ok(entry?.row.kind === "audit" && entry.row.answer_to !== undefined);
    bench.refusesSubject = subjects(WORKSPACE).answer(entry.row.answer_to.principal, entry.row.answer_to.jti);
  }

  it("answer that the broker does not confirm: holds nothing up, waits by itself, and is told when the broker takes it", async () => {
    const record = await finishOne();
    await refuseTheAnswer();
    assert.deepEqual(await bench.publisher().flush(), { sent: 1, failed: false });
    assert.deepEqual([(await bench.records.outbox("audit", 10)).length, (await bench.records.outbox("answer", 10)).length], [0, 1]);
    const answers = bench.answers();
    assert.deepEqual(await answers.flush(), { left: false, failed: true });
    bench.refusesSubject = undefined;
    bench.published = [];
    assert.deepEqual(await answers.flush(), { left: false, failed: false });
    assert.deepEqual(
      bench.published.map(({ text }) => JSON.parse(text).record),
      [record],
    );
    assert.equal(await bench.records.outboxDepth(), 0);
  });

  it("answer that waits, and its op is sent again: the receipt goes out, and still one answer waits", async () => {
    const op = bench.world.refusal(bench.world.op({ op: "component.remove" }));
    for (const streamSeq of [7, 8]) {
      await (await bench.intake()).handle([bench.message(op, 1, streamSeq)]);
      await refuseTheAnswer();
      assert.deepEqual(await bench.publisher().flush(), { sent: 1, failed: false });
    }
    assert.equal((await bench.records.outbox("answer", 10)).length, 1);
  });

  it("answer that the broker will never take: is not kept", async () => {
    await finishOne();
    await refuseTheAnswer();
    bench.refusal = "bus_denied";
    assert.deepEqual(await bench.publisher().flush(), { sent: 1, failed: false });
    assert.equal(await bench.records.outboxDepth(), 0);
  });

  it("alarms that cannot be published: records go out all the same", async () => {
    await (await bench.intake()).handle([bench.message("garbage")]);
    await finishOne();
    bench.refusesSubject = subjects(WORKSPACE).alarm;
    assert.deepEqual(await bench.publisher().flush(), { sent: 1, failed: true });
    assert.deepEqual([(await bench.records.outbox("audit", 10)).length, (await bench.records.outbox("alarm", 10)).length], [0, 1]);
  });
});
