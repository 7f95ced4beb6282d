// Who takes part in a simulated workspace, the policy that they agreed on, and what each of them signs. Signed once, kept for all runs.
import {
  type Approval,
  digestOf,
  formatAudience,
  type Op,
  type OpClaims,
  type SigningKey,
  signAdmission,
  signApproval,
  signingKeyFromSeed,
  signOp,
  uuid7,
  verifyApproval,
  verifyOp,
} from "@triplane/contract";
import { type LoadedPolicy, type Policy, policySchema } from "@triplane/policy";
import { dice, TEST_RID } from "@triplane/testkit";

export const WORKSPACE = "w1";
export const AUDIENCE = { workspace: WORKSPACE, policyRid: TEST_RID } as const;
/** Monday, 5 January 2026, 09:00 UTC. */
export const START_MS: number = Date.UTC(2026, 0, 5, 9);

const NAMES = ["ana", "ben", "cleo", "dan", "keeper", "controller", "mallory"] as const;
export type Name = (typeof NAMES)[number];
export type Submitter = "ana" | "ben";
export type Approver = "cleo" | "dan";

const keyNamed = (name: Name): SigningKey => signingKeyFromSeed(dice(`a simulated key of ${name}`).random.bytes(32));
export const KEYS: Readonly<Record<Name, SigningKey>> = {
  ana: keyNamed("ana"),
  ben: keyNamed("ben"),
  cleo: keyNamed("cleo"),
  dan: keyNamed("dan"),
  keeper: keyNamed("keeper"),
  controller: keyNamed("controller"),
  mallory: keyNamed("mallory"),
};

/** A policy at a commit of its repository; the newer one no longer lets scaling through without people. */
export interface PolicyAt extends LoadedPolicy {
  readonly commit: string;
}

function policy(version: number, automatic: readonly string[]): PolicyAt {
  const operator = (principal: Name, groups: readonly string[], may: readonly string[]) => ({
    principal,
    keys: [KEYS[principal].did],
    groups,
    scopes: ["apps"],
    may,
  });
  const resolved: Policy = policySchema.parse({
    version: 1,
    workspace: WORKSPACE,
    policy_version: version,
    limits: { max_lifetime_s: 24 * 3600, clock_skew_s: 10 },
    operators: [
      operator("ana", ["apps"], ["Approve"]),
      operator("ben", ["apps"], ["Approve"]),
      operator("cleo", ["platform"], ["Approve"]),
      operator("dan", ["platform"], ["Approve"]),
    ],
    keepers: [{ name: "keeper", keys: [KEYS.keeper.did] }],
    scopes: [{ name: "apps", kinds: ["component.*", "job.*"], targets: ["*"] }],
    deny: [{ id: "no-jobs", kinds: ["job.*"], targets: ["*"], why: "jobs are run elsewhere" }],
    review: [{ id: "removal", kinds: ["component.remove"], targets: ["*"], approvals: 2, groups: ["platform"] }],
    auto_sign: [{ id: "routine", kinds: [...automatic], targets: ["*"] }],
    pins: {
      desired: { rid: TEST_RID, root: "0".repeat(40) },
      state: { rid: TEST_RID, root: "0".repeat(40) },
      controller: KEYS.controller.did,
    },
  });
  const digest = digestOf(JSON.stringify(resolved));
  return { policy: resolved, digest, files: new Map(), commit: digest.slice(-40) };
}

/** In order of their commits. */
export const POLICIES: readonly [PolicyAt, PolicyAt] = [
  policy(1, ["component.deploy", "component.restart", "component.scale"]),
  policy(2, ["component.deploy", "component.restart"]),
];
export const IDENTITY_REVISION: string = "a".repeat(40);

export interface OpDraft {
  readonly by: Submitter;
  readonly seq: number;
  readonly op: string;
  readonly target: string;
  readonly args: OpClaims["args"];
  readonly version: number;
  /** Tells apart what is otherwise the same. */
  readonly salt?: string;
  readonly livesS?: number;
}

const ops = new Map<string, Op>();
const approvals = new Map<string, Approval>();
const forgeries = new Map<string, string>();

/** The signed op; the same draft gives the same bytes. */
export function opOf(draft: OpDraft): Op {
  const name = JSON.stringify([draft.by, draft.seq, draft.op, draft.target, draft.args, draft.version, draft.salt, draft.livesS]);
  const known = ops.get(name);
  if (known !== undefined) return known;
  const nowS = START_MS / 1000;
  const compact = signOp(
    {
      aud: formatAudience(AUDIENCE),
      jti: jtiOf(name),
      iat: nowS,
      exp: nowS + (draft.livesS ?? 3600),
      seq: draft.seq,
      op: draft.op,
      target: draft.target,
      scope: "apps",
      expected_state_version: draft.version,
      args: draft.args,
    },
    KEYS[draft.by],
  );
  const op = verifyOp(compact);
  ops.set(name, op);
  return op;
}

/** What a person says to an op in review under a policy. */
export function approvalOf(op: Op, by: Approver, decision: "approve" | "reject", policyCommit: string): Approval {
  const name = `${op.token.digest} ${by} ${decision} ${policyCommit}`;
  const known = approvals.get(name);
  if (known !== undefined) return known;
  const { claims } = op;
  const compact = signApproval(
    {
      aud: claims.aud,
      jti: jtiOf(name),
      iat: claims.iat,
      exp: claims.exp,
      op_jti: claims.jti,
      op_digest: op.token.digest,
      decision,
      policy_commit: policyCommit,
      expected_state_version: claims.expected_state_version,
    },
    KEYS[by],
  );
  const approval = verifyApproval(compact);
  approvals.set(name, approval);
  return approval;
}

/** An admission that looks right and is signed by somebody whom no policy names. */
export function forgedAdmission(op: Op): string {
  const known = forgeries.get(op.token.digest);
  if (known !== undefined) return known;
  const [{ commit, digest }] = POLICIES;
  const compact = signAdmission(
    {
      aud: op.claims.aud,
      op: op.token.compact,
      op_jti: op.claims.jti,
      op_digest: op.token.digest,
      policy: { rid: TEST_RID, commit, digest },
      rule: "routine",
      basis: "auto",
      approvals: [],
      facts: {},
      decided_at: op.claims.iat,
    },
    KEYS.mallory,
  );
  forgeries.set(op.token.digest, compact);
  return compact;
}

function jtiOf(name: string): string {
  return uuid7(START_MS, dice(name).random.bytes(10));
}
