import assert from "node:assert/strict";
import { test } from "node:test";
import { signAdmission, subjects, TriplaneError, verifyAdmission } from "@triplane/contract";
import { silentLogger } from "@triplane/kit";
import { type Policy, verifyDecision } from "@triplane/policy";
import { type BuiltOp, seededRandom } from "@triplane/testkit";
import type { PolicyInForce } from "./outputs.ts";
import { admitReview } from "./people/admit.ts";
import { reject } from "./people/approve.ts";
import { listReviews } from "./people/reviews.ts";
import { admissionOf, type Bench, bench, refusalOf } from "./testing/bench.ts";
import { AUDIENCE, type Person, testSource } from "./testing/world.ts";

const on = subjects(AUDIENCE.workspace);
const WAIT_S = 600;

/** Removals run after ten minutes unless somebody of `platform` objects. */
function silently(at: Bench): PolicyInForce {
  const rule = { id: "removal", kinds: ["component.remove"], targets: ["*"], wait_s: WAIT_S, groups: ["platform"], approvals: 2 };
  return { ...at.world.inForce, policy: { ...at.world.policy, review: [], unopposed: [rule] } as Policy };
}

async function waiting(at: Bench, by: Person = "ana"): Promise<BuiltOp> {
  const built = at.world.op(by, 1, { op: "component.remove" });
  at.memory.submit(built.compact, at.world.clock.nowMs());
  assert.equal((await at.takeNext(silently(at))).verdict, "review");
  return built;
}

const look = (at: Bench, built: BuiltOp) => at.desk.look(built.op.claims.jti, silently(at));

test("look: an op that nobody objects to is admitted when its wait is over, and the next hop believes it", async () => {
  const at = bench();
  const built = await waiting(at);
  const shownS = at.world.nowS();
  const item = at.review(built.op.claims.jti);
  assert.deepEqual(item?.unopposed, { groups: ["platform"], runs_at: shownS + WAIT_S }, "it is announced at once, with the time");
  const answer = JSON.parse(at.memory.texts(on.answer("ana", built.op.claims.jti)).at(-1) ?? "");
  assert.equal(answer.unopposed.runs_at, shownS + WAIT_S);
  at.world.clock.advance(WAIT_S * 1000 - 1);
  assert.equal((await look(at, built))?.state, "waits");
  at.world.clock.advance(1);
  assert.equal((await at.restart().desk.look(built.op.claims.jti, silently(at)))?.verdict, "admit");
  const admission = admissionOf(at.commands()[0]);
  assert.deepEqual([admission.basis, admission.rule, admission.facts.open_since], ["unopposed", "removal", shownS]);
  assert.equal(at.review(built.op.claims.jti)?.closed_by, "admitted");
  const { policy, ref } = silently(at);
  const [compact = ""] = at.memory.texts(on.cmd);
  const policyAt = () => ({ policy, digest: ref.digest, files: new Map<string, string>() });
  assert.equal(verifyDecision({ compact, audience: AUDIENCE, policyAt }).kind, "admission");
});

test("verifyDecision: an admission that shortens the wait is believed nowhere, whoever signs it (chain-verified-at-every-hop)", async () => {
  const at = bench();
  const built = await waiting(at);
  at.world.clock.advance(WAIT_S * 1000);
  await look(at, built);
  const { policy, ref } = silently(at);
  const policyAt = () => ({ policy, digest: ref.digest, files: new Map<string, string>() });
  const { iss: _, ...claims } = verifyAdmission(at.memory.texts(on.cmd)[0] ?? "").claims;
  const shownS = claims.facts.open_since ?? 0;
  const { iat } = built.op.claims;
  for (const changes of [
    { decided_at: shownS + WAIT_S - 1 },
    { facts: {} },
    { facts: { open_since: shownS + 1 } },
    { facts: { open_since: iat - 11 } },
    { decided_at: iat - 11 + WAIT_S, facts: { open_since: iat - 11 } },
    { basis: "auto" as const },
    { basis: "approved" as const },
  ]) {
    const compact = signAdmission({ ...claims, ...changes }, at.world.keeper);
    assert.throws(() => verifyDecision({ compact, audience: AUDIENCE, policyAt }), { code: "chain_broken" }, JSON.stringify(changes));
  }
});

test("look: an objection refuses, although it came while no keeper was there and the wait is over", async () => {
  const at = bench();
  const built = await waiting(at);
  at.world.clock.advance(500_000);
  const deps = { bus: at.memory.bus, audience: AUDIENCE, source: testSource(silently(at)), clock: at.world.clock, random: seededRandom() };
  const [listed] = (await listReviews(deps)).reviews;
  assert.equal(listed?.unopposed?.runsAtS, at.world.nowS() + 100);
  const said = await reject(deps, { jti: built.op.claims.jti, key: at.world.keys.cleo, comment: "not today" });
  assert.equal(said.verdict, "refuse");
  at.world.clock.advance(900_000);
  assert.equal((await at.restart().desk.look(built.op.claims.jti, silently(at)))?.code, "review_rejected");
  assert.equal(refusalOf(at.commands()[0]).rule, "removal");
});

test("look: an agent objects to nothing, its owner withdraws its op, and two early approvals end the wait", async () => {
  const at = bench();
  const built = await waiting(at, "ben");
  const { jti } = built.op.claims;
  at.memory.approve(jti, at.world.approval(built.op, "scout", { decision: "reject" }));
  at.memory.approve(jti, at.world.approval(built.op, "ci", { decision: "reject" }));
  at.memory.approve(jti, at.world.approval(built.op, "ana"));
  assert.equal((await look(at, built))?.state, "waits");
  at.memory.approve(jti, at.world.approval(built.op, "cleo"));
  assert.equal((await look(at, built))?.verdict, "admit");
  assert.equal(admissionOf(at.commands()[0]).basis, "approved");
});

test("admitReview: a person in the keeper's place waits as long as the keeper would", async () => {
  const at = bench();
  const built = await waiting(at);
  const { bus, bucket } = at.memory;
  const hand = {
    ...{ bus, bucket, audience: AUDIENCE, source: testSource(silently(at)) },
    ...{ key: at.world.keys.ben, clock: at.world.clock, logger: silentLogger },
  };
  await assert.rejects(admitReview(hand, built.op.claims.jti), { code: "approval_not_accepted" });
  at.world.clock.advance(WAIT_S * 1000);
  assert.equal((await admitReview(hand, built.op.claims.jti)).verdict, "admit");
});

for (const when of ["before", "after"] as const) {
  for (const nth of [1, 2, 3, 4]) {
    test(`takeNext: a crash ${when} step ${nth} of announcing an op neither loses nor shortens its wait (publish-before-ack)`, async () => {
      const at = bench();
      const built = at.world.op("ana", 1, { op: "component.remove" });
      let seen = 0;
      at.memory.onStep = (_step, at) => {
        if (at !== when) return;
        seen += 1;
        if (seen === nth) throw new TriplaneError("publish_unconfirmed", "crash");
      };
      at.memory.submit(built.compact, at.world.clock.nowMs());
      await at.takeNext(silently(at)).catch(() => undefined);
      at.memory.onStep = () => undefined;
      const seenBefore = at.review(built.op.claims.jti) === undefined ? undefined : at.world.nowS();
      at.world.clock.advance(300_000);
      if (at.memory.pendingCount > 0) await at.restart().takeNext(silently(at));
      const seenS = seenBefore ?? at.world.nowS();
      const runsInMs = (seenS + WAIT_S - at.world.nowS()) * 1000;
      at.world.clock.advance(runsInMs - 1000);
      assert.equal((await look(at, built))?.state, "waits");
      assert.equal(at.review(built.op.claims.jti)?.unopposed?.runs_at, seenS + WAIT_S);
      at.world.clock.advance(1000);
      assert.equal((await look(at, built))?.verdict, "admit");
      assert.equal(at.commands().length, 1);
    });

    test(`look: a crash ${when} step ${nth} of the end of a wait leads to one admission, byte for byte`, async () => {
      const at = bench();
      const built = await waiting(at);
      at.world.clock.advance(WAIT_S * 1000);
      let seen = 0;
      at.memory.onStep = (_step, at) => {
        if (at !== when) return;
        seen += 1;
        if (seen === nth) throw new TriplaneError("publish_unconfirmed", "crash");
      };
      await look(at, built).catch(() => undefined);
      at.memory.onStep = () => undefined;
      at.world.clock.advance(60_000);
      await at.restart().desk.look(built.op.claims.jti, silently(at));
      assert.equal(new Set(at.memory.texts(on.cmd)).size, 1);
      assert.equal(at.review(built.op.claims.jti)?.closed_by, "admitted");
    });
  }
}
