import assert from "node:assert/strict";
import { test } from "node:test";
import { changeBetween, longestWindowS, type PastOp, simulate, withFormerKeys } from "./simulate.ts";
import { did, loaded, MONDAY_10_S, makeApproval, makeOp, refOf } from "./test-support.ts";

function past(op: PastOp["op"], approvals: PastOp["approvals"] = []): PastOp {
  return { op, approvals, policyRef: refOf(loaded()), decidedAtS: op.claims.iat };
}

const deploy = (atS = MONDAY_10_S) => past(makeOp("bob", { iat: atS, target: "web-shop" }));
const verdicts = (policy: ReturnType<typeof loaded>, ops: readonly PastOp[]) => simulate(policy.policy, ops).map(({ verdict }) => verdict);

test("simulate: counts rates from the simulation itself, within their window (time-is-an-input)", () => {
  const ops = Array.from({ length: 7 }, (_, index) => deploy(MONDAY_10_S + index * 60));
  assert.deepEqual(verdicts(loaded(), ops), ["admit", "admit", "admit", "admit", "admit", "refuse", "refuse"]);
  const later = [...ops, deploy(MONDAY_10_S + 4000)];
  assert.equal(verdicts(loaded(), later).at(-1), "admit", "the first ones have left the window");
  const wide = loaded({
    auto_sign: `[{ id = "web-deploys", kinds = ["component.deploy"], targets = ["web-*"], rate = { max = 6, window_s = 3600 } }]`,
  });
  assert.deepEqual(verdicts(wide, ops).slice(5), ["admit", "refuse"]);
});

test("simulate: an agent's budget counts what the simulated policy let through", () => {
  const ops = Array.from({ length: 4 }, () => past(makeOp("helper", { target: "web-shop", scope: "web" })));
  assert.deepEqual(verdicts(loaded(), ops), ["admit", "admit", "admit", "refuse"]);
});

test("simulate: approvals count as they were given, although they name another commit than the simulated policy has", () => {
  const op = makeOp("alice", { op: "component.remove", target: "web-shop" });
  const approvals = [makeApproval("bob", op), makeApproval("carol", op)];
  const [given] = simulate(loaded().policy, [past(op, approvals)]);
  assert.deepEqual([given?.verdict, given?.people, given?.text], ["admit", "asked", "admitted by removals, approved by people"]);
});

test("changeBetween: names every way in which an op would fare otherwise, and none where it fares the same", () => {
  const auto = { verdict: "admit", people: "none", text: "" } as const;
  const approved = { verdict: "admit", people: "asked", text: "" } as const;
  const review = { verdict: "review", people: "asked", text: "" } as const;
  const refuse = { verdict: "refuse", people: "none", text: "" } as const;
  const silent = { verdict: "admit", people: "may_object", text: "" } as const;
  const waits = { verdict: "review", people: "may_object", text: "" } as const;
  const cases = [
    [auto, silent, "newly_asked"],
    [auto, waits, "newly_asked"],
    [silent, approved, "newly_asked"],
    [approved, silent, "no_longer_asked"],
    [review, waits, "no_longer_asked"],
    [waits, auto, "no_longer_asked"],
    [silent, silent, undefined],
    [refuse, auto, "newly_allowed"],
    [refuse, review, "newly_allowed"],
    [auto, refuse, "newly_denied"],
    [review, refuse, "newly_denied"],
    [auto, review, "newly_asked"],
    [approved, review, "newly_asked"],
    [approved, auto, "no_longer_asked"],
    [review, auto, "no_longer_asked"],
    [review, approved, "no_longer_asked"],
    [auto, auto, undefined],
    [review, review, undefined],
    [approved, approved, undefined],
    [refuse, refuse, undefined],
  ] as const;
  for (const [before, after, change] of cases)
    assert.equal(changeBetween(before, after), change, `${before.verdict} then ${after.verdict}`);
});

test("withFormerKeys: past ops stay those of the people who signed them, and a key that somebody else has now is not given back", () => {
  const inForce = loaded();
  const text = (key: string) =>
    `[{ principal = "alice", keys = ["${key}"], groups = ["ops"], scopes = ["platform"], may = ['Approve] }, { principal = "carol", keys = ["${did("carol")}"], groups = ["ops", "security"], scopes = ["platform"], may = ['Approve] }, { principal = "bob", keys = ["${did("bob")}"], groups = ["ops"], scopes = [], may = ['Approve] }]`;
  const rotated = loaded({ operators: text(did("stranger")) });
  const op = past(makeOp("alice", { target: "web-shop" }));
  assert.equal(simulate(rotated.policy, [op])[0]?.verdict, "refuse");
  assert.equal(simulate(withFormerKeys(rotated.policy, inForce.policy), [op])[0]?.verdict, "admit");
  const grown = withFormerKeys(rotated.policy, inForce.policy).operators.flatMap(({ keys }) => keys);
  assert.equal(new Set(grown).size, grown.length, "a key has one holder");
});

test("longestWindowS: how far back ops have to be known", () => {
  assert.equal(longestWindowS(loaded().policy), 3600);
});
