import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decide } from "./decide.ts";
import { explain } from "./explain.ts";
import { canFill, emptySeats, quorumsOf, seatsOf, type Voter } from "./quorums.ts";
import type { Quorum } from "./schema.ts";
import { loaded, makeApproval, makeInput, makeOp, type Name, policyText, short } from "./test-support.ts";
import { weakestPaths } from "./weakest-path.ts";

const GROUPS = ["a", "b", "c"];

/** Most seats that are taken, trying everything: each person takes a seat of any quorum that fits, or none. */
function mostSeats(quorums: readonly Quorum[], people: readonly Voter[]): number {
  const [person, ...rest] = people;
  if (person === undefined) return 0;
  const without = mostSeats(quorums, rest);
  const within = quorums.flatMap((quorum, index) => {
    if (quorum.approvals === 0 || !person.groups.some((group) => quorum.groups.includes(group))) return [];
    const left = quorums.map((each, at) => (at === index ? { ...each, approvals: each.approvals - 1 } : each));
    return [1 + mostSeats(left, rest)];
  });
  return Math.max(without, ...within);
}

const groups = fc.uniqueArray(fc.constantFrom(...GROUPS), { minLength: 1, maxLength: 3 });
const quorums = fc.array(fc.record({ approvals: fc.integer({ min: 1, max: 3 }), groups }), { minLength: 1, maxLength: 3 });
const crowd = fc
  .array(fc.uniqueArray(fc.constantFrom(...GROUPS), { maxLength: 3 }), { maxLength: 5 })
  .map((all) => all.map((of, index) => ({ principal: `p${index}`, groups: of })));

test("emptySeats: takes as many seats as any assignment of people to seats could, in whatever order they come", () => {
  fc.assert(
    fc.property(quorums, crowd, (asked, people) => {
      const most = mostSeats(asked, people);
      for (const order of [people, [...people].reverse()]) {
        const empty = emptySeats(asked, order);
        assert.equal(seatsOf(asked) - empty.reduce((sum, seats) => sum + seats, 0), most);
        assert.ok(empty.every((seats, index) => seats >= 0 && seats <= (asked[index]?.approvals ?? 0)));
      }
      assert.equal(canFill(asked, people), most === seatsOf(asked));
    }),
    { numRuns: 500 },
  );
});

test("quorumsOf: a rule that asks nobody is a failure, not a way through (no-fail-open)", () => {
  assert.throws(() => quorumsOf({ id: "r" }), { code: "policy_invalid" });
  assert.throws(() => quorumsOf({ id: "r", quorums: [] }), { code: "policy_invalid" });
});

const TWO_AND_ONE = `[{ id = "both", kinds = ["component.remove"], targets = ["*"],
  quorums = [{ approvals = 2, groups = ["ops"] }, { approvals = 1, groups = ["security"] }] }]`;
const FOUR_PEOPLE = policyText()
  .match(/operators = (\[[\s\S]*?\n {2}\])/)?.[1]
  ?.replace("groups = []", 'groups = ["ops"]')
  .replace("may = [] }", "may = ['Approve] }");

/** alice, bob and dave are in `ops`, carol in `ops` and `security`. */
const { policy } = loaded({ review: TWO_AND_ONE, operators: FOUR_PEOPLE ?? "" });

function verdictOf(issuer: Name, approvers: readonly Name[]): string {
  const op = makeOp(issuer, { op: "component.remove" });
  return short(decide(makeInput(op, policy, { approvals: approvers.map((name) => makeApproval(name, op)) })));
}

test("decide: two of ops AND one of security are three people, and who is in both groups takes one seat", () => {
  assert.equal(verdictOf("alice", ["bob", "carol"]), "review both:1", "carol fills one seat of either, never two");
  assert.equal(verdictOf("alice", ["bob", "carol", "dave"]), "admit approved both");
  assert.equal(verdictOf("alice", ["carol", "dave", "bob"]), "admit approved both", "carol gives way to whoever comes later");
  assert.equal(verdictOf("alice", ["bob", "dave"]), "review both:1");
  assert.equal(verdictOf("alice", ["bob", "bob", "alice", "helper"]), "review both:1 both:1");
});

test("decide: nobody is counted who takes no seat, and everybody who does, whatever the order", () => {
  const op = makeOp("alice", { op: "component.remove" });
  for (const names of [["bob", "dave", "carol"] as const, ["carol", "dave", "bob"] as const]) {
    const decision = decide(makeInput(op, policy, { approvals: names.map((name) => makeApproval(name, op)) }));
    assert.equal(decision.countedApprovals.length, 3);
  }
});

test("decide: one person may count for two rules, though never twice for one (ADR-025)", () => {
  const op = makeOp("alice", { op: "component.remove", target: "db" });
  const says = (names: readonly Name[]) =>
    short(decide(makeInput(op, loaded().policy, { approvals: names.map((name) => makeApproval(name, op)) })));
  assert.equal(says(["bob", "carol"]), "admit approved removals", "carol is of ops for one rule and of security for the other");
  assert.equal(says(["carol"]), "review removals:1");
});

test("explain: names what is missing, quorum by quorum", () => {
  const op = makeOp("alice", { op: "component.remove" });
  const lines = explain(decide(makeInput(op, policy, { approvals: [makeApproval("bob", op)] })));
  assert.ok(lines.includes("both: 1 more of ops") && lines.includes("both: 1 more of security"), lines.join("\n"));
  assert.ok(lines.some((line) => line.includes("it asks for 2 people of ops and 1 person of security")));
});

test("policy check: a rule says what it asks in one form, for people that there are", () => {
  const problems = (review: string): string => {
    try {
      loaded({ review });
      return "";
    } catch (thrown) {
      return String((thrown as Error).message);
    }
  };
  const rule = (what: string) => `[{ id = "r", kinds = ["*"], targets = ["*"], ${what} }]`;
  const oneForm = /must say either approvals and groups, or quorums/;
  assert.match(problems(rule("approvals = 1")), oneForm);
  assert.match(problems(rule('groups = ["ops"]')), oneForm);
  assert.match(problems(rule('approvals = 1, groups = ["ops"], quorums = [{ approvals = 1, groups = ["ops"] }]')), oneForm);
  assert.match(problems(rule('approvals = 1, quorums = [{ approvals = 1, groups = ["ops"] }]')), oneForm);
  assert.match(problems(rule("quorums = []")), /quorums/);
  const three = '{ approvals = 3, groups = ["ops"] }';
  assert.match(problems(rule(`quorums = [${three}, { approvals = 1, groups = ["security"] }]`)), /cannot do that/);
  assert.match(problems(rule(`quorums = [${three}, ${three}, ${three}]`)), /9 people, and an admission carries at most 8/);
  assert.match(problems(rule('quorums = [{ approvals = 1, groups = ["sre"] }]')), /no operator is in the group sre/);
  const security = (count: number) => `{ approvals = ${count}, groups = ["security"] }`;
  const twice = /2 people of ops or security and 1 person of security and 1 person of security, .* the 3 who/;
  assert.match(problems(rule(`quorums = [{ approvals = 2, groups = ["ops", "security"] }, ${security(1)}, ${security(1)}]`)), twice);
  assert.match(
    problems(rule(`quorums = [{ approvals = 1, groups = ["ops"] }, ${security(2)}]`)),
    /cannot do that without somebody counting twice/,
  );
  assert.equal(problems(rule(`quorums = [{ approvals = 2, groups = ["ops"] }, ${security(1)}]`)), "");
});

test("weakestPaths: a rule with quorums needs as many people as it has seats, and says who must not be away", () => {
  const [path] = weakestPaths(policy).filter(({ rule }) => rule === "both");
  assert.deepEqual([path?.people, path?.candidates], [3, ["alice", "bob", "carol", "dave"]]);
  assert.deepEqual(path?.notes, ["if carol is away, or issues the op, it cannot be approved"]);
});
