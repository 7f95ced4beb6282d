// For the tests of this package: a workspace with people, an agent and a keeper, and objects that they sign.
import {
  type Approval,
  type ApprovalClaims,
  type Did,
  digestOf,
  generateSigningKey,
  type Op,
  type OpClaims,
  type PolicyRef,
  type SigningKey,
  signApproval,
  signOp,
  uuid7,
  verifyApproval,
  verifyOp,
} from "@triplane/contract";
import { loadPolicy } from "./load.ts";
import type { Policy } from "./schema.ts";
import type { DecisionInput, LoadedPolicy } from "./types.ts";

export const RID = "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5";
export const COMMIT = "a".repeat(40);
export const AUDIENCE = { workspace: "libre-wuji", policyRid: RID } as const;
/** Monday 2026-01-05 10:00:00 UTC. */
export const MONDAY_10_S = Date.UTC(2026, 0, 5, 10) / 1000;

const NAMES = ["alice", "alice-phone", "bob", "carol", "dave", "deployer", "helper", "keeper", "controller", "stranger"] as const;
export type Name = (typeof NAMES)[number];

/** Made once per test process; keys are never committed. */
export const KEYS = Object.fromEntries(NAMES.map((name) => [name, generateSigningKey()])) as Readonly<Record<Name, SigningKey>>;

export function did(name: Name): Did {
  return KEYS[name].did;
}

/**
 * alice and bob are in `ops`, carol in `ops` and `security`, dave may only issue; alice has two keys. The agent `helper` is alice's.
 * A change with an empty text leaves the field out. Deploys of web-* are signed automatically, removals ask two of ops, whatever touches db one of security besides.
 */
export function policyText(changes: Readonly<Record<string, string>> = {}): string {
  const parts: Readonly<Record<string, string>> = {
    version: "1",
    workspace: '"libre-wuji"',
    policy_version: "3",
    limits: "{ max_lifetime_s = 3600, clock_skew_s = 30 }",
    operators: `[
    { principal = "alice", keys = ["${did("alice")}", "${did("alice-phone")}"], groups = ["ops"], scopes = ["platform"], may = ['Approve, 'Admit] },
    { principal = "bob", keys = ["${did("bob")}"], groups = ["ops"], scopes = ["platform"], may = ['Approve] },
    { principal = "carol", keys = ["${did("carol")}"], groups = ["ops", "security"], scopes = ["platform"], may = ['Approve, 'Admit] },
    { principal = "dave", keys = ["${did("dave")}"], groups = [], scopes = ["web", "platform"], may = [] },
  ]`,
    automations: `[{ principal = "deployer", keys = ["${did("deployer")}"], scopes = ["web"] }]`,
    agents: `[{ principal = "helper", keys = ["${did("helper")}"], owner = "alice", scopes = ["web"], budget = { ops = 3, window_s = 3600 } }]`,
    keepers: `[{ name = "keeper-1", keys = ["${did("keeper")}"] }]`,
    scopes: `[
    { name = "platform", kinds = ["component.*", "desired.apply"], targets = ["*"] },
    { name = "web", kinds = ["component.deploy", "component.restart"], targets = ["web-*"] },
  ]`,
    deny: `[
    { id = "no-friday-evening", kinds = ["component.*"], targets = ["*"], windows = [{ days = ['Fri], from = "16:00", to = "24:00", zone = "Europe/Madrid" }], why = "nothing changes on Friday evenings" },
    { id = "never-registry", kinds = ["component.remove"], targets = ["zot"], why = "the registry is not removed by an op" },
  ]`,
    review: `[
    { id = "removals", kinds = ["component.remove"], targets = ["*"], approvals = 2, groups = ["ops"] },
    { id = "data", kinds = ["*"], targets = ["db"], approvals = 1, groups = ["security"] },
  ]`,
    auto_sign: `[
    { id = "web-deploys", kinds = ["component.deploy"], targets = ["web-*"], rate = { max = 5, window_s = 3600 } },
    { id = "day-restarts", kinds = ["component.restart"], targets = ["*"], issuers = ["group:ops", "deployer"], windows = [{ days = ['Mon, 'Tue, 'Wed, 'Thu, 'Fri], from = "09:00", to = "17:00", zone = "Europe/Madrid" }] },
  ]`,
    pins: `{
    desired = { rid = "rad:z42hL2jL4XNk6K8oHQaSWfMgCL7ji", root = "${"b".repeat(40)}" },
    state = { rid = "rad:z3trNYnLWS11cJWC6BbxDs5niGo82", root = "${"c".repeat(40)}" },
    controller = "${did("controller")}",
  }`,
    ...changes,
  };
  return `{\n${Object.entries(parts)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `  ${name} = ${value},`)
    .join("\n")}\n}\n`;
}

export function loaded(changes: Readonly<Record<string, string>> = {}): LoadedPolicy {
  return loadPolicy(new Map([["keeper_policy.ncl", policyText(changes)]]));
}

export function refOf(policy: LoadedPolicy): PolicyRef {
  return { rid: RID, commit: COMMIT, digest: policy.digest };
}

let count = 0;

/** A jti of its own for every object. */
export function nextJti(): string {
  count += 1;
  const random = new Uint8Array(10);
  new DataView(random.buffer).setUint32(4, count);
  return uuid7(MONDAY_10_S * 1000, random);
}

export function makeOp(by: Name, claims: Partial<OpClaims> = {}): Op {
  const iat = claims.iat ?? MONDAY_10_S;
  const plain = {
    aud: `${AUDIENCE.workspace}/${RID}`,
    jti: nextJti(),
    iat,
    exp: iat + 600,
    seq: 1,
    op: "component.deploy",
    target: "web-shop",
    scope: "platform",
    expected_state_version: 4,
    args: {},
    ...claims,
  };
  return verifyOp(signOp(plain, KEYS[by]));
}

export function makeApproval(by: Name, op: Op, claims: Partial<ApprovalClaims> = {}): Approval {
  const iat = claims.iat ?? op.claims.iat;
  const plain = {
    aud: op.claims.aud,
    jti: nextJti(),
    iat,
    exp: iat + 600,
    op_jti: op.claims.jti,
    op_digest: op.token.digest,
    decision: "approve" as const,
    policy_commit: COMMIT,
    expected_state_version: op.claims.expected_state_version,
    ...(op.claims.plan === undefined ? {} : { plan: op.claims.plan }),
    ...claims,
  };
  return verifyApproval(signApproval(plain, KEYS[by]));
}

export function makeInput(op: Op, policy: Policy, changes: Partial<DecisionInput> = {}): DecisionInput {
  return {
    op,
    policy,
    policyRef: { rid: RID, commit: COMMIT, digest: digestOf("policy") },
    approvals: [],
    facts: { recent_auto: {}, budget_used: 0 },
    nowS: op.claims.iat,
    ...changes,
  };
}

/** `admit auto web-deploys`, `review removals:2`, `refuse policy_denied never-registry`. */
export { summary as short } from "./readjudicate.ts";
