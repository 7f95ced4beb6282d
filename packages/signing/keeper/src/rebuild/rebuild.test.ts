import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { digestOf, subjects, TriplaneError } from "@triplane/contract";
import { openBucket } from "../desk.ts";
import { RECORD_KEYS, sequenceRecordSchema } from "../records.ts";
import { admissionOf, type Bench, bench, refusalOf } from "../testing/bench.ts";
import { memoryBus } from "../testing/memory-bus.ts";
import { AUDIENCE, testSource } from "../testing/world.ts";
import { bucketStanding, fillBucket } from "./fill-bucket.ts";
import { openNumbers } from "./open-numbers.ts";

async function* each(decisions: readonly string[]): AsyncGenerator<string> {
  yield* decisions;
}

const textsOf = (at: Bench): readonly string[] => at.memory.texts(subjects(AUDIENCE.workspace).cmd);

const routine = (at: Bench, seq: number) => at.world.op("ana", seq, { op: "component.restart" });

/** A keeper of the same world whose bucket was rebuilt from these decisions. */
async function rebuilt(at: Bench, decisions: readonly string[]): Promise<Bench> {
  const after = bench(at.world);
  const { bucket } = after.memory;
  const source = testSource(at.world.inForce);
  const origin = { size: decisions.length, root: "root" };
  await fillBucket({ workspace: "w1", bucket, decisions: each(decisions), source, origin, nowS: at.world.nowS() });
  return after;
}

describe("fillBucket", () => {
  test("the numbers go on where they were; an op from before is answered as before, byte for byte", async () => {
    const at = bench();
    const ops = [1, 2, 3].map((seq) => routine(at, seq));
    for (const op of ops) await at.take(op.compact);
    const after = await rebuilt(at, textsOf(at));
    for (const op of ops) assert.equal((await after.take(op.compact)).verdict, "repeat");
    assert.deepEqual(textsOf(after), textsOf(at));
    assert.equal((await after.take(routine(at, 4).compact)).verdict, "admit");
  });

  test("another op under a number that the ledger has is a fork, and one above the next a gap (no-fail-open)", async () => {
    const at = bench();
    for (const seq of [1, 2]) await at.take(routine(at, seq).compact);
    const after = await rebuilt(at, textsOf(at));
    assert.equal((await after.take(routine(at, 1).compact)).verdict, "fork");
    assert.equal((await after.take(routine(at, 4).compact)).verdict, "gap");
  });

  test("a number that the ledger lacks stays open for its op alone, which comes late and is counted once", async () => {
    const at = bench();
    const ops = [1, 2, 3, 4].map((seq) => routine(at, seq));
    for (const op of ops) await at.take(op.compact);
    const inLedger = textsOf(at).filter((_, index) => index !== 1);
    const after = await rebuilt(at, inLedger);
    const [, late] = ops;
    assert.equal((await after.take(late?.compact ?? "")).verdict, "admit");
    assert.equal(admissionOf(after.commands()[0]).op, late?.compact);
    assert.equal((await after.take(late?.compact ?? "")).verdict, "repeat");
    assert.equal((await after.take(routine(at, 2).compact)).verdict, "fork");
    const next = await after.take(routine(at, 5).compact);
    assert.equal(next.verdict, "admit");
    assert.equal((await after.take(routine(at, 2).compact)).verdict, "fork", "the open number is not forgotten with the next op");
  });

  test("an op that comes late may need people, and its review ends as any other", async () => {
    const at = bench();
    const waiting = at.world.op("ana", 1, { op: "component.remove" });
    await at.take(waiting.compact);
    await at.take(routine(at, 2).compact);
    const after = await rebuilt(at, textsOf(at));
    assert.equal((await after.take(waiting.compact)).verdict, "review");
    for (const person of ["ben", "cleo"] as const) after.memory.approve(waiting.op.claims.jti, at.world.approval(waiting.op, person));
    assert.equal((await after.desk.look(waiting.op.claims.jti, at.world.inForce))?.verdict, "admit");
    assert.equal((await after.take(waiting.compact)).verdict, "repeat");
  });

  for (const place of ["among those that the ledger has", "below all of them"] as const) {
    test(`an op whose review outlived the bucket, its number ${place}, is sent again and goes on (every-command-lands)`, async () => {
      const at = bench();
      const first = place === "below all of them" ? 1 : 2;
      const waiting = at.world.op("ana", first, { op: "component.remove" });
      const { jti } = waiting.op.claims;
      for (let seq = 1; seq <= 4; seq += 1) await at.take(seq === first ? waiting.compact : routine(at, seq).compact);
      const after = await rebuilt(at, textsOf(at));
      const shown = at.memory.texts(subjects(AUDIENCE.workspace).review(jti)).at(-1) ?? "";
      await after.memory.bus.publish(subjects(AUDIENCE.workspace).review(jti), shown);
      for (const person of ["ben", "cleo"] as const) after.memory.approve(jti, at.world.approval(waiting.op, person));
      const again = await after.take(waiting.compact);
      assert.deepEqual([again.verdict, again.waits], ["repeat", true]);
      assert.equal((await after.take(routine(at, first).compact)).verdict, "fork", "its number is its own again");
      assert.equal((await after.desk.look(jti, at.world.inForce))?.verdict, "admit");
      assert.equal((await after.take(waiting.compact)).verdict, "repeat");
      assert.equal(after.memory.texts(subjects(AUDIENCE.workspace).review(jti)).length, 2, "shown once, and closed once");
    });
  }

  test("a review that ended and a refusal that consumed no number stay as they were", async () => {
    const at = bench();
    const removal = at.world.op("ana", 1, { op: "component.remove" });
    await at.take(removal.compact);
    for (const person of ["ben", "cleo"] as const) at.memory.approve(removal.op.claims.jti, at.world.approval(removal.op, person));
    await at.desk.look(removal.op.claims.jti, at.world.inForce);
    const gap = routine(at, 3);
    assert.equal((await at.take(gap.compact)).verdict, "gap");
    const after = await rebuilt(at, textsOf(at));
    assert.ok((await after.memory.bucket.get(RECORD_KEYS.review(removal.op.claims.jti))) !== undefined);
    assert.equal((await after.take(routine(at, 2).compact)).verdict, "admit");
    assert.equal((await after.take(gap.compact)).verdict, "repeat", "it was refused for good, although its number is the next one now");
    assert.equal(refusalOf(after.commands().at(-1)).code, "sequence_gap");
  });

  test("rates go on being counted", async () => {
    const at = bench();
    for (const seq of [1, 2]) await at.take(at.world.op("ana", seq, { op: "component.deploy" }).compact);
    const after = await rebuilt(at, textsOf(at));
    await after.take(at.world.op("ana", 3, { op: "component.deploy" }).compact);
    assert.deepEqual(admissionOf(after.commands()[0]).facts.recent_auto, { deploys: 2 });
  });

  test("only the last 64 numbers are told apart, as in a bucket that was never lost", async () => {
    const at = bench();
    for (let seq = 1; seq <= 70; seq += 1) await at.take(routine(at, seq).compact);
    const after = await rebuilt(at, textsOf(at).toReversed());
    const history = await after.memory.bucket.history(RECORD_KEYS.sequence(at.world.keys.ana.did));
    assert.equal(history.length, 64);
    assert.equal(sequenceRecordSchema.parse(JSON.parse(history[0]?.value ?? "")).seq, 70);
  });

  test("stopped anywhere, a second run comes to the same, and until then no keeper opens the bucket", async () => {
    const at = bench();
    for (const seq of [1, 2, 3]) await at.take(routine(at, seq).compact);
    const whole = await rebuilt(at, textsOf(at));
    const steps = whole.memory.steps.length;
    for (let stopAfter = 1; stopAfter < steps; stopAfter += 1) {
      const after = bench(at.world);
      let left = stopAfter;
      after.memory.onStep = (_, when) => {
        if (when === "before" && left-- === 0) throw new Error("stopped here");
      };
      const fill = () =>
        fillBucket({
          ...{ workspace: "w1", bucket: after.memory.bucket, decisions: each(textsOf(at)), source: testSource(at.world.inForce) },
          ...{ origin: { size: 3, root: "root" }, nowS: at.world.nowS() },
        });
      await assert.rejects(fill(), /stopped here/);
      assert.equal(await bucketStanding(after.memory.bucket), "begun");
      await assert.rejects(openBucket(after.memory.bus, AUDIENCE.workspace), isFailure("replay_unfinished"));
      after.memory.onStep = () => undefined;
      await fill();
      assert.equal((await after.take(routine(at, 4).compact)).verdict, "admit");
      assert.equal(after.memory.steps.filter(({ what }) => what === "record").length, steps + 1, `stopped after ${stopAfter}`);
    }
  });

  test("a bucket that holds anything is left alone", async () => {
    const at = bench();
    await at.take(routine(at, 1).compact);
    const fill = fillBucket({
      ...{ workspace: "w1", bucket: at.memory.bucket, decisions: each([]), source: testSource(at.world.inForce) },
      ...{ origin: { size: 0, root: digestOf("") }, nowS: at.world.nowS() },
    });
    await assert.rejects(fill, isFailure("replay_not_empty"));
    assert.equal(await bucketStanding(memoryBus("w1").bucket), "empty");
  });
});

const isFailure = (code: string) => (error: unknown) => error instanceof TriplaneError && error.code === code;

describe("openNumbers", () => {
  /** Seventy ops of ana, of which the ledger has those that `has` says; the bucket is kept, and tells the last 64 apart. */
  async function afterSeventy(has: (seq: number) => boolean) {
    const at = bench();
    const ops = Array.from({ length: 70 }, (_, index) => routine(at, index + 1));
    for (const op of ops) await at.take(op.compact);
    const inLedger = textsOf(at).filter((_, index) => has(index + 1));
    const open = () => openNumbers({ workspace: "w1", bucket: at.memory.bucket, decisions: each(inLedger) });
    return { at, ops, open };
  }

  test("an op whose number is in no record and no longer held is taken in late, once (`every-command-lands`)", async () => {
    const { at, ops, open } = await afterSeventy((seq) => seq !== 3);
    assert.equal((await at.take(ops[0]?.compact ?? "")).verdict, "gap");
    assert.deepEqual(await open(), [{ did: at.world.keys.ana.did, numbers: [3] }]);
    const steps = at.memory.steps.length;
    await open();
    assert.equal(at.memory.steps.length, steps, "a second time changes nothing");
    assert.equal((await at.take(ops[2]?.compact ?? "")).verdict, "admit");
    assert.equal((await at.take(ops[2]?.compact ?? "")).verdict, "repeat");
    assert.equal((await at.take(routine(at, 3).compact)).verdict, "fork");
    assert.equal((await at.take(routine(at, 2).compact)).verdict, "gap", "what the ledger has stays taken (no-fail-open)");
    assert.equal((await at.take(routine(at, 71).compact)).verdict, "admit");
  });

  test("an op that is held then, and no longer when it is sent again, is answered as before, byte for byte", async () => {
    const { at, ops, open } = await afterSeventy((seq) => seq !== 10 && seq !== 70);
    assert.deepEqual(await open(), [{ did: at.world.keys.ana.did, numbers: [10, 70] }]);
    const steps = at.memory.steps.length;
    await open();
    assert.equal(at.memory.steps.length, steps, "a second time changes nothing");
    for (let seq = 71; seq <= 140; seq += 1) await at.take(routine(at, seq).compact);
    for (const seq of [10, 70]) {
      const [before, sent] = [textsOf(at)[seq - 1], textsOf(at).length];
      assert.equal((await at.take(ops[seq - 1]?.compact ?? "")).verdict, "repeat");
      assert.deepEqual(textsOf(at).slice(sent), [before]);
      assert.equal((await at.take(routine(at, seq).compact)).verdict, "fork");
    }
    assert.equal((await at.take(ops[10]?.compact ?? "")).verdict, "gap", "what the ledger has stays taken (no-fail-open)");
  });

  test("nothing is opened where the ledger has every number", async () => {
    const { open } = await afterSeventy(() => true);
    assert.deepEqual(await open(), []);
  });

  test("an op that waits for people keeps its review", async () => {
    const at = bench();
    const waiting = at.world.op("ana", 1, { op: "component.remove" });
    await at.take(waiting.compact);
    for (let seq = 2; seq <= 70; seq += 1) await at.take(routine(at, seq).compact);
    await openNumbers({ workspace: "w1", bucket: at.memory.bucket, decisions: each(textsOf(at)) });
    assert.equal((await at.take(waiting.compact)).verdict, "repeat");
  });
});
