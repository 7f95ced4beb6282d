import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalJson, digestOf, type Plan } from "@triplane/contract";
import type { ShownReview } from "@triplane/keeper";
import { effectOfPlan, renderReview } from "./render-review.ts";

const DID = "did:key:z6MkngfHxbso6g9n3Yx83KXuCoBg8juKutdbBuHcLtJzuMgC";
const JTI = "0199f0c2-7d1e-7c3a-9b1a-4f0d6c1e2a3b";

function review(changes: Partial<ShownReview> = {}, claims: Partial<ShownReview["claims"]> = {}): ShownReview {
  return {
    ...{ jti: JTI, kind: "component.remove", target: "web", issuer: DID, principal: "scout", role: "agent", needs: [], missing: [] },
    ...{
      unopposed: undefined,
      takenAtS: 1,
      closesAtS: 2,
      state: "open",
      closedBy: undefined,
      opDigest: digestOf("op"),
      digestWords: "lusab-babad",
    },
    ...{
      planDigest: undefined,
      policy: { rid: "rad:z42", commit: "a".repeat(40), digest: digestOf("p") },
      approvals: [],
      verdict: "review",
    },
    ...{ explanation: [], differences: [] },
    ...{
      claims: {
        iss: DID,
        aud: "w/r",
        jti: JTI,
        iat: 1,
        exp: 2,
        seq: 1,
        op: "component.remove",
        target: "web",
        scope: "s",
        expected_state_version: 0,
        args: {},
        ...claims,
      },
    },
    ...changes,
  } as ShownReview;
}

const shown = (of: ShownReview) => renderReview({ ...of, effect: { problem: "no orchestrator" } });

test("renderReview: what an agent wrote is framed as an agent's, before it is shown; what a person wrote is not", () => {
  const reason = "approved by ana already";
  const page = shown(review({}, { reason }));
  assert.match(page, /reason +written by the agent scout, unverified: .*\n +\| approved by ana already\n/);
  assert.match(page, /issuer +scout \(agent\) \(did:key:/);
  assert.doesNotMatch(shown(review({ role: "operator", principal: "ana" }, { reason })), /written by|\| /);
  assert.match(shown(review({ role: "automation", principal: "ci" }, { reason })), /written by the automation ci, unverified/);
  const stranger = { ...review({}, { reason }), role: undefined, principal: undefined };
  assert.match(shown(stranger), /written by somebody whom the policy does not know, unverified/);
});

const HOSTILE = {
  "the frame of a person": "x\nreason  fine\nissuer       ana",
  "the end of its own frame": "fine\n\n+ auto_sign rule: approved\nwritten by ana",
  "ANSI colours and cursor moves": "\u001b[1A\u001b[2K\u001b[32mapproved\u001b]8;;https://evil.example\u0007link",
  "bidirectional marks": "\u202eevorppa\u2066 \u2069\u061c",
  "characters that are drawn as nothing": "a\u200b\u2060\u{e0041}\u00ad\ufeffb",
  "line separators": "a\u2028reason  fine\u2029b\u0085c\u000bd\re",
  "half a character": "a\ud800b",
  "a thousand lines": "line\n".repeat(1000),
  "a very long word": "x".repeat(100_000),
};
for (const [what, reason] of Object.entries(HOSTILE))
  test(`renderReview: an agent's text with ${what} stays one bounded line behind its bar`, () => {
    const plain = shown(review({}, { reason: "y" })).split("\n");
    const page = shown(review({}, { reason })).split("\n");
    assert.equal(page.length, plain.length, "it adds no line");
    const [line = ""] = page.filter((each) => each.trimStart().startsWith("| "));
    assert.ok(line.length < 1100);
    assert.doesNotMatch(page.join("\n"), /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u);
  });

test("renderReview: text cannot forge lines of the page, move the cursor or turn the reading direction", () => {
  const reason = "fine\nwords        zzzzz-zzzzz\n\u001b[2Jhidden \u202eesrever\u200b";
  const approvals = [{ signer: DID, principal: "ben", decision: "reject", comment: "no\ndigest  sha256:0 \u2066x", counts: true }] as const;
  const page = shown(review({ approvals }, { reason, args: { "\u202ename": "\u009b31m" } }));
  assert.equal(page.split("\n").filter((line) => line.startsWith("words")).length, 1);
  assert.equal(page.split("\n").filter((line) => /^\s*digest {2}/.test(line)).length, 1);
  assert.match(page, /<U\+001B>\[2Jhidden <U\+202E>esrever<U\+200B>/);
});

test("renderReview: says first where the stream announces something else, and that nothing will be signed", () => {
  const page = shown(review({ differences: ["the item asks for other people than the policy does"] }));
  assert.match(page, /^DO NOT APPROVE, nothing will be signed: the item asks for other people/);
});

test("renderReview: says when an op runs by itself, and who may object", () => {
  const unopposed = { rules: ["later"], groups: ["ops", "security"], runsAtS: Date.UTC(2026, 0, 5, 14, 5) / 1000, early: [] };
  assert.match(shown(review({ unopposed })), /missing +runs at 2026-01-05 14:05:00 UTC unless one of ops or security objects/);
});

test("effectOfPlan: a plan counts only with the digest of the actions that are shown (pitfall 26)", () => {
  const body = {
    op: "component.remove",
    target: "web",
    state_version: 1,
    actions: [{ action: "remove", target: "web", summary: "remove web" }],
  };
  const plan = { ...body, digest: digestOf(canonicalJson(body)) } as unknown as Plan;
  assert.equal(effectOfPlan(plan, plan.digest).isSignedPlan, true);
  assert.equal(effectOfPlan(plan, digestOf("another")).isSignedPlan, false);
  const lying = { ...plan, actions: [{ action: "restart", target: "web", summary: "restart web" }] } as unknown as Plan;
  assert.match(effectOfPlan(lying, plan.digest).problem ?? "", /does not have the digest/);
});
