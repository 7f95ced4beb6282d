import assert from "node:assert/strict";
import { test } from "node:test";
import { generateSigningKey, type OpClaims, signAdmission, signOp, verifyOp } from "@triplane/contract";
import { decide } from "./decide.ts";
import { testPolicy } from "./test-policy.ts";
import { AUDIENCE, did, KEYS, loaded, MONDAY_10_S, makeApproval, makeInput, makeOp, policyText, refOf, short } from "./test-support.ts";
import { verifyDecision } from "./verify-decision.ts";
import { weakestImagePaths, weakestPaths } from "./weakest-path.ts";

const SEALED = generateSigningKey();
const BOB_SEALED = generateSigningKey();
const operators = `[
  { principal = "alice", keys = ["${did("alice")}"], break_glass_keys = ["${SEALED.did}"], groups = ["ops"], scopes = ["platform"], may = ['Approve, 'Admit] },
  { principal = "bob", keys = ["${did("bob")}"], break_glass_keys = ["${BOB_SEALED.did}"], groups = ["ops"], scopes = ["platform"], may = ['Approve] },
  { principal = "carol", keys = ["${did("carol")}"], groups = ["ops", "security"], scopes = ["platform"], may = ['Approve, 'Admit] },
]`;
const BREAK_GLASS = `[{ id = "night", kinds = ["component.*"], targets = ["*"], issuers = ["alice"], ratify_within_s = 3600 }]`;
const changes = { operators, automations: "", agents: "", break_glass: BREAK_GLASS, auto_sign: "" };
const here = loaded(changes);
const { policy } = here;

function sealedOp(claims: Partial<OpClaims> = {}, key = SEALED) {
  const { claims: plain } = makeOp("alice", { op: "component.remove", target: "web-shop", ...claims });
  return verifyOp(signOp(plain, key));
}
const broken = (op = sealedOp(), under = policy) => decide({ ...makeInput(op, under, { facts: {} }), breakGlass: true });

test("decide: a sealed key acts alone where a break_glass rule lets it, also where people would have been asked", () => {
  assert.equal(short(broken()), "admit break_glass night");
});

test("decide: breaking the glass is outside no scope and no deny rule (no-fail-open)", () => {
  assert.equal(short(broken(sealedOp({ target: "zot" }))), "refuse policy_denied never-registry");
  assert.equal(short(broken(sealedOp({ scope: "web" }))), "refuse scope_exceeded web");
  assert.equal(short(broken(sealedOp({ op: "desired.apply" }))), "refuse policy_denied default");
  assert.equal(short(broken(sealedOp({}, BOB_SEALED))), "refuse policy_denied default");
  const late = makeInput(sealedOp(), policy, { facts: {}, nowS: MONDAY_10_S + 700 });
  assert.equal(short(decide({ ...late, breakGlass: true })), "refuse token_expired");
});

test("decide: a sealed key signs nothing else, and no other key breaks the glass", () => {
  assert.equal(short(decide(makeInput(sealedOp(), policy))), "refuse policy_denied sealed-key");
  assert.equal(short(broken(makeOp("alice", { op: "component.remove" }))), "refuse policy_denied sealed-key");
});

test("decide: what breaks the glass carries no approvals and no facts that could carry it further", () => {
  const op = sealedOp();
  const withFacts = decide({ ...makeInput(op, policy, { facts: { open_since: MONDAY_10_S } }), breakGlass: true });
  assert.equal(short(withFacts), "refuse policy_denied sealed-key");
  const withApproval = decide({ ...makeInput(op, policy, { facts: {}, approvals: [makeApproval("carol", op)] }), breakGlass: true });
  assert.equal(short(withApproval), "refuse policy_denied sealed-key");
});

test("decide: a sealed key's approval never counts", () => {
  const op = makeOp("carol", { op: "component.remove" });
  const approval = makeApproval("alice", op);
  const approvals = [approval, { ...approval, claims: { ...approval.claims, iss: BOB_SEALED.did } }];
  const decision = decide(makeInput(op, policy, { approvals }));
  assert.ok(decision.verdict === "review");
  assert.equal(decision.countedApprovals.length, 1);
});

test("verifyDecision: the one key signs op and admission; nobody breaks the glass for somebody else's op (chain-verified-at-every-hop)", () => {
  const op = sealedOp();
  const verify = (signer: typeof SEALED, basis: "break_glass" | "auto" = "break_glass") =>
    verifyDecision({
      compact: signAdmission(
        {
          ...{ aud: op.claims.aud, op: op.token.compact, op_jti: op.claims.jti, op_digest: op.token.digest },
          ...{ policy: refOf(here), rule: "night", basis, approvals: [], facts: {}, decided_at: MONDAY_10_S },
        },
        signer,
      ),
      audience: AUDIENCE,
      policyAt: () => here,
    });
  const verified = verify(SEALED);
  assert.ok(verified.kind === "admission" && verified.decision.basis === "break_glass");
  for (const key of [BOB_SEALED, KEYS.alice, KEYS.keeper]) assert.throws(() => verify(key), { code: "chain_broken" });
  for (const key of [SEALED, KEYS.alice, KEYS.keeper]) assert.throws(() => verify(key, "auto"), { code: "chain_broken" });
});

test("policy check: rules without a sealed key, and a key that is sealed and not, are errors", () => {
  const problems = (text: Readonly<Record<string, string>>) => {
    try {
      loaded(text);
    } catch (error) {
      return String((error as Error).message);
    }
    return "none";
  };
  assert.match(problems({ break_glass: BREAK_GLASS }), /no operator has break_glass_keys/);
  assert.match(problems({ ...changes, operators: operators.replace(BOB_SEALED.did, did("bob")) }), /listed twice/);
  assert.match(policyText(changes), /break_glass/);
});

test("weakestPaths: breaking the glass is among them, and says what it costs", () => {
  const path = weakestPaths(policy).find(({ rule }) => rule === "night");
  assert.deepEqual([path?.people, path?.candidates], [0, ["alice"]]);
  assert.match(path?.notes[0] ?? "", /frozen unless/);
});

test("weakestImagePaths: what a machine may change with few people is told as well", () => {
  const image_updates = `[{ id = "ci-web", automations = ["deployer"], targets = ["web*"], settings = ["image"], images = ["registry.example.org/team/*"], approvals = 1, max_ahead = 5 }]`;
  const [path] = weakestImagePaths(loaded({ image_updates }).policy);
  assert.deepEqual([path?.rule, path?.people, path?.kinds, path?.targets], ["ci-web", 1, ["image"], ["web*"]]);
  assert.match(path?.notes.join("; ") ?? "", /deployer puts images of registry\.example\.org\/team\/\* into image .*5 times in a row/);
});

test("testPolicy: a case may break the glass", () => {
  const files = new Map([
    ["keeper_policy.ncl", policyText(changes)],
    [
      "keeper_policy.test.ncl",
      `{ cases = [
        { name = "alone", at = "2026-01-05T10:00:00Z", op = { issuer = "alice", op = "component.remove", target = "web-shop", scope = "platform" }, break_glass = true, expect = { verdict = 'Admit, rule = "night" } },
        { name = "not bob", at = "2026-01-05T10:00:00Z", op = { issuer = "bob", op = "component.remove", target = "web-shop", scope = "platform" }, break_glass = true, expect = { verdict = 'Refuse, rule = "default" } },
        { name = "no key", at = "2026-01-05T10:00:00Z", op = { issuer = "carol", op = "component.remove", target = "web-shop", scope = "platform" }, break_glass = true, expect = { verdict = 'Refuse, rule = "sealed-key" } },
      ] }`,
    ],
  ]);
  assert.deepEqual(
    testPolicy(files).map(({ passed, got }) => (passed ? "passed" : got)),
    ["passed", "passed", "passed"],
  );
});
