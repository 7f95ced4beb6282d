import assert from "node:assert/strict";
import { test } from "node:test";
import { subjects, TriplaneError } from "@triplane/contract";
import type { Policy } from "@triplane/policy";
import type { BuiltOp } from "@triplane/testkit";
import { seededRandom } from "@triplane/testkit";
import { firstShownS, openSinceS } from "./open-since.ts";
import type { PolicyInForce } from "./outputs.ts";
import { approve } from "./people/approve.ts";
import { showReview } from "./people/reviews.ts";
import { PastDecisions } from "./rebuild/past-decisions.ts";
import { admissionOf, type Bench, bench, refusalOf } from "./testing/bench.ts";
import { AUDIENCE, type Person, testSource } from "./testing/world.ts";

const on = subjects(AUDIENCE.workspace);
const HOUR_MS = 3600_000;

/** People are asked for a day; approvals live for two hours. */
function patient(at: Bench): PolicyInForce {
  const [removal] = at.world.policy.review;
  const policy = {
    ...at.world.policy,
    limits: { ...at.world.policy.limits, max_approval_s: 7200 },
    review: [{ ...removal, open_s: 24 * 3600 }],
  } as Policy;
  return { ...at.world.inForce, policy };
}

async function waiting(at: Bench, inForce: PolicyInForce): Promise<BuiltOp> {
  const built = at.world.op("ana", 1, { op: "component.remove" });
  at.memory.submit(built.compact, at.world.clock.nowMs());
  await at.takeNext(inForce);
  return built;
}

function say(at: Bench, built: BuiltOp, by: Person): void {
  const iat = at.world.nowS();
  at.memory.approve(built.op.claims.jti, at.world.approval(built.op, by, { iat, exp: iat + 7200 }));
}

test("look: an op is admitted at the last approval, hours after its own expiry, and the admission says since when people were asked", async () => {
  const at = bench();
  const inForce = patient(at);
  const built = await waiting(at, inForce);
  const takenS = at.world.nowS();
  at.world.clock.advance(20 * HOUR_MS);
  say(at, built, "ben");
  assert.equal((await at.desk.look(built.op.claims.jti, inForce))?.state, "waits");
  at.world.clock.advance(HOUR_MS);
  say(at, built, "cleo");
  assert.equal((await at.restart().desk.look(built.op.claims.jti, inForce))?.verdict, "admit");
  const { facts, decided_at: decidedAt, approvals } = admissionOf(at.commands()[0]);
  assert.ok(built.op.claims.exp < decidedAt);
  assert.deepEqual([facts.open_since, decidedAt, approvals.length], [takenS, takenS + 21 * 3600, 2]);
});

test("look: a review that nobody ends closes when the policy says, and is refused as review_expired by its rule", async () => {
  const at = bench();
  const inForce = patient(at);
  const { op } = await waiting(at, inForce);
  at.world.clock.advance(24 * HOUR_MS - 1000);
  assert.equal((await at.desk.look(op.claims.jti, inForce))?.state, "waits");
  at.world.clock.advance(1000);
  assert.equal((await at.desk.look(op.claims.jti, inForce))?.code, "review_expired");
  const { code, rule, facts } = refusalOf(at.commands()[0]);
  assert.deepEqual([code, rule, facts.open_since], ["review_expired", "removal", at.world.nowS() - 24 * 3600]);
});

test("look: a keeper that died between recording and showing an op counts from when people could see it", async () => {
  const at = bench();
  const inForce = patient(at);
  const built = at.world.op("ana", 1, { op: "component.remove" });
  at.memory.onStep = (step, when) => {
    if (step.what === "publish" && when === "before") throw new TriplaneError("publish_unconfirmed", "crash");
  };
  at.memory.submit(built.compact, at.world.clock.nowMs());
  await assert.rejects(at.takeNext(inForce));
  at.memory.onStep = () => undefined;
  at.world.clock.advance(600_000);
  await at.restart().takeNext(inForce);
  const shownS = at.world.nowS();
  at.world.clock.advance(24 * HOUR_MS - 1000);
  assert.equal((await at.desk.look(built.op.claims.jti, inForce))?.state, "waits");
  const item = at.review(built.op.claims.jti);
  assert.equal(item?.closes_at, shownS + 24 * 3600, "the item that was too early is put right");
  at.world.clock.advance(1000);
  assert.equal((await at.desk.look(built.op.claims.jti, inForce))?.code, "review_expired");
});

test("look: a policy that no longer gives people time holds the op to its own expiry again", async () => {
  const at = bench();
  const { op } = await waiting(at, patient(at));
  at.world.clock.advance(2 * HOUR_MS);
  assert.equal((await at.desk.look(op.claims.jti, at.world.inForce))?.code, "review_expired");
  assert.equal(refusalOf(at.commands()[0]).facts.open_since, undefined);
});

test("PastDecisions: whatever was asked about is known as a review that ended, also when time or a policy ended it", async () => {
  const at = bench();
  const inForce = patient(at);
  const { op } = await waiting(at, inForce);
  at.world.clock.advance(24 * HOUR_MS);
  await at.desk.look(op.claims.jti, inForce);
  const past = new PastDecisions(AUDIENCE.workspace);
  const entries = at.memory.texts(on.cmd).flatMap((text) => past.take(text));
  assert.deepEqual(
    entries.map(({ key }) => key),
    [`review-${op.claims.jti}`],
  );
});

test("openSinceS: never before the keeper took the op in, never after now", () => {
  const at = bench();
  const { op } = at.world.op("ana", 1, { op: "component.remove" });
  const item = (takenAt: number) => ({
    ...{ state: "open", op: op.token.compact, op_jti: op.claims.jti, op_digest: op.token.digest },
    ...{ policy_commit: at.world.inForce.ref.commit, needs: [], taken_at: takenAt },
  });
  const record = { seq: 1, op_digest: op.token.digest, output: { subject: "s", text: JSON.stringify(item(500)) }, uses: [] };
  assert.equal(openSinceS(510, record, 900), 510);
  assert.equal(openSinceS(100, record, 900), 500, "an item that somebody wrote before the keeper had the op");
  assert.equal(openSinceS(1000, record, 900), 900, "a broker whose clock is ahead");
  assert.equal(openSinceS(510, undefined, 900), 510);
  const messages = [
    { text: "garbage", storedAtMs: 1 },
    { text: JSON.stringify({ ...item(1), op_digest: `sha256:${"0".repeat(64)}` }), storedAtMs: 2000 },
    { text: JSON.stringify(item(3)), storedAtMs: 3001 },
    { text: JSON.stringify(item(3)), storedAtMs: 9000 },
  ];
  assert.equal(firstShownS(messages, op.token.digest), 4, "rounded up, so that no wait is shortened");
  assert.equal(firstShownS([], op.token.digest), undefined);
});

test("approve: signs for an op whose own expiry is over, for as long as the policy gives an approval", async () => {
  const at = bench();
  const inForce = patient(at);
  const { op } = await waiting(at, inForce);
  at.world.clock.advance(10 * HOUR_MS);
  const deps = { bus: at.memory.bus, audience: AUDIENCE, source: testSource(inForce), clock: at.world.clock, random: seededRandom() };
  const shown = await showReview(deps, op.claims.jti);
  assert.equal(shown.closesAtS, at.world.nowS() + 14 * 3600);
  await approve(deps, { jti: op.claims.jti, key: at.world.keys.ben });
  await approve(deps, { jti: op.claims.jti, key: at.world.keys.cleo });
  assert.equal((await at.desk.look(op.claims.jti, inForce))?.verdict, "admit");
});
