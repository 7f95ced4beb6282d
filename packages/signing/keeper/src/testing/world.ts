// A workspace for the keeper's tests: generated keys, a policy with each kind of rule, builders of ops and approvals.
import {
  type ApprovalClaims,
  type Did,
  digestOf,
  generateSigningKey,
  nowSeconds,
  type Op,
  type OpClaims,
  type SigningKey,
} from "@triplane/contract";
import { type LoadedPolicy, type Policy, policySchema } from "@triplane/policy";
import { type BuiltOp, buildApproval, buildOp, type ManualClock, manualClock, TEST_COMMIT, TEST_RID } from "@triplane/testkit";
import type { PolicyInForce } from "../outputs.ts";
import type { PolicySource } from "../ports.ts";

export const PEOPLE = ["ana", "ben", "cleo", "scout", "ci"] as const;
export type Person = (typeof PEOPLE)[number];

export const AUDIENCE = { workspace: "w1", policyRid: TEST_RID } as const;

export interface World {
  readonly clock: ManualClock;
  readonly keeper: SigningKey;
  readonly keys: Readonly<Record<Person, SigningKey>>;
  readonly policy: Policy;
  readonly inForce: PolicyInForce;
  op(by: Person, seq: number, claims?: Partial<OpClaims>): BuiltOp;
  approval(of: Op, by: Person | SigningKey, claims?: Partial<ApprovalClaims>): string;
  nowS(): number;
}

/** Routine ops are signed automatically (deploys at most 3 an hour), removals ask for two of `platform`, jobs are denied. */
export function world(): World {
  const clock = manualClock();
  const keeper = generateSigningKey();
  const keys = {
    ana: generateSigningKey(),
    ben: generateSigningKey(),
    cleo: generateSigningKey(),
    scout: generateSigningKey(),
    ci: generateSigningKey(),
  };
  const policy = policyWith(keeper.did, keys);
  const inForce: PolicyInForce = { policy, ref: { rid: TEST_RID, commit: TEST_COMMIT, digest: digestOf("policy") } };
  return {
    clock,
    keeper,
    keys,
    policy,
    inForce,
    op: (by, seq, claims = {}) => buildOp({ seq, ...claims }, { key: keys[by], clock }),
    approval: (of, by, claims = {}) => buildApproval(of, claims, { key: typeof by === "string" ? keys[by] : by, clock }).compact,
    nowS: () => nowSeconds(clock),
  };
}

function policyWith(keeper: Did, keys: Readonly<Record<Person, SigningKey>>): Policy {
  const operator = (principal: "ana" | "ben" | "cleo", may: readonly string[]) => ({
    principal,
    keys: [keys[principal].did],
    groups: ["platform"],
    scopes: ["apps"],
    may,
  });
  return policySchema.parse({
    version: 1,
    workspace: AUDIENCE.workspace,
    policy_version: 1,
    limits: { max_lifetime_s: 24 * 3600, clock_skew_s: 10 },
    operators: [operator("ana", ["Approve", "Admit"]), operator("ben", ["Approve", "Admit"]), operator("cleo", ["Approve"])],
    automations: [{ principal: "ci", keys: [keys.ci.did], scopes: ["apps"] }],
    agents: [{ principal: "scout", keys: [keys.scout.did], owner: "ana", scopes: ["restarts"], budget: { ops: 2, window_s: 3600 } }],
    keepers: [{ name: "keeper", keys: [keeper] }],
    scopes: [
      { name: "apps", kinds: ["component.*", "job.*"], targets: ["*"] },
      { name: "restarts", kinds: ["component.restart"], targets: ["web*"] },
    ],
    deny: [{ id: "no-jobs", kinds: ["job.*"], targets: ["*"], why: "jobs are run elsewhere" }],
    review: [{ id: "removal", kinds: ["component.remove"], targets: ["*"], approvals: 2, groups: ["platform"] }],
    auto_sign: [
      { id: "routine", kinds: ["component.restart", "component.scale"], targets: ["*"] },
      { id: "deploys", kinds: ["component.deploy"], targets: ["*"], rate: { max: 3, window_s: 3600 } },
    ],
    pins: {
      desired: { rid: TEST_RID, root: TEST_COMMIT },
      state: { rid: TEST_RID, root: TEST_COMMIT },
      controller: generateSigningKey().did,
    },
  });
}

/** A policy repository in memory whose approved head the test moves. */
export interface TestSource extends PolicySource {
  /** Moves the head to a policy; returns its commit. */
  move(policy: Policy): string;
  /** What the next looks throw, until undefined. */
  failure: Error | undefined;
  /** Revision of the repository's identity. */
  identityRevision: string;
}

export function testSource(first: PolicyInForce): TestSource {
  const commits = [{ commit: first.ref.commit, policy: first.policy, digest: first.ref.digest }];
  return {
    failure: undefined,
    identityRevision: "a".repeat(40),
    move(policy) {
      const commit = digestOf(`commit ${commits.length}`).slice("sha256:".length, "sha256:".length + 40);
      commits.push({ commit, policy, digest: digestOf(commit) });
      return commit;
    },
    async approvedHead() {
      if (this.failure !== undefined) throw this.failure;
      return { commit: commits.at(-1)?.commit ?? "", identityRevision: this.identityRevision };
    },
    async load(commit): Promise<LoadedPolicy> {
      const found = commits.find((each) => each.commit === commit);
      if (found === undefined) throw new Error(`no commit ${commit}`);
      return { policy: found.policy, digest: found.digest, files: new Map() };
    },
  };
}
