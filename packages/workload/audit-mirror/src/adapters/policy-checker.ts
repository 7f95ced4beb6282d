// Checks decisions against the policy repository, which it verifies itself (`chain-verified-at-every-hop`).
//
// 1. A policy commit counts once it is the approved head or an approved step before it; as the head only moves forward, it then counts
//    for good.
import { formatAudience, TriplaneError, toTriplaneError } from "@triplane/contract";
import { type ApprovedHead, approvedHead, approvedPolicyHead, isApprovedStep, type RepositoryPin, readTreeFiles } from "@triplane/ledger";
import { type LoadedPolicy, loadPolicy, policyCommitOf, verifyDecision } from "@triplane/policy";
import type { DecisionChecker, SuccessionCheck } from "../ports.ts";

const POLICY_BRANCH = "main";
const MAX_POLICY_BYTES = 4 * 1024 * 1024;
const MAX_POLICIES = 256;

export interface PolicyCheckerOptions {
  readonly repoDir: string;
  readonly pin: RepositoryPin;
  /** Fewest delegates whose signature a change of the policy may need. */
  readonly minThreshold: number;
  readonly workspace: string;
}

export function policyChecker(options: PolicyCheckerOptions): DecisionChecker & SuccessionCheck {
  const { repoDir, pin, minThreshold, workspace } = options;
  const policies = new Map<string, LoadedPolicy>();
  let last: ApprovedHead | undefined;

  async function policyAt(commit: string): Promise<LoadedPolicy> {
    const cached = policies.get(commit);
    if (cached !== undefined) return cached;
    const known = { lastAccepted: last?.commit, knownRevision: last?.identityRevision };
    const head = await approvedHead(repoDir, pin, { branch: POLICY_BRANCH, minThreshold, ...known });
    last = head;
    if (!(await isApprovedStep(repoDir, pin, commit, { branch: POLICY_BRANCH, head: head.commit, minThreshold })))
      throw new TriplaneError("unavailable", `the policy commit ${commit} is not on the approved chain here`);
    const loaded = loadPolicy(await readTreeFiles(repoDir, commit, { maxBytes: MAX_POLICY_BYTES }));
    if (policies.size >= MAX_POLICIES) policies.clear();
    policies.set(commit, loaded);
    return loaded;
  }

  return {
    async groundsFor(successor) {
      const head = await approvedPolicyHead(repoDir, pin, { branch: POLICY_BRANCH, minThreshold, last });
      const { policy, digest } = loadPolicy(await readTreeFiles(repoDir, head.commit, { maxBytes: MAX_POLICY_BYTES }));
      if (policy.pins.controller !== successor)
        throw new TriplaneError(
          "succession_unapproved",
          `the approved policy ${head.commit.slice(0, 12)} names ${policy.pins.controller} as the ops-controller's key, not ${successor}`,
        );
      return { audience: formatAudience({ workspace, policyRid: pin.rid }), policy: { rid: pin.rid, commit: head.commit, digest } };
    },
    async check(record, { admission, op }) {
      const compact = record.claims.decision;
      const commit = admission?.claims.policy.commit ?? policyCommitOf(compact);
      const policy = await policyAt(commit).catch((thrown: unknown) => {
        // Whatever keeps the policy away says nothing about the record.
        const failure = toTriplaneError(thrown, "unavailable");
        throw new TriplaneError("unavailable", `the policy ${commit} cannot be had: ${failure.message}`, { cause: failure });
      });
      verifyDecision({
        compact,
        audience: { workspace, policyRid: pin.rid },
        policyAt: (asked) => (asked === commit ? policy : undefined),
        ...(admission === undefined ? {} : { verifiedAdmission: admission }),
        ...(op === undefined ? {} : { verifiedOp: op }),
      });
    },
  };
}
