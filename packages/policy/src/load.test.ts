import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { canonicalJson, digestOf, TriplaneError } from "@triplane/contract";
import { loadPolicy, policyDigest } from "./load.ts";
import { did, loaded, policyText } from "./test-support.ts";

const [, OPERATORS = ""] = /operators = (\[.*?\n {2}\])/s.exec(policyText()) ?? [];
const [, PINS = ""] = /pins = (\{.*?\n {2}\})/s.exec(policyText()) ?? [];

/** `file:line:column: path: message`, one line a problem. */
function problemsOf(changes: Readonly<Record<string, string>>): readonly string[] {
  try {
    loaded(changes);
  } catch (thrown) {
    assert.ok(thrown instanceof TriplaneError, String(thrown));
    assert.equal(thrown.code, "policy_invalid", thrown.message);
    return thrown.message.split("\n").map((line) => line.replace(/^keeper_policy\.ncl:\d+:\d+: /, ""));
  }
  assert.fail("the policy was accepted");
}

test("loadPolicy: reads a policy spread over files, whose imports lead only to files of the commit", () => {
  const whole = loaded().policy;
  const files = new Map([
    ["keeper_policy.ncl", `(import "principals.ncl") & (import "pins.ncl") & ${policyText({ operators: "", pins: "" })}`],
    ["principals.ncl", `{ operators = ${OPERATORS} }`],
    ["pins.ncl", `{ pins = ${PINS} }`],
  ]);
  const { policy, digest } = loadPolicy(files);
  assert.deepEqual(policy, whole);
  assert.equal(digest, policyDigest(files));
  files.delete("pins.ncl");
  assert.throws(() => loadPolicy(files), { code: "nickel_import_refused" });
  assert.throws(() => loadPolicy(new Map([["other.ncl", "{}"]])), { code: "policy_invalid" });
  assert.throws(() => loadPolicy(new Map([["keeper_policy.ncl", Uint8Array.of(0xff)]])), { code: "nickel_syntax" });
});

test("loadPolicy: policy-files-are-declarative-only: a function is refused with its place", () => {
  const text = policyText({ policy_version: "(fun x => x) 3" });
  assert.throws(() => loadPolicy(new Map([["keeper_policy.ncl", text]])), {
    code: "nickel_not_declarative",
    message: "keeper_policy.ncl:4:21: function is not allowed in a data file (policy-files-are-declarative-only)",
  });
});

test("loadPolicy: all problems of the shape are reported together, each with its place in the file", () => {
  try {
    loaded({
      version: "2",
      policy_version: "0",
      limits: "{ max_lifetime_s = 3600, clock_skew_s = 31, grace_s = 5 }",
      deny: '[{ id = "x" }]',
    });
    assert.fail("the policy was accepted");
  } catch (thrown) {
    assert.ok(thrown instanceof TriplaneError);
    const places = thrown.message.split("\n").map((line) => line.split(": ").slice(0, 2).join(": "));
    assert.deepEqual(places, [
      "keeper_policy.ncl:2:13: version",
      "keeper_policy.ncl:4:20: policy_version",
      "keeper_policy.ncl:5:52: limits.clock_skew_s",
      "keeper_policy.ncl:5:56: limits.grace_s",
      "keeper_policy.ncl:19:11: deny.0.kinds",
      "keeper_policy.ncl:19:11: deny.0.targets",
      "keeper_policy.ncl:19:11: deny.0.why",
    ]);
    assert.equal((thrown.details["problems"] as readonly unknown[]).length, 7);
  }
});

test("loadPolicy: enum tags and strings are not the same, as they are not to the nickel program", () => {
  const operator = (may: string) => `[{ principal = "bob", keys = ["${did("bob")}"], groups = ["ops"], scopes = [], may = [${may}] }]`;
  assert.deepEqual(problemsOf({ operators: operator('"Approve"') }), ["operators.0.may.0: must be an enum tag: 'Approve"]);
  assert.deepEqual(problemsOf({ workspace: "'libre-wuji" }), ["workspace: 'libre-wuji is an enum tag, and none belongs here"]);
});

test("loadPolicy: pitfall 19: a threshold of nobody is refused when the policy is read", () => {
  const [problem = ""] = problemsOf({ review: '[{ id = "r", kinds = ["*"], targets = ["*"], approvals = 0, groups = ["ops"] }]' });
  assert.match(problem, /^review\.0\.approvals: /);
});

test("loadPolicy: pitfall 19: a key has one holder, also across keepers and the controller", () => {
  const keeper = (key: string) => ({ keepers: `[{ name = "keeper-1", keys = ["${key}"] }]` });
  assert.match(problemsOf(keeper(did("bob"))).join(), /keepers\.0\.keys\.0: did:key:\S+ is listed twice; a key has one holder/);
  assert.match(problemsOf(keeper(did("controller"))).join(), /pins\.controller: did:key:\S+ is listed twice/);
  const agent = `[{ principal = "helper", keys = ["${did("alice-phone")}"], owner = "alice", scopes = ["web"], budget = { ops = 3, window_s = 3600 } }]`;
  assert.match(problemsOf({ agents: agent }).join(), /agents\.0\.keys\.0: .* is listed twice/);
});

test("loadPolicy: names that lead nowhere, and names that lead to two, are all reported", () => {
  const problems = problemsOf({
    agents: `[{ principal = "bob", keys = ["${did("helper")}"], owner = "nobody", scopes = ["wbe"], budget = { ops = 3, window_s = 3600 } }]`,
    deny: '[{ id = "web-deploys", kinds = ["*"], targets = ["x"], issuers = ["group:sre", "eve", "any:agent"], why = "x" }, { id = "default", kinds = ["*"], targets = ["y"], why = "y" }]',
    review: '[{ id = "r", kinds = ["*"], targets = ["*"], approvals = 1, groups = ["sre"] }]',
  });
  assert.deepEqual(problems, [
    "agents.0.principal: bob is the name of two principals",
    "agents.0.owner: there is no operator nobody",
    "agents.0.scopes.0: there is no scope wbe",
    "deny.0.issuers.0: nobody is group:sre",
    "deny.0.issuers.1: nobody is eve",
    "deny.1.id: default is the name of a built-in rule",
    "review.0.approvals: it asks for 1 person of sre, and the 0 who may approve there cannot do that",
    "review.0.groups.0: no operator is in the group sre",
    "auto_sign.0.id: web-deploys is the id of two rules",
  ]);
});

test("loadPolicy: a review that nobody can meet, or below the quorum, is refused", () => {
  const review = (approvals: number) => `[{ id = "r", kinds = ["*"], targets = ["*"], approvals = ${approvals}, groups = ["ops"] }]`;
  assert.deepEqual(problemsOf({ review: review(4) }), [
    "review.0.approvals: it asks for 4 people of ops, and the 3 who may approve there cannot do that",
  ]);
  assert.deepEqual(problemsOf({ review: review(1), limits: "{ max_lifetime_s = 3600, clock_skew_s = 30, quorum = 2 }" }), [
    "review.0.approvals: it asks for 1 approvals, and limits.quorum for at least 2",
  ]);
});

test("loadPolicy: windows name days once, hours of a day and zones that exist", () => {
  const auto = (window: string) => ({ auto_sign: `[{ id = "a", kinds = ["*"], targets = ["*"], windows = [{ ${window} }] }]` });
  assert.deepEqual(problemsOf(auto(`days = ['Mon, 'Mon], from = "24:00", to = "10:00", zone = "Europe/Atlantis"`)), [
    "auto_sign.0.windows.0.days: a day is listed twice",
    "auto_sign.0.windows.0.from: a day begins at 00:00",
    "auto_sign.0.windows.0.zone: there is no time zone Europe/Atlantis",
  ]);
  assert.match(problemsOf(auto(`days = ['Mon], from = "9:00", to = "10:00", zone = "UTC"`)).join(), /must be a time like 09:30/);
});

test("policyDigest: over all files, by path and bytes, in any order", () => {
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const expected = digestOf(
    canonicalJson([
      ["README.md", sha256("é")],
      ["a/b.ncl", sha256("1")],
    ]),
  );
  assert.equal(
    policyDigest(
      new Map([
        ["a/b.ncl", "1"],
        ["README.md", "é"],
      ]),
    ),
    expected,
  );
  assert.equal(
    policyDigest(
      new Map<string, string | Uint8Array>([
        ["README.md", Buffer.from("é")],
        ["a/b.ncl", "1"],
      ]),
    ),
    expected,
  );
  assert.notEqual(policyDigest(new Map([["README.md", "é"]])), expected);
});
