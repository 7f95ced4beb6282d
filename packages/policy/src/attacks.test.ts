import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf, signAdmission } from "@triplane/contract";
import { decide } from "./decide.ts";
import { AUDIENCE, COMMIT, did, KEYS, loaded, makeApproval, makeInput, makeOp, RID, refOf, short } from "./test-support.ts";
import { verifyDecision } from "./verify-decision.ts";

const everythingGoes = `[{ id = "everything", kinds = ["*"], targets = ["*"] }]`;

describe("attack: policy", () => {
  it("attack: a global rule that weakens a stricter one: a rule for everything never takes away a review or a denial (CVE-2026-128037)", () => {
    const { policy } = loaded({ auto_sign: everythingGoes });
    const removal = makeOp("alice", { op: "component.remove", target: "web-shop" });
    assert.equal(short(decide(makeInput(removal, policy))), "review removals:2");
    assert.equal(
      short(decide(makeInput(makeOp("alice", { op: "component.remove", target: "zot" }), policy))),
      "refuse policy_denied never-registry",
    );
    // Nor does a laxer review for everything: each that matches has to be met.
    const lax = loaded({
      review: `[
        { id = "anybody", kinds = ["*"], targets = ["*"], approvals = 1, groups = ["ops"] },
        { id = "removals", kinds = ["component.remove"], targets = ["*"], approvals = 2, groups = ["ops"] },
        { id = "data", kinds = ["*"], targets = ["db"], approvals = 1, groups = ["security"] },
      ]`,
    }).policy;
    const data = makeOp("alice", { op: "component.remove", target: "db" });
    assert.equal(short(decide(makeInput(data, lax, { approvals: [makeApproval("bob", data)] }))), "review removals:1 data:1");
  });

  it("attack: threshold 0: a rule or a quorum of nobody is no policy (CVE-2026-23992)", () => {
    const rule = (approvals: string) => `[{ id = "removals", kinds = ["*"], targets = ["*"], approvals = ${approvals}, groups = ["ops"] }]`;
    for (const approvals of ["0", "-1", "0.5", "'None", "null"])
      assert.throws(() => loaded({ review: rule(approvals) }), { code: "policy_invalid" });
    assert.throws(() => loaded({ review: rule("1").replace('["ops"]', "[]") }), { code: "policy_invalid" });
    assert.throws(() => loaded({ limits: "{ max_lifetime_s = 3600, clock_skew_s = 30, quorum = 0 }" }), { code: "policy_invalid" });
  });

  it("attack: duplicate signatures: one approval many times, and many approvals of one person, are one", () => {
    const { policy } = loaded();
    const op = makeOp("dave", { op: "component.remove", target: "web-shop" });
    const once = makeApproval("bob", op);
    const approvals = [once, once, makeApproval("bob", op), makeApproval("bob", op, { comment: "again" })];
    assert.equal(short(decide(makeInput(op, policy, { approvals }))), "review removals:1");
  });

  it("attack: the same key under two names: a key has one holder, and a person's two keys are one vote", () => {
    const twice = `[
      { principal = "alice", keys = ["${did("alice")}"], groups = ["ops"], scopes = ["platform"], may = ['Approve] },
      { principal = "mallory", keys = ["${did("alice")}"], groups = ["ops"], scopes = ["platform"], may = ['Approve] },
    ]`;
    assert.throws(() => loaded({ operators: twice }), { code: "policy_invalid" });
    const { policy } = loaded();
    const op = makeOp("dave", { op: "component.remove", target: "web-shop" });
    const approvals = [makeApproval("alice", op), makeApproval("alice-phone", op)];
    assert.equal(short(decide(makeInput(op, policy, { approvals }))), "review removals:1");
  });

  it("attack: CI keys that would reach M alone: automations and agents approve nothing, however many there are", () => {
    const { policy } = loaded();
    const op = makeOp("dave", { op: "component.remove", target: "web-shop" });
    const approvals = [makeApproval("deployer", op), makeApproval("helper", op), makeApproval("bob", op)];
    assert.equal(short(decide(makeInput(op, policy, { approvals }))), "review removals:1");
  });

  it("attack: unverified intermediate policy: a decision under a commit that was not approved itself proves nothing (CVE-2026-128036)", () => {
    const lax = loaded({ review: "", auto_sign: everythingGoes });
    const compact = admission(lax, "everything");
    const known = { compact, audience: AUDIENCE };
    assert.equal(verifyDecision({ ...known, policyAt: () => lax }).kind, "admission");
    assert.throws(() => verifyDecision({ ...known, policyAt: () => undefined }), { code: "chain_broken" });
  });

  it("attack: policy rollback: a decision signed under one policy does not pass under another of the same commit id (CVE-2026-44544)", () => {
    const [older, newer] = [loaded({ policy_version: "2", review: "", auto_sign: everythingGoes }), loaded()];
    const compact = admission(older, "everything");
    assert.throws(() => verifyDecision({ compact, audience: AUDIENCE, policyAt: () => newer }), { code: "chain_broken" });
  });
});

/** What a keeper signs when it believes this policy: a removal that nobody was asked about. */
function admission(policy: ReturnType<typeof loaded>, rule: string): string {
  const op = makeOp("dave", { op: "component.remove", target: "web-shop" });
  const { claims, token } = op;
  return signAdmission(
    {
      ...{ aud: claims.aud, op: token.compact, op_jti: claims.jti, op_digest: digestOf(token.compact), rule, basis: "auto" },
      ...{ policy: { ...refOf(policy), rid: RID, commit: COMMIT }, approvals: [], facts: {}, decided_at: claims.iat },
    },
    KEYS.keeper,
  );
}
