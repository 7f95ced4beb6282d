import assert from "node:assert/strict";
import { test } from "node:test";
import { type AdmissionClaims, digestOf, type Op, type RefusalClaims, signAdmission, signRefusal, TriplaneError } from "@triplane/contract";
import { decide } from "./decide.ts";
import { AUDIENCE, COMMIT, KEYS, loaded, MONDAY_10_S, makeApproval, makeInput, makeOp, type Name, refOf } from "./test-support.ts";
import type { Decision } from "./types.ts";
import { policyCommitOf, verifyDecision } from "./verify-decision.ts";

const policy = loaded();
const AUD = `${AUDIENCE.workspace}/${AUDIENCE.policyRid}`;
const FACTS = { recent_auto: {}, budget_used: 0 };

function verify(compact: string) {
  return verifyDecision({ compact, audience: AUDIENCE, policyAt: (commit) => (commit === COMMIT ? policy : undefined) });
}

/** Signs an admission of an op, with what a good keeper would say unless changed. */
function admit(op: Op, by: Name = "keeper", changes: Partial<AdmissionClaims> = {}): string {
  const claims = {
    aud: AUD,
    op: op.token.compact,
    op_jti: op.claims.jti,
    op_digest: op.token.digest,
    policy: refOf(policy),
    rule: "web-deploys",
    basis: "auto" as const,
    approvals: [],
    facts: FACTS,
    decided_at: MONDAY_10_S,
    ...changes,
  };
  return signAdmission(claims, KEYS[by]);
}

function refuse(op: Op, by: Name = "keeper", changes: Partial<RefusalClaims> = {}): string {
  const claims = {
    aud: AUD,
    op: op.token.compact,
    op_jti: op.claims.jti,
    op_digest: op.token.digest,
    policy: refOf(policy),
    code: "policy_denied",
    rule: "never-registry",
    fact: "the registry is not removed by an op",
    approvals: [],
    facts: FACTS,
    consumes_seq: true,
    decided_at: MONDAY_10_S,
    ...changes,
  };
  return signRefusal(claims, KEYS[by]);
}

function assertBroken(compact: string, why: RegExp, inner?: string): void {
  assert.throws(
    () => verify(compact),
    (thrown: unknown) => {
      assert.ok(thrown instanceof TriplaneError);
      assert.equal(thrown.code, "chain_broken", thrown.message);
      assert.match(thrown.message, why);
      assert.equal(thrown.cause instanceof TriplaneError ? thrown.cause.code : undefined, inner);
      return true;
    },
  );
}

test("verifyDecision: chain-verified-at-every-hop: an honest admission gives the op and the decision made again", () => {
  const op = makeOp("bob");
  const verified = verify(admit(op));
  assert.ok(verified.kind === "admission");
  assert.equal(verified.op.token.digest, op.token.digest);
  assert.equal(verified.decision.rule, "web-deploys");
  assert.equal(verified.policy.workspace, "libre-wuji");
});

test("verifyDecision: an approved admission carries the approvals that admit it", () => {
  const op = makeOp("dave", { op: "component.remove" });
  const approved = (names: readonly Name[]) =>
    admit(op, "keeper", { rule: "removals", basis: "approved", approvals: names.map((name) => makeApproval(name, op).token.compact) });
  const verified = verify(approved(["alice", "bob"]));
  assert.ok(verified.kind === "admission");
  assert.equal(verified.decision.countedApprovals.length, 2);
  assertBroken(approved([]), /it admits, and the policy says review/);
  assertBroken(approved(["alice", "alice-phone"]), /the policy says review/);
  assertBroken(approved(["alice", "stranger"]), /the policy says review/);
});

test("verifyDecision: an admission by a key that is no keeper's is refused", () => {
  const op = makeOp("dave", { scope: "web" });
  for (const name of ["stranger", "bob", "dave", "helper", "deployer", "controller"] as const)
    assertBroken(admit(op, name), /lets nobody admit with the key/);
});

test("verifyDecision: a person with the grant admits what the keeper would, not their own op, and is no approver of it", () => {
  assert.equal(verify(admit(makeOp("dave", { scope: "web" }), "alice")).kind, "admission");
  assertBroken(admit(makeOp("alice"), "alice"), /may not admit an op of their own/);
  assertBroken(admit(makeOp("helper", { scope: "web" }), "alice"), /may not admit an op of their own/);
  const op = makeOp("dave", { op: "component.remove" });
  const approvals = (["alice", "bob"] as const).map((name) => makeApproval(name, op).token.compact);
  const manual = (by: Name) => admit(op, by, { rule: "removals", basis: "approved", approvals });
  assert.equal(verify(manual("carol")).kind, "admission");
  assertBroken(manual("alice"), /the policy says review/);
});

test("verifyDecision: forged, altered and misplaced bytes are refused with the inner failure as cause", () => {
  const op = makeOp("bob");
  const honest = admit(op);
  const [header = "", payload = "", signature = ""] = honest.split(".");
  const other = admit(makeOp("bob"));
  assertBroken(`${header}.${other.split(".")[1]}.${signature}`, /signature/, "signature_invalid");
  assertBroken(op.token.compact, /typ/, "typ_refused");
  assertBroken("nothing", /three parts/, "token_malformed");
  assertBroken(`${header}.${payload}`, /three parts/, "token_malformed");
  const [opHeader = "", opPayload = ""] = op.token.compact.split(".");
  const forged = `${opHeader}.${opPayload}.${signature}`;
  assertBroken(admit(op, "keeper", { op: forged, op_digest: digestOf(forged) }), /signature/, "signature_invalid");
  const [approvalHeader = "", approvalPayload = ""] = makeApproval("alice", op).token.compact.split(".");
  assertBroken(admit(op, "keeper", { approvals: [`${approvalHeader}.${approvalPayload}.${signature}`] }), /signature/, "signature_invalid");
});

test("verifyDecision: digest, jti, audience, policy and rule have to fit", () => {
  const op = makeOp("bob");
  assertBroken(admit(op, "keeper", { op_digest: digestOf("x") }), /another digest/);
  assertBroken(admit(op, "keeper", { op_jti: makeOp("bob").claims.jti }), /another jti/);
  assertBroken(admit(op, "keeper", { aud: "libre-daoshi/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5" }), /for workspace/, "workspace_mismatch");
  assertBroken(admit(op, "keeper", { policy: { ...refOf(policy), rid: "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji" } }), /policy repository/);
  assertBroken(admit(op, "keeper", { policy: { ...refOf(policy), digest: digestOf("x") } }), /another digest/);
  assertBroken(admit(op, "keeper", { rule: "day-restarts" }), /names the rule day-restarts \(auto\), and the policy says web-deploys/);
  assertBroken(admit(op, "keeper", { basis: "approved" }), /names the rule web-deploys \(approved\)/);
});

test("verifyDecision: pitfall 21: a commit that the caller does not know to be on the approved chain is refused", () => {
  assertBroken(admit(makeOp("bob"), "keeper", { policy: { ...refOf(policy), commit: "e".repeat(40) } }), /not on the approved chain/);
});

test("verifyDecision: pitfall 21: an approval under an earlier policy does not count under this one", () => {
  const op = makeOp("dave", { op: "component.remove" });
  const approvals = [makeApproval("alice", op), makeApproval("bob", op, { policy_commit: "e".repeat(40) })].map((one) => one.token.compact);
  assertBroken(admit(op, "keeper", { rule: "removals", basis: "approved", approvals }), /the policy says review/);
});

test("verifyDecision: what the policy denies, nobody's signature admits", () => {
  const op = makeOp("bob", { op: "component.remove", target: "zot" });
  assertBroken(admit(op, "keeper", { rule: "removals", basis: "approved" }), /the policy says refuse \(policy_denied/);
  assertBroken(admit(makeOp("stranger")), /kid_unknown/);
  assertBroken(admit(makeOp("bob"), "keeper", { decided_at: MONDAY_10_S + 700 }), /token_expired/);
  assertBroken(admit(makeOp("bob"), "keeper", { facts: {} }), /policy_denied/);
  assertBroken(admit(makeOp("bob"), "keeper", { facts: { recent_auto: { "web-deploys": 5 } } }), /policy_denied/);
});

test("verifyDecision: a policy of another workspace does not govern this one", () => {
  const other = loaded({ workspace: '"libre-daoshi"' });
  const compact = admit(makeOp("bob"), "keeper", { policy: { ...refOf(policy), digest: other.digest } });
  assert.throws(() => verifyDecision({ compact, audience: AUDIENCE, policyAt: () => other }), {
    code: "chain_broken",
    message: /libre-daoshi/,
  });
});

test("verifyDecision: an honest refusal, with code and rule made again", () => {
  const op = makeOp("bob", { op: "component.remove", target: "zot" });
  const verified = verify(refuse(op));
  assert.ok(verified.kind === "refusal");
  assert.equal(verified.op?.token.digest, op.token.digest);
  assertBroken(refuse(makeOp("bob")), /it refuses with policy_denied, and the policy says admit/);
  assertBroken(refuse(op, "keeper", { rule: "default" }), /by default, and the policy says policy_denied by never-registry/);
  assertBroken(refuse(op, "keeper", { code: "scope_exceeded" }), /refuses with scope_exceeded/);
  for (const name of ["stranger", "bob", "helper"] as const) assertBroken(refuse(op, name), /lets nobody refuse with the key/);
});

test("verifyDecision: a person with the grant to admit refuses what the keeper would, and nothing about their own op", () => {
  const op = makeOp("bob", { op: "component.remove", target: "zot" });
  assert.equal(verify(refuse(op, "alice")).kind, "refusal");
  assertBroken(refuse(makeOp("bob"), "alice"), /the policy says admit/);
  assertBroken(
    refuse(makeOp("alice", { op: "component.remove", target: "zot" }), "alice"),
    /by never-registry, and the policy says .* by admitter/,
  );
  assertBroken(refuse(makeOp("alice"), "alice", { rule: "admitter" }), /who may decide is no reason to refuse an op/);
});

test("verifyDecision: every refusal of decide can be signed and verified again", () => {
  const removal = makeOp("dave", { op: "component.remove" });
  const reject = makeApproval("alice", removal, { decision: "reject" });
  const withdrawal = makeApproval("dave", removal, { decision: "reject" });
  const cases = [
    { op: makeOp("bob", { op: "component.scale" }), approvals: [] },
    { op: makeOp("helper", { scope: "platform" }), approvals: [] },
    { op: makeOp("bob", { aud: "libre-daoshi/rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5" }), approvals: [] },
    { op: makeOp("bob", { exp: MONDAY_10_S + 7200 }), approvals: [] },
    { op: makeOp("bob", { nbf: MONDAY_10_S + 100 }), approvals: [] },
    { op: removal, approvals: [reject] },
    { op: removal, approvals: [withdrawal] },
  ];
  for (const { op, approvals } of cases) {
    const decision: Decision = decide(
      makeInput(op, policy.policy, { approvals, policyRef: refOf(policy), facts: FACTS, nowS: MONDAY_10_S }),
    );
    assert.ok(decision.verdict === "refuse");
    const approved = decision.countedApprovals.map((one) => one.token.compact);
    const changes = { fact: decision.fact, code: decision.code, approvals: approved };
    const signed = signRefusalOf(op, decision.rule, changes);
    assert.equal(verify(signed).kind, "refusal", decision.code);
  }
});

function signRefusalOf(op: Op, rule: string | undefined, changes: Partial<RefusalClaims>): string {
  const base = { aud: AUD, policy: refOf(policy), op: op.token.compact, op_jti: op.claims.jti, op_digest: op.token.digest, facts: FACTS };
  const rest = { code: "", fact: "", approvals: [], consumes_seq: true, decided_at: MONDAY_10_S, ...changes };
  return signRefusal({ ...base, ...rest, ...(rule === undefined ? {} : { rule }) }, KEYS.keeper);
}

test("verifyDecision: a review that expired is refused as review_expired, and only once the op has expired", () => {
  const op = makeOp("dave", { op: "component.remove" });
  const expired = (decidedAt: number) => signRefusalOf(op, undefined, { code: "review_expired", fact: "expired", decided_at: decidedAt });
  assert.equal(verify(expired(op.claims.exp + 31)).kind, "refusal");
  assertBroken(expired(op.claims.exp - 100), /review_expired, and the policy says review/);
});

test("verifyDecision: a refusal of bytes that were no op of a known key carries none; one that the policy decided has to", () => {
  const bytes = {
    aud: AUD,
    policy: refOf(policy),
    op_digest: digestOf("noise"),
    fact: "no op",
    approvals: [],
    facts: {},
    decided_at: MONDAY_10_S,
  };
  const unknown = signRefusal({ ...bytes, code: "kid_unknown", consumes_seq: false }, KEYS.keeper);
  const verified = verify(unknown);
  assert.ok(verified.kind === "refusal");
  assert.equal(verified.op, undefined);
  assertBroken(signRefusal({ ...bytes, code: "policy_denied", consumes_seq: true }, KEYS.keeper), /must carry the op/);
});

test("policyCommitOf: the commit that a decision names, before anything is believed", () => {
  assert.equal(policyCommitOf(admit(makeOp("bob"))), COMMIT);
  assert.equal(policyCommitOf(refuse(makeOp("bob"))), COMMIT);
  assert.throws(() => policyCommitOf("noise"), { code: "chain_broken" });
  assert.throws(() => policyCommitOf(makeOp("bob").token.compact), { code: "chain_broken" });
});

test("verifyDecision: an op that the caller verified stands in only for its own bytes (chain-verified-at-every-hop)", () => {
  const op = makeOp("bob");
  const compact = admit(op);
  const input = { compact, audience: AUDIENCE, policyAt: () => policy };
  assert.equal(verifyDecision({ ...input, verifiedOp: op }).op, op);
  const other = makeOp("bob");
  const verified = verifyDecision({ ...input, verifiedOp: other });
  assert.equal(verified.op?.token.compact, op.token.compact);
});
