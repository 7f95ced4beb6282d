import assert from "node:assert/strict";
import { test } from "node:test";
import type { DecisionFacts, OpClaims } from "@triplane/contract";
import { decide } from "./decide.ts";
import { did, loaded, MONDAY_10_S, makeApproval, makeInput, makeOp, type Name, short } from "./test-support.ts";

const T = MONDAY_10_S;
const EXPIRES_S = Date.UTC(2026, 0, 5, 12) / 1000;
/** The agent helper, alice's, under a grant that ends at noon. */
const agents = `[{ principal = "helper", keys = ["${did("helper")}"], owner = "alice", scopes = ["web"], budget = { ops = 3, window_s = 3600 }, expires = "2026-01-05T12:00:00Z" }]`;
const { policy } = loaded({ agents });

function says(claims: Partial<OpClaims>, facts: DecisionFacts = { recent_auto: {}, budget_used: 0 }, nowS = claims.iat ?? T): string {
  return short(decide(makeInput(makeOp("helper", { scope: "web", ...claims }), policy, { facts, nowS })));
}

test("decide: an agent's grant ends when the policy says, to the second, by a rule of its own", () => {
  assert.equal(says({ iat: EXPIRES_S - 1 }), "admit auto web-deploys");
  assert.equal(says({ iat: EXPIRES_S }), "refuse policy_denied agent.expires");
  assert.equal(
    says({ iat: EXPIRES_S - 60 }, undefined, EXPIRES_S),
    "refuse policy_denied agent.expires",
    "also an op that was signed before",
  );
});

test("decide: what an agent may do is its scopes' kinds and targets, its budget's number and its grant's end", () => {
  assert.equal(says({ op: "component.remove", target: "web-shop" }), "refuse scope_exceeded web");
  assert.equal(says({ target: "db" }), "refuse scope_exceeded web");
  assert.equal(says({ scope: "platform" }), "refuse scope_exceeded platform");
  assert.equal(says({}, { recent_auto: {}, budget_used: 3 }), "refuse policy_denied budget");
  assert.equal(says({}, { recent_auto: {} }), "refuse policy_denied budget", "an unknown count refuses (no-fail-open)");
});

test("policy check: a grant ends at a time that there is", () => {
  const expires = (time: string) => () => loaded({ agents: agents.replace("2026-01-05T12:00:00Z", time) });
  assert.throws(expires("2026-13-01T00:00:00Z"), /there is no time 2026-13-01/);
  assert.throws(expires("2026-01-05"), /must be a time like/);
});

const everybody = (issuers = "") => ({
  review: `[{ id = "asked", kinds = ["component.deploy"], targets = ["*"]${issuers}, quorums = [{ approvals = 1, groups = ["ops"] }, { approvals = 1, groups = ["security", "ops"] }] }]`,
});
const VOTES: readonly (readonly Name[])[] = [["helper"], ["deployer"], ["helper", "deployer", "keeper", "stranger", "dave"]];

test("decide: an agent counts toward no quorum, whoever asks, and ends no review", () => {
  const { policy: asked } = loaded(everybody());
  for (const issuer of ["bob", "helper"] as const)
    for (const names of VOTES) {
      const op = makeOp(issuer, { scope: issuer === "helper" ? "web" : "platform" });
      for (const decision of ["approve", "reject"] as const) {
        // An agent's rejection of its own op is a withdrawal, and its own to make.
        if (issuer === "helper" && decision === "reject") continue;
        const approvals = names.map((name) => makeApproval(name, op, { decision }));
        assert.equal(short(decide(makeInput(op, asked, { approvals }))), "review asked:1 asked:1", `${issuer} ${names} ${decision}`);
      }
    }
});

test("decide: an agent's owner counts toward no quorum for its ops, with none of their keys, and for everybody else's they do", () => {
  const { policy: asked } = loaded(everybody());
  const ofAgent = makeOp("helper", { scope: "web" });
  const vote = (names: readonly Name[], op = ofAgent) => names.map((name) => makeApproval(name, op));
  const verdict = (names: readonly Name[], op = ofAgent) => short(decide(makeInput(op, asked, { approvals: vote(names, op) })));
  assert.equal(verdict(["alice", "alice-phone", "bob"]), "review asked:1");
  assert.equal(verdict(["bob", "carol"]), "admit approved asked");
  assert.equal(verdict(["alice", "carol"], makeOp("bob")), "admit approved asked");
});

test("decide: an agent shortens no wait and objects to nothing; its owner takes its op back", () => {
  const unopposed = `[{ id = "later", kinds = ["*"], targets = ["*"], wait_s = 600, groups = ["ops"], approvals = 1 }]`;
  const { policy: silent } = loaded({ unopposed });
  const facts = { recent_auto: {}, budget_used: 0, open_since: T };
  const op = makeOp("helper", { scope: "web" });
  const verdict = (by: Name, decision: "approve" | "reject", nowS: number) =>
    short(decide(makeInput(op, silent, { facts, nowS, approvals: [makeApproval(by, op, { decision })] })));
  for (const by of ["helper", "deployer", "alice"] as const) assert.equal(verdict(by, "approve", T + 1), "review unopposed later");
  assert.equal(verdict("deployer", "reject", T + 600), "admit unopposed later");
  assert.equal(verdict("alice", "reject", T + 1), "refuse op_withdrawn");
  assert.equal(verdict("bob", "approve", T + 1), "admit approved later");
  assert.equal(verdict("bob", "reject", T + 600), "refuse review_rejected later");
});
