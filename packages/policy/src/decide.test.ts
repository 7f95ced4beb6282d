import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "@triplane/contract";
import { decide } from "./decide.ts";
import { explain } from "./explain.ts";
import { loaded, MONDAY_10_S, makeApproval, makeInput, makeOp, short } from "./test-support.ts";

const { policy } = loaded();

/** Friday 2026-01-09 18:00 in Madrid. */
const FRIDAY_EVENING_S = Date.UTC(2026, 0, 9, 17) / 1000;
const HOUR_S = 3600;

test("decide: a deploy that auto-sign covers is admitted without a person", () => {
  const op = makeOp("bob");
  assert.equal(short(decide(makeInput(op, policy))), "admit auto web-deploys");
});

test("decide: time-is-an-input: the same input gives the same decision", () => {
  const input = makeInput(makeOp("bob", { op: "component.remove" }), policy);
  assert.deepEqual(decide(input), decide(input));
});

test("decide: what no rule lets through is refused by the rule default (no-fail-open)", () => {
  const op = makeOp("bob", { op: "component.scale" });
  const decision = decide(makeInput(op, policy));
  assert.equal(short(decision), "refuse policy_denied default");
});

test("decide: a key that the policy does not list is unknown", () => {
  assert.equal(short(decide(makeInput(makeOp("stranger"), policy))), "refuse kid_unknown");
});

test("decide: a keeper's key holds no scope", () => {
  assert.equal(short(decide(makeInput(makeOp("keeper"), policy))), "refuse scope_exceeded platform");
});

test("decide: pitfall 16: an op for another workspace or another policy repository is refused", () => {
  const other = makeOp("bob", { aud: "libre-daoshi/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5" });
  assert.equal(short(decide(makeInput(other, policy))), "refuse workspace_mismatch");
  const moved = makeOp("bob", { aud: "libre-wuji/rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji" });
  assert.equal(short(decide(makeInput(moved, policy))), "refuse aud_mismatch");
});

test("decide: pitfall 17: times are held against the decision's time with the policy's skew", () => {
  const op = makeOp("bob", { exp: MONDAY_10_S + 60, nbf: MONDAY_10_S + 40 });
  const at = (nowS: number) => short(decide(makeInput(op, policy, { nowS })));
  assert.equal(at(MONDAY_10_S - 31), "refuse clock_skew");
  assert.equal(at(MONDAY_10_S), "refuse token_not_yet_valid");
  assert.equal(at(MONDAY_10_S + 10), "admit auto web-deploys");
  assert.equal(at(MONDAY_10_S + 89), "admit auto web-deploys");
  assert.equal(at(MONDAY_10_S + 90), "refuse token_expired");
  assert.equal(short(decide(makeInput(makeOp("bob", { exp: MONDAY_10_S + 3601 }), policy))), "refuse lifetime_too_long");
});

test("decide: a scope that was not granted, or does not cover kind or target, is exceeded", () => {
  assert.equal(short(decide(makeInput(makeOp("bob", { scope: "web" }), policy))), "refuse scope_exceeded web");
  assert.equal(short(decide(makeInput(makeOp("deployer", { scope: "web", op: "component.remove" }), policy))), "refuse scope_exceeded web");
  assert.equal(short(decide(makeInput(makeOp("deployer", { scope: "web", target: "db" }), policy))), "refuse scope_exceeded web");
});

test("decide: pitfall 29: a refusal names the rule, the failing fact and the nearest allowed variant", () => {
  const decision = decide(makeInput(makeOp("helper", { scope: "web", op: "component.remove", target: "web-shop" }), policy));
  assert.ok(decision.verdict === "refuse");
  assert.equal(decision.rule, "web");
  assert.equal(decision.fact, "the scope web does not cover the kind component.remove");
  assert.deepEqual(decision.nearest, { op: ["component.restart", "component.deploy"] });
  assert.match(explain(decision).join("\n"), /refuse \(scope_exceeded\) by rule web: .*\nnearest allowed: /);
});

test("decide: the nearest variant of an op in the wrong scope is the scope that fits", () => {
  const decision = decide(makeInput(makeOp("dave", { scope: "web", target: "db" }), policy));
  assert.ok(decision.verdict === "refuse");
  assert.deepEqual(decision.nearest, { scope: "platform" });
});

test("decide: deny beats review and auto-sign", () => {
  const removal = makeOp("bob", { op: "component.remove", target: "zot" });
  assert.equal(short(decide(makeInput(removal, policy))), "refuse policy_denied never-registry");
  const approvals = [makeApproval("alice", removal), makeApproval("carol", removal)];
  assert.equal(short(decide(makeInput(removal, policy, { approvals }))), "refuse policy_denied never-registry");
});

test("decide: a freeze denies while its window is open and says when it ends", () => {
  const op = makeOp("bob", { iat: FRIDAY_EVENING_S });
  const decision = decide(makeInput(op, policy));
  assert.ok(decision.verdict === "refuse");
  assert.equal(decision.rule, "no-friday-evening");
  assert.equal(decision.fact, "nothing changes on Friday evenings");
  assert.deepEqual(decision.nearest, { nbf: Date.UTC(2026, 0, 9, 23) / 1000 });
});

test("decide: review beats auto-sign", () => {
  const both = loaded({ auto_sign: '[{ id = "all", kinds = ["*"], targets = ["*"] }]' }).policy;
  assert.equal(short(decide(makeInput(makeOp("bob", { target: "db" }), both))), "review data:1");
});

test("decide: auto-sign outside its window refuses and names when the window opens", () => {
  const op = makeOp("bob", { op: "component.restart", iat: MONDAY_10_S + 8 * HOUR_S });
  const decision = decide(makeInput(op, policy));
  assert.ok(decision.verdict === "refuse");
  assert.equal(decision.rule, "default");
  assert.deepEqual(decision.nearest, { nbf: Date.UTC(2026, 0, 6, 8) / 1000 });
});

test("decide: auto-sign is for its issuers only", () => {
  const restart = { op: "component.restart", scope: "platform" } as const;
  assert.equal(short(decide(makeInput(makeOp("bob", restart), policy))), "admit auto day-restarts");
  assert.equal(short(decide(makeInput(makeOp("dave", restart), policy))), "refuse policy_denied default");
});

test("decide: a rate that is reached, or not known, stops auto-sign (no-fail-open)", () => {
  const op = makeOp("bob");
  assert.equal(short(decide(makeInput(op, policy, { facts: { recent_auto: { "web-deploys": 4 } } }))), "admit auto web-deploys");
  const reached = decide(makeInput(op, policy, { facts: { recent_auto: { "web-deploys": 5 } } }));
  assert.equal(short(reached), "refuse policy_denied default");
  assert.ok(reached.verdict === "refuse");
  assert.match(reached.fact, /web-deploys: the rule signed 5 ops within 3600 s and may sign 5/);
  assert.equal(short(decide(makeInput(op, policy, { facts: {} }))), "refuse policy_denied default");
});

test("decide: an agent acts within its budget, and not where the budget is not known (no-fail-open)", () => {
  const op = makeOp("helper", { scope: "web" });
  assert.equal(short(decide(makeInput(op, policy, { facts: { recent_auto: {}, budget_used: 2 } }))), "admit auto web-deploys");
  assert.equal(short(decide(makeInput(op, policy, { facts: { recent_auto: {}, budget_used: 3 } }))), "refuse policy_denied budget");
  assert.equal(short(decide(makeInput(op, policy, { facts: { recent_auto: {} } }))), "refuse policy_denied budget");
});

test("decide: an op in review is admitted when every matching rule is met", () => {
  const op = makeOp("dave", { op: "component.remove", target: "db" });
  const votes = (...approvals: Parameters<typeof makeApproval>[0][]) =>
    short(decide(makeInput(op, policy, { approvals: approvals.map((name) => makeApproval(name, op)) })));
  assert.equal(votes(), "review removals:2 data:1");
  assert.equal(votes("alice"), "review removals:1 data:1");
  assert.equal(votes("alice", "bob"), "review data:1");
  assert.equal(votes("alice", "carol"), "admit approved removals");
});

test("decide: pitfall 23: several matching review rules are all to be met, never one of them", () => {
  const weaker = loaded({
    review: `[
      { id = "strict", kinds = ["component.remove"], targets = ["*"], approvals = 2, groups = ["ops"] },
      { id = "convenient", kinds = ["*"], targets = ["*"], approvals = 1, groups = ["ops"] },
    ]`,
  }).policy;
  const op = makeOp("dave", { op: "component.remove" });
  const decision = decide(makeInput(op, weaker, { approvals: [makeApproval("alice", op)] }));
  assert.equal(short(decision), "review strict:1");
});

test("decide: a rejection by somebody who may approve ends the op, whatever was approved", () => {
  const op = makeOp("dave", { op: "component.remove", target: "web-shop" });
  const approvals = [makeApproval("alice", op), makeApproval("bob", op), makeApproval("carol", op, { decision: "reject" })];
  const decision = decide(makeInput(op, policy, { approvals }));
  assert.equal(short(decision), "refuse review_rejected removals");
  assert.deepEqual(decision.verdict === "refuse" && decision.countedApprovals, [approvals[2]]);
});

test("decide: a rejection by somebody who may not approve is not counted", () => {
  const op = makeOp("alice", { op: "component.remove", target: "web-shop" });
  const approvals = [makeApproval("dave", op, { decision: "reject" }), makeApproval("deployer", op, { decision: "reject" })];
  assert.equal(short(decide(makeInput(op, policy, { approvals }))), "review removals:2");
});

test("decide: the issuer withdraws with a rejection, from any of their keys, and so does the owner of an agent", () => {
  const own = makeOp("alice", { op: "component.remove" });
  const decision = decide(makeInput(own, policy, { approvals: [makeApproval("alice-phone", own, { decision: "reject" })] }));
  assert.equal(short(decision), "refuse op_withdrawn");
  const agents = loaded({ review: '[{ id = "all", kinds = ["*"], targets = ["*"], approvals = 1, groups = ["ops"] }]' }).policy;
  const op = makeOp("helper", { scope: "web" });
  assert.equal(
    short(decide(makeInput(op, agents, { approvals: [makeApproval("alice", op, { decision: "reject" })] }))),
    "refuse op_withdrawn",
  );
  assert.equal(
    short(decide(makeInput(op, agents, { approvals: [makeApproval("helper", op, { decision: "reject" })] }))),
    "refuse op_withdrawn",
  );
});

test("decide: a person who admits may do what the keeper may and no more", () => {
  const auto = makeOp("dave", { scope: "web" });
  const admitting = (name: "alice" | "bob" | "carol" | "stranger", op = auto) =>
    makeInput(op, policy, { admittedBy: makeOp(name).claims.iss });
  assert.equal(short(decide(admitting("alice"))), "admit auto web-deploys");
  assert.equal(short(decide(admitting("bob"))), "refuse policy_denied admitter");
  assert.equal(short(decide(admitting("stranger"))), "refuse policy_denied admitter");
  const own = makeOp("alice");
  assert.equal(short(decide(admitting("alice", own))), "refuse policy_denied admitter");
  const agents = makeOp("helper", { scope: "web" });
  assert.equal(short(decide(admitting("alice", agents))), "refuse policy_denied admitter");
  assert.equal(short(decide(admitting("carol", agents))), "admit auto web-deploys");
});

test("decide: the admitting person's own approval does not count", () => {
  const op = makeOp("dave", { op: "component.remove" });
  const approvals = [makeApproval("alice", op), makeApproval("carol", op)];
  assert.equal(short(decide(makeInput(op, policy, { approvals }))), "admit approved removals");
  assert.equal(short(decide(makeInput(op, policy, { approvals, admittedBy: makeOp("alice").claims.iss }))), "review removals:1");
});

test("decide: the trace names every rule that was asked and the reason of every approval that did not count", () => {
  const op = makeOp("dave", { op: "component.remove", plan: digestOf("plan") });
  const approvals = [makeApproval("alice", op), makeApproval("alice-phone", op), makeApproval("bob", op, { plan: digestOf("another") })];
  const decision = decide(makeInput(op, policy, { approvals }));
  const rules = decision.trace.map((entry) => `${entry.kind} ${entry.rule} ${entry.matched}`);
  assert.deepEqual(rules, [
    "form audience true",
    "form issuer true",
    "form times true",
    "scope platform true",
    "deny no-friday-evening false",
    "deny never-registry false",
    "review removals true",
    "review data false",
    "approval alice true",
    "approval alice false",
    "approval bob false",
  ]);
  assert.match(explain(decision).join("\n"), /alice is counted already; people are counted, not keys/);
  assert.match(explain(decision).join("\n"), /it is for another plan/);
});
