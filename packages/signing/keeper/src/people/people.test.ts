import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, digestWords, subjects, verifyApproval } from "@triplane/contract";
import { silentLogger } from "@triplane/kit";
import { seededRandom } from "@triplane/testkit";
import { admissionOf, type Bench, bench, refusalOf } from "../testing/bench.ts";
import { AUDIENCE, type Person, type TestSource, testSource } from "../testing/world.ts";
import { admitPending, admitReview, type HandOptions } from "./admit.ts";
import { approve, reject, withdraw } from "./approve.ts";
import type { SigningDeps } from "./deps.ts";
import { listReviews, showReview } from "./reviews.ts";

const on = subjects(AUDIENCE.workspace);

function depsOf(at: Bench, source: TestSource = testSource(at.world.inForce)): SigningDeps {
  return { bus: at.memory.bus, audience: AUDIENCE, source, clock: at.world.clock, random: seededRandom() };
}

function handOf(at: Bench, by: Person): HandOptions {
  const { bus, bucket } = at.memory;
  return {
    bus,
    bucket,
    audience: AUDIENCE,
    source: testSource(at.world.inForce),
    key: at.world.keys[by],
    clock: at.world.clock,
    logger: silentLogger,
  };
}

async function waiting(at: Bench) {
  const built = at.world.op("ana", 1, { op: "component.remove", plan: digestOf("plan") });
  await at.take(built.compact);
  return built;
}

const PENDING = { max: 10, waitMs: 1 } as const;

test("digestWords: the same digest gives the same words, another one others", () => {
  assert.equal(digestWords(`sha256:${"7f000001".padEnd(64, "0")}`), "lusab-babad-babab-babab-babab");
  assert.notEqual(digestWords(digestOf("a")), digestWords(digestOf("b")));
});

test("listReviews: shows what waits, what is missing and who issued it, and counts items that do not verify", async () => {
  const at = bench();
  const { op } = await waiting(at);
  await at.memory.bus.publish(on.review("0190a5e0-0000-7000-8000-000000000000"), "{}");
  const { reviews, unverifiable } = await listReviews(depsOf(at));
  assert.equal(unverifiable, 1);
  assert.deepEqual(
    reviews.map(({ jti, principal, missing }) => ({ jti, principal, missing })),
    [{ jti: op.claims.jti, principal: "ana", missing: [{ rule: "removal", count: 2, groups: ["platform"] }] }],
  );
});

test("showReview: pitfall 26: shows the verified op, who spoke and whether it counts", async () => {
  const at = bench();
  const { op } = await waiting(at);
  at.memory.approve(op.claims.jti, at.world.approval(op, "ana"));
  at.memory.approve(op.claims.jti, at.world.approval(op, "ben"));
  at.memory.approve(op.claims.jti, "garbage");
  const shown = await showReview(depsOf(at), op.claims.jti);
  assert.deepEqual([shown.opDigest, shown.planDigest, shown.verdict, shown.state], [op.token.digest, digestOf("plan"), "review", "open"]);
  assert.deepEqual(
    shown.approvals.map(({ principal, counts }) => [principal, counts]),
    [
      ["ana", false],
      ["ben", true],
    ],
  );
  assert.equal(shown.digestWords, digestWords(op.token.digest));
  await assert.rejects(showReview(depsOf(at), "0190a5e0-0000-7000-8000-000000000000"), { code: "review_not_found" });
});

test("approve: publishes a signature over the op, its plan, its version and the policy commit", async () => {
  const at = bench();
  const { op } = await waiting(at);
  const { jti } = op.claims;
  const first = await approve(depsOf(at), { jti, key: at.world.keys.ben, comment: "fine", expectDigest: op.token.digest });
  assert.deepEqual([first.verdict, first.missing.map((need) => need.count)], ["review", [1]]);
  const { claims } = verifyApproval(at.memory.texts(on.approval(jti))[0] ?? "");
  assert.deepEqual(
    [claims.op_digest, claims.plan, claims.policy_commit, claims.expected_state_version, claims.decision, claims.comment],
    [op.token.digest, digestOf("plan"), at.world.inForce.ref.commit, 0, "approve", "fine"],
  );
  const second = await approve(depsOf(at), { jti, key: at.world.keys.cleo });
  assert.equal(second.verdict, "admit");
  assert.equal((await at.desk.look(jti, at.world.inForce))?.verdict, "admit");
});

test("approve: says so before it publishes what would not count", async () => {
  const at = bench();
  const { op } = await waiting(at);
  const { jti } = op.claims;
  const own = approve(depsOf(at), { jti, key: at.world.keys.ana });
  await assert.rejects(own, { code: "approval_not_accepted" });
  await assert.rejects(approve(depsOf(at), { jti, key: at.world.keys.scout }), { code: "approval_not_accepted" });
  await assert.rejects(approve(depsOf(at), { jti, key: at.world.keys.ben, expectDigest: digestOf("other") }), {
    code: "approval_not_accepted",
  });
  await assert.rejects(approve(depsOf(at), { jti, key: at.world.keys.ben, expectPlan: digestOf("other") }), {
    code: "approval_not_accepted",
  });
  at.world.clock.advance(3610_000);
  await assert.rejects(approve(depsOf(at), { jti, key: at.world.keys.ben }), { code: "review_expired" });
  assert.deepEqual(at.memory.texts(on.approval(jti)), []);
});

test("reject: ends the review for the keeper to see, and nobody approves what has ended", async () => {
  const at = bench();
  const { op } = await waiting(at);
  const { jti } = op.claims;
  assert.equal((await reject(depsOf(at), { jti, key: at.world.keys.cleo, comment: "no" })).verdict, "refuse");
  assert.equal((await at.desk.look(jti, at.world.inForce))?.code, "review_rejected");
  await assert.rejects(approve(depsOf(at), { jti, key: at.world.keys.ben }), { code: "review_not_found" });
});

test("withdraw: pitfall 12: only the issuer, and only until it was admitted", async () => {
  const at = bench();
  const { op } = await waiting(at);
  const { jti } = op.claims;
  await assert.rejects(withdraw(depsOf(at), { jti, key: at.world.keys.ben }), { code: "approval_not_accepted" });
  await approve(depsOf(at), { jti, key: at.world.keys.ben });
  await approve(depsOf(at), { jti, key: at.world.keys.cleo });
  await at.desk.look(jti, at.world.inForce);
  await assert.rejects(withdraw(depsOf(at), { jti, key: at.world.keys.ana }), { code: "cancel_too_late" });
  const later = at.world.op("ana", 2, { op: "component.remove" });
  await at.take(later.compact);
  await withdraw(depsOf(at), { jti: later.op.claims.jti, key: at.world.keys.ana });
  assert.equal((await at.desk.look(later.op.claims.jti, at.world.inForce))?.code, "op_withdrawn");
});

test("admitPending: a person works the keeper's queue off with the same core, signing with their own key", async () => {
  const at = bench();
  for (const built of [at.world.op("ana", 1), at.world.op("ana", 2, { op: "component.remove" }), at.world.op("cleo", 1)]) {
    at.memory.submit(built.compact, at.world.clock.nowMs());
  }
  const done = await admitPending(handOf(at, "ben"), PENDING);
  assert.deepEqual(
    done.map(({ verdict }) => verdict),
    ["admit", "review", "admit"],
  );
  assert.equal(admissionOf(at.commands()[0]).iss, at.world.keys.ben.did);
  assert.equal(at.memory.pendingCount, 0);
});

test("admitPending: a person refuses what the keeper would, so that nothing bad holds up the queue (every-command-lands)", async () => {
  for (const [text, verdict] of [
    [(at: Bench) => at.world.op("cleo", 1, { op: "job.run" }).compact, "refuse"],
    [() => "garbage", "garbage"],
  ] as const) {
    const at = bench();
    at.memory.submit(text(at), at.world.clock.nowMs());
    assert.deepEqual(
      (await admitPending(handOf(at, "ben"), PENDING)).map((done) => done.verdict),
      [verdict],
    );
    assert.equal(at.memory.pendingCount, 0);
    assert.equal(refusalOf(at.commands()[0]).iss, at.world.keys.ben.did);
  }
});

test("admitPending: a person's own op, or one of their agent's, is given back and keeps its place", async () => {
  for (const built of [
    (at: Bench) => at.world.op("ana", 1),
    (at: Bench) => at.world.op("scout", 1, { op: "component.restart", scope: "restarts" }),
  ]) {
    const at = bench();
    at.memory.submit(built(at).compact, at.world.clock.nowMs());
    const done = await admitPending(handOf(at, "ana"), PENDING);
    assert.deepEqual(
      done.map(({ verdict }) => verdict),
      ["own"],
    );
    assert.deepEqual([at.memory.pendingCount, at.commands()], [1, []]);
    assert.deepEqual(
      (await admitPending(handOf(at, "ben"), PENDING)).map(({ verdict }) => verdict),
      ["admit"],
    );
  }
});

test("admitPending: without the grant to admit nothing is taken", async () => {
  const at = bench();
  at.memory.submit(at.world.op("ana", 1).compact, at.world.clock.nowMs());
  await assert.rejects(admitPending(handOf(at, "cleo"), PENDING), { code: "policy_denied" });
  await assert.rejects(admitPending(handOf(at, "scout"), PENDING), { code: "kid_unknown" });
  assert.deepEqual([at.memory.pendingCount, at.memory.steps.filter((step) => step.what !== "record")], [1, []]);
});

test("admitReview: needs the same quorum as the keeper, and is not for one's own op", async () => {
  const at = bench();
  const { op } = await waiting(at);
  const { jti } = op.claims;
  await assert.rejects(admitReview(handOf(at, "ben"), jti), { code: "approval_not_accepted" });
  at.memory.approve(jti, at.world.approval(op, "cleo"));
  await assert.rejects(admitReview(handOf(at, "ben"), jti), { code: "approval_not_accepted" });
  at.memory.approve(jti, at.world.approval(op, "ben"));
  await assert.rejects(admitReview(handOf(at, "ana"), jti), { code: "policy_denied" });
  assert.deepEqual(at.commands(), []);
});

test("admitReview: somebody who approved the op is not the one to admit it as well", async () => {
  const at = bench();
  const { op } = await waiting(at);
  const { jti } = op.claims;
  at.memory.approve(jti, at.world.approval(op, "ben"));
  at.memory.approve(jti, at.world.approval(op, "cleo"));
  await assert.rejects(admitReview(handOf(at, "ben"), jti), { code: "approval_not_accepted" });
  assert.equal((await at.desk.look(jti, at.world.inForce))?.verdict, "admit");
  await assert.rejects(admitReview(handOf(at, "ben"), jti), { code: "review_not_found" });
});
