import assert from "node:assert/strict";
import { test } from "node:test";
import { type ReviewItem, signOp, subjects, verifyOp } from "@triplane/contract";
import type { Policy } from "@triplane/policy";
import { seededRandom } from "@triplane/testkit";
import type { PolicyInForce } from "../outputs.ts";
import { type Bench, bench } from "../testing/bench.ts";
import { AUDIENCE, testSource } from "../testing/world.ts";
import { approve, reject } from "./approve.ts";
import type { SigningDeps } from "./deps.ts";
import { showReview } from "./reviews.ts";

const on = subjects(AUDIENCE.workspace);

function depsOf(at: Bench, inForce: PolicyInForce = at.world.inForce): SigningDeps {
  return { bus: at.memory.bus, audience: AUDIENCE, source: testSource(inForce), clock: at.world.clock, random: seededRandom() };
}

async function waiting(at: Bench, inForce: PolicyInForce = at.world.inForce) {
  const built = at.world.op("ana", 1, { op: "component.remove" });
  at.memory.submit(built.compact, at.world.clock.nowMs());
  await at.takeNext(inForce);
  return built;
}

/** Somebody who can write to the review stream publishes another item over the keeper's. */
async function lie(at: Bench, jti: string, changes: Partial<ReviewItem>): Promise<void> {
  await at.memory.bus.publish(on.review(jti), JSON.stringify({ ...at.review(jti), ...changes }));
}

async function assertUnsigned(at: Bench, jti: string, code: string, inForce?: PolicyInForce): Promise<void> {
  const deps = depsOf(at, inForce);
  await assert.rejects(approve(deps, { jti, key: at.world.keys.ben }), { code });
  await assert.rejects(reject(deps, { jti, key: at.world.keys.ben }), { code });
  assert.deepEqual(at.memory.texts(on.approval(jti)), [], "nothing was signed");
}

test("approve: pitfall 26: an item that says that fewer, other or no people are asked is not signed", async () => {
  const needs = [
    [],
    [{ rule: "removal", count: 1, groups: ["platform"] }],
    [{ rule: "removal", count: 2, groups: ["anybody"] }],
    [{ rule: "harmless", count: 2, groups: ["platform"] }],
  ];
  for (const lied of needs) {
    const at = bench();
    const { op } = await waiting(at);
    await lie(at, op.claims.jti, { needs: lied });
    await assertUnsigned(at, op.claims.jti, "review_differs");
    const shown = await showReview(depsOf(at), op.claims.jti);
    assert.deepEqual(shown.differences, ["the item asks for other people than the policy does"]);
    assert.deepEqual(shown.needs, [{ rule: "removal", count: 2, groups: ["platform"] }], "what is shown is what the policy says");
  }
});

test("approve: pitfall 26: an item that says that the op runs at another time, or that others may object, is not signed", async () => {
  const lies = [{ groups: ["platform"], runs_at: 1 }, { groups: ["nobody"], runs_at: 0 }, undefined];
  for (const lied of lies) {
    const at = bench();
    const rule = { id: "later", kinds: ["component.remove"], targets: ["*"], wait_s: 600, groups: ["platform"], approvals: 2 };
    const inForce = { ...at.world.inForce, policy: { ...at.world.policy, review: [], unopposed: [rule] } as Policy };
    const { op } = await waiting(at, inForce);
    const { jti } = op.claims;
    await lie(at, jti, { unopposed: lied?.runs_at === 0 ? { ...lied, runs_at: at.world.nowS() + 600 } : lied });
    await assertUnsigned(at, jti, "review_differs", inForce);
    const shown = await showReview(depsOf(at, inForce), jti);
    assert.deepEqual([shown.unopposed?.groups, shown.unopposed?.runsAtS], [["platform"], at.world.nowS() + 600]);
  }
});

test("approve: pitfall 22: another op that was put under the same jti is never signed, and the page says so", async () => {
  const at = bench();
  const { op } = await waiting(at);
  const { jti } = op.claims;
  const { iss: _, ...claims } = op.claims;
  const other = verifyOp(signOp({ ...claims, args: { everything: true } }, at.world.keys.ana));
  await lie(at, jti, { op: other.token.compact, op_digest: other.token.digest });
  await assertUnsigned(at, jti, "review_differs");
  const shown = await showReview(depsOf(at), jti);
  assert.deepEqual(shown.differences, [`another op was shown under the same jti: ${op.token.digest}`]);
  await lie(at, jti, { op: op.token.compact, op_digest: op.token.digest });
  await assertUnsigned(at, jti, "review_differs");
  assert.deepEqual((await showReview(depsOf(at), jti)).differences, [`another op was shown under the same jti: ${other.token.digest}`]);
});

test("approve: an item whose text is of one op and whose digest is of another does not verify", async () => {
  const at = bench();
  const { op } = await waiting(at);
  const other = at.world.op("ana", 2, { op: "component.remove" });
  await lie(at, op.claims.jti, { op: other.compact });
  await assertUnsigned(at, op.claims.jti, "chain_broken");
});

test("approve: a keeper that asks under another policy than this person verified gets no signature", async () => {
  const at = bench();
  const { op } = await waiting(at);
  const newer = { ...at.world.inForce, ref: { ...at.world.inForce.ref, commit: "e".repeat(40) } };
  await assertUnsigned(at, op.claims.jti, "review_differs", newer);
  await at.desk.look(op.claims.jti, newer);
  assert.equal((await approve(depsOf(at, newer), { jti: op.claims.jti, key: at.world.keys.ben })).verdict, "review");
});

test("approve: who looks a moment before the keeper put its announcement right signs all the same", async () => {
  const at = bench();
  const { op } = await waiting(at);
  await lie(at, op.claims.jti, { closes_at: 1 });
  assert.equal((await approve(depsOf(at), { jti: op.claims.jti, key: at.world.keys.ben })).verdict, "review");
});
