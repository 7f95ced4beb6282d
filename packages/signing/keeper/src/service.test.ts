import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type OpClaims, subjects, TriplaneError } from "@triplane/contract";
import { buildOp } from "@triplane/testkit";
import { admissionOf, type Bench, bench, refusalOf } from "./testing/bench.ts";
import type { Step } from "./testing/memory-bus.ts";
import { AUDIENCE, type Person } from "./testing/world.ts";

const on = subjects(AUDIENCE.workspace);

interface Case {
  readonly name: string;
  readonly by: Person;
  readonly seq: number;
  readonly claims?: Partial<OpClaims> | ((nowS: number) => Partial<OpClaims>);
  readonly verdict: string;
  readonly code?: string;
  readonly consumes?: boolean;
}

const CASES: readonly Case[] = [
  { name: "a routine op is admitted", by: "ana", seq: 1, claims: { op: "component.restart" }, verdict: "admit" },
  { name: "a removal goes to people", by: "ana", seq: 1, claims: { op: "component.remove" }, verdict: "review" },
  { name: "a deny rule refuses", by: "ana", seq: 1, claims: { op: "job.run" }, verdict: "refuse", code: "policy_denied", consumes: true },
  {
    name: "an op outside the grant is refused",
    by: "scout",
    seq: 1,
    claims: { op: "component.deploy", scope: "restarts" },
    verdict: "refuse",
    code: "scope_exceeded",
    consumes: true,
  },
  {
    name: "an expired op is refused and has consumed its number",
    by: "ana",
    seq: 1,
    claims: (nowS) => ({ iat: nowS - 100, exp: nowS - 20 }),
    verdict: "refuse",
    code: "token_expired",
    consumes: true,
  },
  {
    name: "an op from the future is refused",
    by: "ana",
    seq: 1,
    claims: (nowS) => ({ iat: nowS + 60, exp: nowS + 90 }),
    verdict: "refuse",
    code: "clock_skew",
    consumes: true,
  },
  {
    name: "an op that is not valid yet is refused",
    by: "ana",
    seq: 1,
    claims: (nowS) => ({ nbf: nowS + 600 }),
    verdict: "refuse",
    code: "token_not_yet_valid",
    consumes: true,
  },
  {
    name: "too long a life is refused",
    by: "ana",
    seq: 1,
    claims: (nowS) => ({ exp: nowS + 90_000 }),
    verdict: "refuse",
    code: "lifetime_too_long",
    consumes: true,
  },
  { name: "a number that is too high is a gap", by: "ana", seq: 3, verdict: "gap", code: "sequence_gap", consumes: false },
  {
    name: "an op for another workspace consumes no number here",
    by: "ana",
    seq: 1,
    claims: { aud: `w2/${AUDIENCE.policyRid}` },
    verdict: "refuse",
    code: "workspace_mismatch",
    consumes: false,
  },
  {
    name: "an op for another policy repository consumes no number here",
    by: "ana",
    seq: 1,
    claims: { aud: "w1/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv6" },
    verdict: "refuse",
    code: "aud_mismatch",
    consumes: false,
  },
];

for (const { name, by, seq, claims = {}, verdict, code, consumes } of CASES) {
  test(`takeIn: ${name}`, async () => {
    const at = bench();
    const { compact, op } = at.world.op(by, seq, typeof claims === "function" ? claims(at.world.nowS()) : claims);
    const intake = await at.take(compact);
    assert.equal(intake.verdict, verdict);
    assert.equal(at.memory.pendingCount, 0);
    const [command] = at.commands();
    if (verdict === "admit") {
      const admission = admissionOf(command);
      assert.equal(admission.op_digest, op.token.digest);
      assert.equal(admission.iss, at.world.keeper.did);
      assert.deepEqual(admission.policy, at.world.inForce.ref);
    } else if (verdict === "review") {
      assert.equal(command, undefined);
      assert.equal(at.review(op.claims.jti)?.state, "open");
    } else {
      const refusal = refusalOf(command);
      assert.equal(refusal.code, code);
      assert.equal(refusal.consumes_seq, consumes);
      assert.equal(refusal.op, compact);
    }
  });
}

test("takeIn: the next op after one that consumed its number has the next number", async () => {
  const at = bench();
  await at.take(at.world.op("ana", 1, { op: "job.run" }).compact);
  assert.equal((await at.take(at.world.op("ana", 2).compact)).verdict, "admit");
  assert.equal((await at.take(at.world.op("ben", 1).compact)).verdict, "admit");
});

test("takeIn: pitfall 18: a gap names the expected number and leaves the counter alone", async () => {
  const at = bench();
  await at.take(at.world.op("ana", 1).compact);
  await at.take(at.world.op("ana", 5).compact);
  assert.deepEqual(refusalOf(at.commands()[1]).nearest, { seq: 2 });
  assert.equal((await at.take(at.world.op("ana", 2).compact)).verdict, "admit");
});

test("takeIn: an op that was refused for a gap stays refused when its number has become the next one", async () => {
  const at = bench();
  const early = at.world.op("ana", 2);
  await at.take(early.compact);
  await at.take(at.world.op("ana", 1).compact);
  // Anybody who can publish may send it again: its bytes are in the ledger.
  const again = await at.take(early.compact);
  assert.equal(again.verdict, "repeat");
  const texts = at.memory.texts(on.cmd);
  assert.equal(texts[2], texts[0]);
  assert.equal((await at.take(at.world.op("ana", 2).compact)).verdict, "admit");
});

test("takeIn: pitfall 18: a fork is refused without consuming the number, and alarms", async () => {
  const at = bench();
  await at.take(at.world.op("ana", 1).compact);
  await at.take(at.world.op("ana", 2).compact);
  const other = at.world.op("ana", 1, { target: "kv" });
  assert.equal((await at.take(other.compact)).verdict, "fork");
  assert.equal(refusalOf(at.commands()[2]).code, "sequence_fork");
  assert.equal(refusalOf(at.commands()[2]).consumes_seq, false);
  assert.deepEqual(
    at.alarms().map((alarm) => [alarm.code, alarm.subject]),
    [["sequence_fork", other.op.claims.jti]],
  );
});

test("takeIn: a recent duplicate is answered with the recorded bytes, however old the clock is by then", async () => {
  const at = bench();
  const first = at.world.op("ana", 1);
  await at.take(first.compact);
  await at.take(at.world.op("ana", 2).compact);
  at.world.clock.advance(7200_000);
  assert.equal((await at.take(first.compact)).verdict, "repeat");
  const texts = at.memory.texts(on.cmd);
  assert.equal(texts[2], texts[0]);
  assert.deepEqual(at.alarms(), []);
});

test("takeIn: an op in review is no gap when its number is older than the bucket keeps (`every-command-lands`)", async () => {
  const at = bench();
  const waiting = at.world.op("ben", 1, { op: "component.remove" });
  await at.take(waiting.compact);
  const { jti } = waiting.op.claims;
  for (let seq = 2; seq <= 70; seq += 1) await at.take(at.world.op("ben", seq, { op: "job.run" }).compact);
  const before = at.commands().length;
  const again = await at.take(waiting.compact);
  assert.deepEqual([again.verdict, again.waits], ["repeat", true]);
  assert.equal(at.commands().length, before);
  assert.equal(at.review(jti)?.state, "open");
  // Other bytes under that number have no such excuse.
  assert.equal((await at.take(at.world.op("ben", 1, { op: "component.remove", target: "kv" }).compact)).verdict, "gap");
});

test("takeIn: an op under the jti of another op in review is refused and does not take its place", async () => {
  const at = bench();
  const waiting = at.world.op("ana", 1, { op: "component.remove" });
  await at.take(waiting.compact);
  const { jti } = waiting.op.claims;
  await at.take(at.world.op("ben", 1, { op: "component.remove", target: "kv", jti }).compact);
  const refusal = refusalOf(at.commands()[0]);
  // Filed under its digest: under the jti it would end the other op in the ledger.
  assert.deepEqual([refusal.code, refusal.op, refusal.op_jti, refusal.consumes_seq], ["jti_reused", undefined, undefined, false]);
  assert.equal(at.review(jti)?.op_digest, waiting.op.token.digest);
});

test("takeIn: rates are counted from the keeper's own records and go into the admission", async () => {
  const at = bench();
  for (const seq of [1, 2, 3]) assert.equal((await at.take(at.world.op("ana", seq).compact)).verdict, "admit");
  assert.deepEqual(admissionOf(at.commands()[2]).facts, { recent_auto: { deploys: 2 } });
  assert.notEqual((await at.take(at.world.op("ana", 4).compact)).verdict, "admit");
  at.world.clock.advance(3601_000);
  assert.equal((await at.take(at.world.op("ana", 5).compact)).verdict, "admit");
});

test("takeIn: an agent's budget is used up by what it was let through with", async () => {
  const at = bench();
  const restart = { op: "component.restart", scope: "restarts" } as const;
  assert.equal((await at.take(at.world.op("scout", 1, restart).compact)).verdict, "admit");
  assert.equal((await at.take(at.world.op("scout", 2, restart).compact)).verdict, "admit");
  const third = await at.take(at.world.op("scout", 3, restart).compact);
  assert.equal(third.verdict, "refuse");
  assert.equal(refusalOf(at.commands()[2]).facts.budget_used, 2);
});

const GARBAGE: readonly (readonly [string, string | Uint8Array, string])[] = [
  ["bytes that are not text", Uint8Array.of(0xff, 0xfe), "token_malformed"],
  ["text that is no token", "hello", "token_malformed"],
  ["an op of a key that the policy does not know", buildOp().compact, "kid_unknown"],
];

for (const [name, bytes, code] of GARBAGE) {
  test(`refuseGarbage: ${name} is refused by its digest alone, with the same bytes on redelivery`, async () => {
    const at = bench();
    at.memory.submit(bytes, at.world.clock.nowMs());
    at.memory.onStep = crashAt(1, "before", "ack");
    await assert.rejects(at.takeNext());
    at.memory.onStep = () => undefined;
    at.world.clock.advance(5000);
    assert.equal((await at.takeNext()).verdict, "garbage");
    const [first, second] = at.memory.texts(on.cmd);
    assert.equal(first, second ?? first);
    const refusal = refusalOf(at.commands()[0]);
    assert.deepEqual([refusal.code, refusal.op, refusal.op_jti, refusal.consumes_seq], [code, undefined, undefined, false]);
    assert.equal(refusal.op_digest, digestOf(bytes));
    assert.deepEqual(
      at.memory.steps.filter((step) => step.what === "record"),
      [],
    );
  });
}

test("refuseGarbage: an op signed by a keeper's own key is no op", async () => {
  const at = bench();
  await at.take(buildOp({}, { key: at.world.keeper, clock: at.world.clock }).compact);
  assert.equal(refusalOf(at.commands()[0]).code, "kid_unknown");
});

test("refuseGarbage: a flood raises one alarm a minute", async () => {
  const at = bench();
  for (let count = 0; count < 5; count += 1) await at.take(`garbage ${count}`);
  assert.equal(at.alarms().length, 1);
  assert.equal(at.commands().length, 5);
  at.world.clock.advance(61_000);
  await at.take("more");
  assert.equal(at.alarms().length, 2);
});

/** Throws at the n-th step of a kind. */
function crashAt(nth: number, when: "before" | "after", what: Step["what"] | "any"): Bench["memory"]["onStep"] {
  let seen = 0;
  return (step, at) => {
    if (at !== when || (what !== "any" && step.what !== what)) return;
    seen += 1;
    if (seen === nth) throw new TriplaneError("publish_unconfirmed", `crash ${when} ${step.what} ${step.on}`);
  };
}

const CRASHES: readonly (readonly [string, Case])[] = [
  ["admission", { name: "", by: "ana", seq: 1, verdict: "admit" }],
  ["review", { name: "", by: "ana", seq: 1, claims: { op: "component.remove" }, verdict: "review" }],
  ["refusal", { name: "", by: "ana", seq: 1, claims: { op: "job.run" }, verdict: "refuse" }],
  ["gap", { name: "", by: "ana", seq: 9, verdict: "gap" }],
];

for (const [name, { by, seq, claims = {} }] of CRASHES) {
  for (const when of ["before", "after"] as const) {
    for (const nth of [1, 2, 3, 4]) {
      test(`work: a crash ${when} step ${nth} of an ${name} leads to the same bytes, once recorded (persist-before-ack, publish-before-ack)`, async () => {
        const at = bench();
        const { compact, op } = at.world.op(by, seq, typeof claims === "function" ? {} : claims);
        at.memory.submit(compact, at.world.clock.nowMs());
        at.memory.onStep = crashAt(nth, when, "any");
        let crashed = false;
        while (at.memory.pendingCount > 0) {
          try {
            await at.takeNext();
          } catch {
            crashed = true;
            at.memory.onStep = () => undefined;
          }
          at.world.clock.advance(1000);
        }
        const outputs = [...at.memory.texts(on.cmd), ...at.memory.texts(on.review(op.claims.jti))];
        assert.equal(new Set(outputs).size, 1, "one output, byte for byte");
        assert.equal(at.memory.steps.filter((step) => step.what === "record").length, 1, "recorded once");
        const kinds = at.memory.steps.map((step) => step.what);
        assert.equal(kinds[0], "record");
        assert.ok(kinds.indexOf("publish") < kinds.indexOf("ack"));
        // Answers are best effort, so not every step stops the keeper; the first two always do.
        if (nth <= 2) assert.ok(crashed);
      });
    }
  }
}

test("work: a record that another keeper wrote first is read again and repeated", async () => {
  const at = bench();
  const { compact } = at.world.op("ana", 1);
  at.memory.submit(compact, at.world.clock.nowMs());
  at.memory.submit(compact, at.world.clock.nowMs());
  const [first, second] = [await at.memory.nextPending(), await at.memory.nextPending()];
  assert.ok(first !== undefined && second !== undefined);
  const [one, two] = await Promise.all([at.desk.work(first, at.world.inForce), at.desk.work(second, at.world.inForce)]);
  assert.deepEqual([one.intake.verdict, two.intake.verdict].sort(), ["admit", "repeat"]);
  const texts = at.memory.texts(on.cmd);
  assert.deepEqual([texts.length, new Set(texts).size], [2, 1]);
});

test("poison: a message that cannot be worked off is refused by its digest and stays refused", async () => {
  const at = bench();
  const { compact, op } = at.world.op("ana", 1);
  at.memory.submit(compact, at.world.clock.nowMs());
  const message = await at.memory.nextPending();
  assert.ok(message !== undefined);
  await at.desk.poison(message, at.world.inForce, "failed 10 times");
  const refusal = refusalOf(at.commands()[0]);
  assert.deepEqual([refusal.code, refusal.op_digest, refusal.op], ["poisoned", op.token.digest, undefined]);
  assert.equal(at.memory.pendingCount, 0);
  assert.equal((await at.take(compact)).verdict, "repeat");
  assert.equal((await at.take(at.world.op("ana", 1, { target: "kv" }).compact)).verdict, "admit");
});

test("work: a value in the bucket that no keeper wrote stops the decision instead of being guessed at (no-fail-open)", async () => {
  const at = bench();
  const { compact, op } = at.world.op("ana", 1);
  await at.memory.bucket.create(op.claims.iss.slice("did:key:".length), "{}");
  await assert.rejects(at.take(compact), { code: "internal" });
  assert.deepEqual(at.commands(), []);
});
