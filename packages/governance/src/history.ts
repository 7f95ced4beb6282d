// Every policy on the way to the approved one: each has to be a policy, of this workspace, with a version that does not fall.
import { TriplaneError } from "@triplane/contract";
import { commitSteps } from "@triplane/ledger";
import { loadPolicy, type Policy } from "@triplane/policy";
import { filesAt } from "./files.ts";

const MAX_POLICIES = 10_000;

export interface PastPolicy {
  readonly commit: string;
  readonly policy: Policy;
}

/** Oldest first. Throws what reading a policy throws, `policy_rollback` for a version that falls, `proposal_invalid` for a merge. */
export async function* approvedPolicies(repoDir: string, head: string, workspace: string): AsyncGenerator<PastPolicy> {
  let before = 0;
  for (const { commit } of await commitSteps(repoDir, undefined, head, MAX_POLICIES)) {
    const { policy } = loadPolicy(await filesAt(repoDir, commit));
    const { policy_version: version } = policy;
    if (policy.workspace !== workspace)
      throw new TriplaneError("policy_invalid", `the policy at ${commit} is for workspace ${policy.workspace}`);
    if (version < before) throw new TriplaneError("policy_rollback", `policy_version falls from ${before} to ${version} at ${commit}`);
    before = version;
    yield { commit, policy };
  }
}
