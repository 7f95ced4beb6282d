import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decide } from "./decide.ts";
import { loaded, MONDAY_10_S, makeApproval, makeInput, makeOp, type Name, short } from "./test-support.ts";

const DAY = 86_400;
const review = (removals: string, data = "") => `[
  { id = "removals", kinds = ["component.remove"], targets = ["*"], approvals = 2, groups = ["ops"]${removals} },
  { id = "data", kinds = ["*"], targets = ["db"], approvals = 1, groups = ["security"]${data} },
]`;
const limits = "{ max_lifetime_s = 3600, clock_skew_s = 30, max_approval_s = 7200 }";
const { policy } = loaded({ limits, review: review(", open_s = 86400", ", open_s = 3600") });
const op = makeOp("alice", { op: "component.remove" });
const T = MONDAY_10_S;

interface At {
  readonly nowS: number;
  readonly openS?: number;
  readonly by?: readonly (readonly [Name, number])[];
  readonly under?: typeof policy;
  readonly of?: typeof op;
}

/** `by`: who approved, and when. */
function says({ nowS, openS, by = [], under = policy, of = op }: At): string {
  const approvals = by.map(([name, iat]) => makeApproval(name, of, { iat, exp: iat + 7200 }));
  const facts = { recent_auto: {}, budget_used: 0, ...(openS === undefined ? {} : { open_since: openS }) };
  return short(decide(makeInput(of, under, { nowS, facts, approvals })));
}

test("decide: an op whose own ten minutes are over is still asked about, and admitted by approvals that live from when they were given", () => {
  assert.equal(op.claims.exp - op.claims.iat, 600);
  assert.equal(says({ nowS: T + 5 * 3600, openS: T }), "review removals:2");
  const late = T + 20 * 3600;
  assert.equal(
    says({
      nowS: late,
      openS: T,
      by: [
        ["bob", late - 3600],
        ["carol", late],
      ],
    }),
    "admit approved removals",
  );
  assert.equal(
    says({
      nowS: late,
      openS: T,
      by: [
        ["bob", late - 7231],
        ["carol", late],
      ],
    }),
    "review removals:1",
    "bob's own two hours are over",
  );
});

test("decide: a review closes when the policy says, counted from when people could first see the op", () => {
  assert.equal(says({ nowS: T + DAY - 1, openS: T, by: [["bob", T + DAY - 60]] }), "review removals:1");
  assert.equal(says({ nowS: T + DAY, openS: T, by: [["bob", T + DAY - 60]] }), "refuse review_expired removals");
  const both = [
    ["bob", T + DAY - 60],
    ["carol", T + DAY + 20],
  ] as const;
  assert.equal(
    says({ nowS: T + DAY + 600, openS: T, by: both }),
    "admit approved removals",
    "a keeper that was away still sees who was in time",
  );
  const tooLate = [
    ["bob", T + DAY - 60],
    ["carol", T + DAY + 31],
  ] as const;
  assert.equal(says({ nowS: T + DAY + 600, openS: T, by: tooLate }), "refuse review_expired removals");
});

test("decide: of several rules the one that closes first counts, and one that does not say holds the op to its own expiry", () => {
  const data = makeOp("alice", { op: "component.remove", target: "db" });
  assert.equal(says({ nowS: T + 3599, openS: T, of: data }), "review removals:2 data:1");
  assert.equal(says({ nowS: T + 3600, openS: T, of: data }), "refuse review_expired data");
  const { policy: mixed } = loaded({ limits, review: review(", open_s = 86400") });
  assert.equal(says({ nowS: T + 629, openS: T, of: data, under: mixed }), "review removals:2 data:1");
  assert.equal(says({ nowS: T + 630, openS: T, of: data, under: mixed }), "refuse token_expired");
});

test("decide: the time since which people are asked lies between the op's own iat and the decision (time-is-an-input)", () => {
  fc.assert(
    fc.property(fc.integer({ min: -2000, max: 2000 }), fc.integer({ min: -100, max: 3000 }), (openAfter, decidedAfter) => {
      const verdict = says({ nowS: T + decidedAfter, openS: T + openAfter });
      const possible = openAfter <= decidedAfter && openAfter >= -30 && openAfter < 630;
      assert.equal(verdict.startsWith("review"), possible, `${openAfter} ${decidedAfter}: ${verdict}`);
    }),
  );
  assert.equal(says({ nowS: T, openS: T + 1 }), "refuse clock_skew");
});

test("decide: an op that no person is asked about any more is held to its own expiry, however long people were asked", () => {
  const deploy = makeOp("dave", { scope: "web" });
  assert.equal(says({ nowS: T + 600, openS: T, of: deploy }), "admit auto web-deploys");
  assert.equal(says({ nowS: T + 3600, openS: T, of: deploy }), "refuse token_expired");
});

test("decide: without the fact, an op is valid now or not at all (no-fail-open)", () => {
  assert.equal(says({ nowS: T + 600 }), "review removals:2");
  assert.equal(
    says({
      nowS: T + 700,
      by: [
        ["bob", T + 600],
        ["carol", T + 600],
      ],
    }),
    "refuse token_expired",
  );
});
