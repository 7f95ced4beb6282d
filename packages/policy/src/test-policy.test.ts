import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "./explain.ts";
import { assertCasesPass, POLICY_TESTS, testPolicy } from "./test-policy.ts";
import { loaded, policyText } from "./test-support.ts";
import { weakestPaths } from "./weakest-path.ts";

const CASES = `{ cases = [
  { name = "web deploys go through", at = "2026-01-05T10:00:00Z",
    op = { issuer = "bob", op = "component.deploy", target = "web-shop", scope = "platform" },
    expect = { verdict = 'Admit, rule = "web-deploys" } },
  { name = "not on Friday evening", at = "2026-01-09T18:00:00+01:00",
    op = { issuer = "bob", op = "component.deploy", target = "web-shop", scope = "platform" },
    expect = { verdict = 'Refuse, rule = "no-friday-evening", code = "policy_denied" } },
  { name = "removals want two people", at = "2026-01-05T10:00:00Z",
    op = { issuer = "dave", op = "component.remove", target = "web-shop", scope = "platform" },
    approvals = [{ by = "alice" }, { by = "bob", stale = true }],
    expect = { verdict = 'Review, rule = "removals" } },
  { name = "two people are enough", at = "2026-01-05T10:00:00Z",
    op = { issuer = "dave", op = "component.remove", target = "web-shop", scope = "platform" },
    approvals = [{ by = "alice" }, { by = "bob" }],
    admitted_by = "carol",
    expect = { verdict = 'Admit } },
  { name = "one of them rejects", at = "2026-01-05T10:00:00Z",
    op = { issuer = "dave", op = "component.remove", target = "web-shop", scope = "platform" },
    approvals = [{ by = "alice" }, { by = "bob", decision = 'Reject }],
    expect = { verdict = 'Refuse, code = "review_rejected" } },
  { name = "nobody knows eve", at = "2026-01-05T10:00:00Z",
    op = { issuer = "eve", op = "component.deploy", target = "web-shop", scope = "platform" },
    expect = { verdict = 'Refuse, code = "kid_unknown" } },
  { name = "the agent's budget", at = "2026-01-05T10:00:00Z",
    op = { issuer = "helper", op = "component.deploy", target = "web-shop", scope = "web" },
    facts = { recent_auto = {}, budget_used = 3 },
    expect = { verdict = 'Refuse, rule = "budget" } },
] }`;

function files(cases: string): ReadonlyMap<string, string> {
  return new Map([
    ["keeper_policy.ncl", policyText()],
    [POLICY_TESTS, cases],
  ]);
}

test("testPolicy: cases beside the policy run through decide, without anybody signing", () => {
  const results = testPolicy(files(CASES));
  assert.deepEqual(
    results.map((result) => [result.passed, result.expected, result.got].join(" | ")).filter((line) => !line.startsWith("true")),
    [],
  );
  assert.equal(results.length, 7);
  assertCasesPass(results);
});

test("assertCasesPass: policy_test_failed names every case with what was expected and what came", () => {
  const wrong = CASES.replace('rule = "web-deploys"', 'rule = "other"').replace("verdict = 'Review", "verdict = 'Admit");
  assert.throws(() => assertCasesPass(testPolicy(files(wrong))), {
    code: "policy_test_failed",
    message:
      "web deploys go through: expected Admit by other, got Admit by web-deploys\nremovals want two people: expected Admit by removals, got Review by removals",
  });
});

test("testPolicy: no cases where there is no file, and a wrong case is shown with its place", () => {
  assert.deepEqual(testPolicy(new Map([["keeper_policy.ncl", policyText()]])), []);
  assert.throws(() => testPolicy(files('{ cases = [{ name = "x", at = "yesterday" }] }')), {
    code: "policy_invalid",
    message:
      /^keeper_policy\.test\.ncl:1:12: cases\.0\.op: is missing\n(?:.*\n)*keeper_policy\.test\.ncl:1:31: cases\.0\.at: must be a time like .*$/,
  });
});

test("explain: the verdict, the people who are missing, and every rule", () => {
  const [, , review] = testPolicy(files(CASES));
  assert.ok(review !== undefined);
  assert.deepEqual(explain(review.decision).slice(0, 2), ["review: people have to approve", "removals: 1 more of ops"]);
});

test("weakestPaths: pitfall 23: every way through, fewest people first", () => {
  const paths = weakestPaths(loaded().policy).map(
    (path) => `${path.people} ${path.rule}: ${path.candidates.join(" ")} (${path.notes.join("; ")})`,
  );
  assert.deepEqual(paths, [
    "0 web-deploys:  (anybody who holds a scope for it may issue it; at any time)",
    "0 day-restarts:  (as often as they like)",
    "1 data: carol (if one of them is away, or issues the op, it cannot be approved)",
    "2 removals: alice bob carol ()",
  ]);
});
