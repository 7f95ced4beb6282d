import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type OpClaims, reviewItemSchema, subjects, TriplaneError } from "@triplane/contract";
import { type BuiltOp, buildApproval } from "@triplane/testkit";
import type { Looked } from "./desk.ts";
import type { PolicyInForce } from "./outputs.ts";
import { admissionOf, type Bench, bench, refusalOf } from "./testing/bench.ts";
import { AUDIENCE, type Person } from "./testing/world.ts";

const on = subjects(AUDIENCE.workspace);

/** A removal by ana that waits for two of `platform`. */
async function waiting(at: Bench, claims: Partial<OpClaims> = {}): Promise<BuiltOp> {
  const built = at.world.op("ana", 1, { op: "component.remove", ...claims });
  await at.take(built.compact);
  return built;
}

function say(at: Bench, built: BuiltOp, by: Person, claims: Parameters<Bench["world"]["approval"]>[2] = {}): string {
  const compact = at.world.approval(built.op, by, claims);
  at.memory.approve(built.op.claims.jti, compact);
  return compact;
}

const look = (at: Bench, built: BuiltOp, inForce: PolicyInForce = at.world.inForce): Promise<Looked | undefined> =>
  at.desk.look(built.op.claims.jti, inForce);

test("examine: an op is admitted when its needs are met, with the approvals inside, and the item is closed", async () => {
  const at = bench();
  const built = await waiting(at);
  const ben = say(at, built, "ben");
  assert.equal((await look(at, built))?.state, "waits");
  const cleo = say(at, built, "cleo");
  assert.equal((await look(at, built))?.verdict, "admit");
  const admission = admissionOf(at.commands()[0]);
  assert.equal(admission.basis, "approved");
  assert.deepEqual([...admission.approvals].sort(), [ben, cleo].sort());
  assert.deepEqual([at.review(built.op.claims.jti)?.state, at.review(built.op.claims.jti)?.closed_by], ["closed", "admitted"]);
  assert.equal(await look(at, built), undefined);
});

test("examine: nobody approves their own op, an agent never counts, and one person counts once", async () => {
  const at = bench();
  const built = await waiting(at);
  say(at, built, "ana");
  say(at, built, "scout");
  say(at, built, "ben");
  say(at, built, "ben");
  assert.equal((await look(at, built))?.state, "waits");
  assert.deepEqual(at.commands(), []);
});

test("examine: an approval of other bytes, another policy commit, another state version or another audience does not count", async () => {
  const at = bench();
  const built = await waiting(at, { plan: digestOf("plan") });
  say(at, built, "ben");
  const wrong = [
    { op_digest: digestOf("other") },
    { policy_commit: "f".repeat(40) },
    { expected_state_version: 7 },
    { aud: `w2/${AUDIENCE.policyRid}` },
    { plan: digestOf("another plan") },
  ];
  for (const claims of wrong) say(at, built, "cleo", claims);
  assert.equal((await look(at, built))?.state, "waits");
  assert.deepEqual(at.commands(), []);
});

test("examine: a rejection by somebody entitled ends the review", async () => {
  const at = bench();
  const built = await waiting(at);
  say(at, built, "ben");
  const no = say(at, built, "cleo", { decision: "reject", comment: "not today" });
  assert.equal((await look(at, built))?.code, "review_rejected");
  const refusal = refusalOf(at.commands()[0]);
  assert.equal(refusal.code, "review_rejected");
  assert.ok(refusal.approvals.includes(no));
  assert.equal(refusal.consumes_seq, true);
  assert.equal(at.review(built.op.claims.jti)?.closed_by, "review_rejected");
});

test("examine: a rejection by the issuer withdraws the op", async () => {
  const at = bench();
  const built = await waiting(at);
  say(at, built, "ana", { decision: "reject" });
  assert.equal((await look(at, built))?.code, "op_withdrawn");
  assert.equal(refusalOf(at.commands()[0]).code, "op_withdrawn");
});

test("examine: a rejection by an agent or a stranger ends nothing", async () => {
  const at = bench();
  const built = await waiting(at);
  say(at, built, "scout", { decision: "reject" });
  at.memory.approve(built.op.claims.jti, buildApproval(built.op, { decision: "reject" }, { clock: at.world.clock }).compact);
  assert.equal((await look(at, built))?.state, "waits");
});

test("examine: a review that is open past the op's expiry is refused, whoever approved by then", async () => {
  const at = bench();
  const built = await waiting(at);
  say(at, built, "ben");
  at.world.clock.advance(3600_000 + 11_000);
  say(at, built, "cleo");
  assert.equal((await look(at, built))?.code, "review_expired");
  assert.equal(refusalOf(at.commands()[0]).code, "review_expired");
});

test("examine: when the policy has moved, older approvals do not count and people are asked under the new one", async () => {
  const at = bench();
  const built = await waiting(at);
  say(at, built, "ben");
  const moved: PolicyInForce = {
    policy: {
      ...at.world.policy,
      policy_version: 2,
      review: [{ id: "removal", kinds: ["component.remove"], targets: ["*"], approvals: 1, groups: ["platform"] }],
    },
    ref: { ...at.world.inForce.ref, commit: "a".repeat(40) },
  };
  assert.equal((await look(at, built, moved))?.state, "waits");
  const item = at.review(built.op.claims.jti);
  assert.equal(item?.policy_commit, "a".repeat(40));
  assert.deepEqual(item?.needs, [{ rule: "removal", count: 1, groups: ["platform"] }]);
  const items = at.memory.texts(on.review(built.op.claims.jti)).length;
  await look(at, built, moved);
  assert.equal(at.memory.texts(on.review(built.op.claims.jti)).length, items, "nothing is said twice");
  say(at, built, "cleo", { policy_commit: "a".repeat(40) });
  assert.equal((await look(at, built, moved))?.verdict, "admit");
  assert.equal(admissionOf(at.commands()[0]).policy.commit, "a".repeat(40));
});

test("examine: when the new policy denies the op, the review ends", async () => {
  const at = bench();
  const built = await waiting(at);
  const moved: PolicyInForce = {
    policy: { ...at.world.policy, deny: [{ id: "frozen", kinds: ["*"], targets: ["*"], why: "frozen" }] },
    ref: { ...at.world.inForce.ref, commit: "a".repeat(40) },
  };
  assert.equal((await look(at, built, moved))?.code, "policy_denied");
  assert.equal(refusalOf(at.commands()[0]).rule, "frozen");
});

test("examine: when the new policy no longer knows the issuer, the review ends", async () => {
  const at = bench();
  const built = await waiting(at);
  const moved: PolicyInForce = {
    policy: { ...at.world.policy, operators: at.world.policy.operators.filter((operator) => operator.principal !== "ana") },
    ref: { ...at.world.inForce.ref, commit: "a".repeat(40) },
  };
  assert.equal((await look(at, built, moved))?.code, "kid_unknown");
});

test("examine: an item with an op that was never taken in is not decided on, and alarms", async () => {
  const at = bench();
  const { compact, op } = at.world.op("ana", 1, { op: "component.remove" });
  const forged = {
    state: "open",
    op: compact,
    op_jti: op.claims.jti,
    op_digest: op.token.digest,
    policy_commit: at.world.inForce.ref.commit,
    needs: [],
    taken_at: at.world.nowS(),
  };
  await at.memory.bus.publish(on.review(op.claims.jti), JSON.stringify(reviewItemSchema.parse(forged)));
  at.memory.approve(op.claims.jti, at.world.approval(op, "ben"));
  at.memory.approve(op.claims.jti, at.world.approval(op, "cleo"));
  assert.equal((await at.desk.look(op.claims.jti, at.world.inForce))?.state, "untaken");
  assert.deepEqual(at.commands(), []);
  assert.deepEqual(
    at.alarms().map((alarm) => alarm.code),
    ["chain_broken"],
  );
});

test("readReviewItem: an item that names another op than it holds does not verify", async () => {
  const at = bench();
  const built = await waiting(at);
  const other = at.world.op("ben", 1, { op: "component.remove" });
  const item = at.review(built.op.claims.jti);
  const { jti } = built.op.claims;
  await at.memory.bus.publish(on.review(jti), JSON.stringify({ ...item, op: other.compact }));
  await assert.rejects(look(at, built), { code: "chain_broken" });
});

test("repeat: sending an op again neither reopens an ended review nor changes its end", async () => {
  const at = bench();
  const built = await waiting(at);
  assert.equal((await at.take(built.compact)).verdict, "repeat");
  assert.equal(at.memory.texts(on.review(built.op.claims.jti)).length, 1);
  say(at, built, "ana", { decision: "reject" });
  await look(at, built);
  await at.take(built.compact);
  assert.equal(at.review(built.op.claims.jti)?.state, "closed");
  const texts = at.memory.texts(on.cmd);
  assert.deepEqual([texts.length, new Set(texts).size], [2, 1]);
});

for (const when of ["before", "after"] as const) {
  for (const nth of [1, 2, 3]) {
    test(`look: a crash ${when} step ${nth} of the end of a review leads to one end, byte for byte (publish-before-ack)`, async () => {
      const at = bench();
      const built = await waiting(at);
      say(at, built, "ben");
      say(at, built, "cleo");
      let seen = 0;
      at.memory.onStep = (_step, at) => {
        if (at !== when) return;
        seen += 1;
        if (seen === nth) throw new TriplaneError("publish_unconfirmed", "crash");
      };
      await assert.rejects(look(at, built));
      at.memory.onStep = () => undefined;
      at.world.clock.advance(1000);
      // A word that came in between must not change what was recorded.
      say(at, built, "ana", { decision: "reject" });
      await look(at, built);
      const recorded = at.memory.steps.some((step) => step.what === "record" && step.on.startsWith("review-"));
      assert.ok(recorded);
      assert.equal(new Set(at.memory.texts(on.cmd)).size, 1);
      assert.equal(at.review(built.op.claims.jti)?.state, "closed");
      const isNew = nth === 1 && when === "before";
      assert.equal(at.review(built.op.claims.jti)?.closed_by, isNew ? "op_withdrawn" : "admitted");
    });
  }
}

test("look: two keepers end a review in one way", async () => {
  const at = bench();
  const built = await waiting(at);
  say(at, built, "ben");
  say(at, built, "cleo");
  const [one, two] = await Promise.all([look(at, built), look(at, built)]);
  assert.equal(one?.state ?? "ended", "ended");
  assert.equal(two?.state ?? "ended", "ended");
  assert.equal(new Set(at.memory.texts(on.cmd)).size, 1);
});

test("look: an agent's op in review does not count against the agent's own budget", async () => {
  const at = bench();
  const policy = {
    ...at.world.policy,
    review: [{ id: "careful", kinds: ["component.restart"], targets: ["*"], approvals: 1, groups: ["platform"] }],
  };
  const inForce: PolicyInForce = { ...at.world.inForce, policy };
  const restart = { op: "component.restart", scope: "restarts" } as const;
  const built = at.world.op("scout", 1, restart);
  for (const { compact } of [built, at.world.op("scout", 2, restart)]) {
    at.memory.submit(compact, at.world.clock.nowMs());
    assert.equal((await at.takeNext(inForce)).verdict, "review");
  }
  say(at, built, "ben");
  assert.equal((await look(at, built, inForce))?.verdict, "admit");
  assert.equal(admissionOf(at.commands()[0]).facts.budget_used, 1);
});
