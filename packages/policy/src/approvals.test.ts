import assert from "node:assert/strict";
import { test } from "node:test";
import { type Approval, digestOf } from "@triplane/contract";
import fc from "fast-check";
import { decide } from "./decide.ts";
import { loaded, MONDAY_10_S, makeApproval, makeInput, makeOp, type Name, short } from "./test-support.ts";

const { policy } = loaded();
const removal = makeOp("dave", { op: "component.remove", plan: digestOf("the plan") });

function verdict(...approvals: readonly Approval[]): string {
  return short(decide(makeInput(removal, policy, { approvals })));
}

test("approvals: two people are enough, one is not", () => {
  assert.equal(verdict(makeApproval("alice", removal)), "review removals:1");
  assert.equal(verdict(makeApproval("alice", removal), makeApproval("bob", removal)), "admit approved removals");
});

test("approvals: pitfall 19: a person counts once, with however many keys and signatures", () => {
  const twice = [makeApproval("alice", removal), makeApproval("alice-phone", removal), makeApproval("alice", removal)];
  assert.equal(verdict(...twice), "review removals:1");
});

test("approvals: pitfall 22: an approval counts for what the approver saw, or not at all", () => {
  const other = makeOp("dave", { op: "component.remove" });
  const stale: readonly Approval[] = [
    makeApproval("bob", removal, { op_digest: other.token.digest }),
    makeApproval("bob", removal, { op_jti: other.claims.jti }),
    makeApproval("bob", removal, { plan: digestOf("another plan") }),
    makeApproval("bob", { ...removal, claims: { ...removal.claims, plan: undefined } }),
    makeApproval("bob", removal, { policy_commit: "d".repeat(40) }),
    makeApproval("bob", removal, { expected_state_version: 5 }),
    makeApproval("bob", removal, { aud: "libre-daoshi/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5" }),
    makeApproval("bob", removal, { iat: MONDAY_10_S - 700, exp: MONDAY_10_S - 100 }),
    makeApproval("bob", removal, { iat: MONDAY_10_S + 31 }),
    makeApproval("bob", removal, { exp: MONDAY_10_S + 3601 }),
  ];
  for (const approval of stale) assert.equal(verdict(makeApproval("alice", removal), approval), "review removals:1");
});

test("approvals: pitfall 22: without a plan in the op, an approval may name the plan that was shown", () => {
  const op = makeOp("dave", { op: "component.remove" });
  const approvals = [makeApproval("alice", op), makeApproval("bob", op, { plan: digestOf("shown") })];
  assert.equal(short(decide(makeInput(op, policy, { approvals }))), "admit approved removals");
});

test("approvals: pitfall 24: nobody approves their own op, with none of their keys, nor an owner that of their agent", () => {
  const own = makeOp("alice", { op: "component.remove" });
  const votes = (names: readonly Name[], op = own, of = policy) =>
    short(decide(makeInput(op, of, { approvals: names.map((name) => makeApproval(name, op)) })));
  assert.equal(votes(["alice", "alice-phone", "bob"]), "review removals:1");
  assert.equal(votes(["bob", "carol"]), "admit approved removals");
  const reviewed = loaded({ review: '[{ id = "all", kinds = ["*"], targets = ["*"], approvals = 1, groups = ["ops"] }]' }).policy;
  const agents = makeOp("helper", { scope: "web" });
  assert.equal(votes(["alice", "alice-phone"], agents, reviewed), "review all:1");
  assert.equal(votes(["bob"], agents, reviewed), "admit approved all");
});

test("approvals: pitfall 25: agents, automations, keepers and strangers never count", () => {
  const others = (["helper", "deployer", "keeper", "controller", "stranger"] as const).map((name) => makeApproval(name, removal));
  assert.equal(verdict(makeApproval("alice", removal), ...others), "review removals:1");
});

test("approvals: an operator without the right to approve does not count", () => {
  const op = makeOp("bob", { op: "component.remove" });
  const approvals = [makeApproval("alice", op), makeApproval("dave", op)];
  assert.equal(short(decide(makeInput(op, policy, { approvals }))), "review removals:1");
});

const VOTERS: readonly Name[] = ["alice", "alice-phone", "bob", "carol", "dave", "deployer", "helper", "keeper", "stranger"];
const ISSUERS: readonly Name[] = ["alice", "bob", "carol", "dave"];
const PERSON: Readonly<Partial<Record<Name, string>>> = { alice: "alice", "alice-phone": "alice", bob: "bob", carol: "carol" };
const GROUPS: Readonly<Record<string, readonly string[]>> = { alice: ["ops"], bob: ["ops"], carol: ["ops", "security"] };

/** An oracle that is written another way: sets of people. */
function mayPass(issuer: Name, votes: readonly { readonly by: Name; readonly good: boolean }[], onData: boolean): boolean {
  const people = new Set(votes.flatMap(({ by, good }) => (good && PERSON[by] !== undefined && PERSON[by] !== issuer ? [PERSON[by]] : [])));
  const of = (group: string) => [...people].filter((person) => GROUPS[person]?.includes(group)).length;
  return of("ops") >= 2 && (!onData || of("security") >= 1);
}

const vote = fc.record({ by: fc.constantFrom(...VOTERS), good: fc.boolean() });
const ballot = fc.record({ issuer: fc.constantFrom(...ISSUERS), votes: fc.array(vote, { maxLength: 8 }), onData: fc.boolean() });

/** Objects are signed once for each combination; the multisets are drawn from them. */
const ops = new Map(
  ISSUERS.flatMap((issuer) =>
    [true, false].map((onData) => {
      const op = makeOp(issuer, { op: "component.remove", target: onData ? "db" : "web-shop" });
      const approvals = new Map(
        VOTERS.flatMap((by) => [
          [`${by} true`, makeApproval(by, op)] as const,
          [`${by} false`, makeApproval(by, op, { expected_state_version: 99 })] as const,
        ]),
      );
      return [`${issuer} ${onData}`, { op, approvals }] as const;
    }),
  ),
);

function decideBallot(issuer: Name, onData: boolean, votes: readonly { readonly by: Name; readonly good: boolean }[]) {
  const signed = ops.get(`${issuer} ${onData}`);
  assert.ok(signed !== undefined);
  const approvals = votes.flatMap(({ by, good }) => signed.approvals.get(`${by} ${good}`) ?? []);
  return decide(makeInput(signed.op, policy, { approvals }));
}

test("approvals: pitfall 19: over random multisets of approvals, exactly enough distinct people admit", () => {
  fc.assert(
    fc.property(ballot, ({ issuer, votes, onData }) => {
      const decision = decideBallot(issuer, onData, votes);
      assert.equal(decision.verdict, mayPass(issuer, votes, onData) ? "admit" : "review");
    }),
    { numRuns: 1000 },
  );
});

test("approvals: more approvals never undo an admission, their order does not matter, and the counted ones alone give it again", () => {
  fc.assert(
    fc.property(ballot, fc.array(vote, { maxLength: 4 }), ({ issuer, votes, onData }, more) => {
      const decision = decideBallot(issuer, onData, votes);
      assert.equal(decideBallot(issuer, onData, [...votes].reverse()).verdict, decision.verdict);
      if (decision.verdict !== "admit") return;
      assert.equal(decideBallot(issuer, onData, [...votes, ...more]).verdict, "admit");
      const signed = ops.get(`${issuer} ${onData}`);
      assert.ok(signed !== undefined);
      const again = decide(makeInput(signed.op, policy, { approvals: decision.countedApprovals }));
      assert.equal(short(again), short(decision));
      assert.deepEqual(again.countedApprovals, decision.countedApprovals);
    }),
    { numRuns: 500 },
  );
});
