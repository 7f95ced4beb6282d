import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decide } from "./decide.ts";
import { explain } from "./explain.ts";
import { loaded, MONDAY_10_S, makeApproval, makeInput, makeOp, type Name, short } from "./test-support.ts";
import { weakestPaths } from "./weakest-path.ts";

const T = MONDAY_10_S;
const UNOPPOSED = `[
  { id = "scale-later", kinds = ["component.scale"], targets = ["*"], wait_s = 600, groups = ["ops"], approvals = 2 },
  { id = "db-later", kinds = ["component.scale"], targets = ["db-*"], wait_s = 3600, groups = ["security"] },
]`;
const { policy } = loaded({ unopposed: UNOPPOSED });
const op = makeOp("alice", { op: "component.scale" });

interface At {
  readonly afterS: number;
  readonly openS?: number | undefined;
  readonly yes?: readonly Name[];
  readonly no?: readonly Name[];
  readonly of?: typeof op;
  readonly under?: typeof policy;
}

function decided({ afterS, openS = T, yes = [], no = [], of = op, under = policy }: At) {
  const nowS = T + afterS;
  const say = (by: Name, decision: "approve" | "reject") => makeApproval(by, of, { iat: nowS, exp: nowS + 60, decision });
  const approvals = [...yes.map((name) => say(name, "approve")), ...no.map((name) => say(name, "reject"))];
  return decide(makeInput(of, under, { nowS, approvals, facts: { recent_auto: {}, budget_used: 0, open_since: openS } }));
}
const says = (at: At): string => short(decided(at));

test("decide: an op that nobody objects to runs when its wait is over, and not a second before", () => {
  assert.equal(says({ afterS: 0 }), "review unopposed scale-later");
  assert.equal(says({ afterS: 599 }), "review unopposed scale-later");
  assert.equal(says({ afterS: 600 }), "admit unopposed scale-later");
  const waiting = decided({ afterS: 10 });
  assert.ok(waiting.verdict === "review" && waiting.unopposed !== undefined);
  assert.deepEqual([waiting.unopposed.runsAtS, waiting.unopposed.groups, waiting.needs], [T + 600, ["ops"], []]);
  assert.match(
    explain(waiting)[0] ?? "",
    /scale-later: it runs at 2026-01-05 10:10:00 UTC unless one of ops objects, or as soon as 2 of ops/,
  );
});

test("decide: without knowing since when people could see the op, nothing has been waited for (no-fail-open)", () => {
  for (const nowS of [T, T + 500]) assert.equal(short(decide(makeInput(op, policy, { nowS }))), "review unopposed scale-later");
  assert.equal(short(decide(makeInput(op, policy, { nowS: T + 700 }))), "refuse token_expired");
});

test("decide: an objection refuses, also one that comes when the wait is over and the op has not run", () => {
  for (const afterS of [0, 599, 600, 3000]) {
    assert.equal(says({ afterS, no: ["bob"] }), "refuse review_rejected scale-later");
    assert.equal(says({ afterS, yes: ["bob"], no: ["carol"] }), "refuse review_rejected scale-later");
  }
});

test("decide: agents, automations, strangers and people outside the groups object to nothing; the issuer withdraws", () => {
  assert.equal(says({ afterS: 600, no: ["helper", "deployer", "stranger", "dave"] }), "admit unopposed scale-later");
  assert.equal(says({ afterS: 600, no: ["alice-phone"] }), "refuse op_withdrawn");
});

test("decide: enough early approvals end the wait, where the rule names a number", () => {
  assert.equal(says({ afterS: 1, yes: ["bob"] }), "review unopposed scale-later");
  assert.equal(says({ afterS: 1, yes: ["bob", "carol"] }), "admit approved scale-later");
  assert.equal(says({ afterS: 1, yes: ["bob", "alice", "helper"] }), "review unopposed scale-later", "nobody counts for their own op");
  assert.equal(says({ afterS: 600, yes: ["bob"] }), "admit unopposed scale-later");
});

test("decide: of several rules the longest wait counts, and everybody of any of them may object", () => {
  const db = makeOp("alice", { op: "component.scale", target: "db-main" });
  assert.equal(says({ afterS: 0, of: db }), "review unopposed scale-later db-later");
  assert.equal(says({ afterS: 700, of: db }), "review unopposed db-later");
  assert.equal(says({ afterS: 700, of: db, yes: ["bob", "carol"] }), "review unopposed db-later");
  assert.equal(says({ afterS: 700, of: db, no: ["bob"] }), "refuse review_rejected scale-later");
  assert.equal(says({ afterS: 3600, of: db }), "admit unopposed scale-later");
});

test("decide: an op that could have run and did not, because no keeper was there, is not run for ever", () => {
  assert.equal(says({ afterS: 600 + 3599 }), "admit unopposed scale-later");
  assert.equal(says({ afterS: 600 + 3600 }), "refuse review_expired scale-later");
});

test("decide: deny beats review beats unopposed beats auto-sign", () => {
  const all = (lists: Readonly<Record<string, string>>) => loaded({ unopposed: UNOPPOSED, ...lists }).policy;
  const rule = `id = "r", kinds = ["component.scale"], targets = ["*"]`;
  assert.equal(says({ afterS: 600, under: all({ deny: `[{ ${rule}, why = "no" }]` }) }), "refuse policy_denied r");
  assert.equal(says({ afterS: 600, under: all({ review: `[{ ${rule}, approvals = 1, groups = ["ops"] }]` }) }), "review r:1");
  assert.equal(says({ afterS: 1, under: all({ auto_sign: `[{ ${rule} }]` }) }), "review unopposed scale-later");
});

test("decide: whatever the times, an op runs by itself only after its whole wait since it could be seen (time-is-an-input)", () => {
  fc.assert(
    fc.property(fc.integer({ min: -60, max: 900 }), fc.integer({ min: 0, max: 5000 }), (openAfter, afterS) => {
      const verdict = says({ afterS, openS: T + openAfter });
      if (verdict.startsWith("admit")) assert.ok(afterS - openAfter >= 600 && openAfter >= -30, verdict);
    }),
  );
});

test("policy check: somebody has to be able to object", () => {
  const problem = (rule: string) => () => loaded({ unopposed: `[{ id = "r", kinds = ["*"], targets = ["*"], ${rule} }]` });
  assert.throws(problem('wait_s = 60, groups = ["sre"]'), /nobody of sre may approve, so nobody could object/);
  assert.throws(problem('wait_s = 60, groups = ["ops"], approvals = 4'), /only 3 of ops may approve/);
  assert.throws(problem('wait_s = 0, groups = ["ops"]'), /wait_s/);
});

test("weakestPaths: silence needs nobody, and the path says who may object and for how long", () => {
  const paths = weakestPaths(policy).filter(({ waitS }) => waitS !== undefined);
  assert.deepEqual(
    paths.map(({ rule, people, candidates, waitS }) => [rule, people, candidates, waitS]),
    [
      ["scale-later", 0, ["alice", "bob", "carol"], 600],
      ["db-later", 0, ["carol"], 3600],
    ],
  );
  assert.ok(paths[1]?.notes.includes("nobody can object to an op of carol"));
});
