// The approved head of the desired state, counted by the people whom the policy lists. Orchestrator, desired-sync and people's own
// tools all ask here.
//
// 1. People of the policy in force count, each once, by heads that they signed themselves: not the keys of machines, whatever the
//    repository's identity document says, and never fewer than the reader's minimum.
// 2. What people accepted stays where the newer commits have too few votes; nothing that does not follow it replaces it.
import { TriplaneError } from "@triplane/contract";
import type { Policy } from "@triplane/policy";
import { type ObjectId, type ObjectReader, openObjects } from "../git/index.ts";
import { operatorKeys } from "../policy-head.ts";
import { countHead } from "../radicle/approved-head.ts";
import { gitDirOf } from "../radicle/storage.ts";
import { type VerifiedRepository, verifyWith } from "../radicle/verify.ts";
import type { ApprovedHead, RepositoryPin } from "../types.ts";

export const DESIRED_BRANCH = "main";

export interface DesiredHeadOptions {
  /** In force: says who are people. */
  readonly policy: Policy;
  /** Fewest people that a change may need; `delegates_invalid` where the repository asks for fewer. */
  readonly minThreshold: number;
  /** What was accepted last. */
  readonly last?: { readonly commit: ObjectId; readonly identityRevision: string } | undefined;
}

/** Throws `quorum_not_reached`, `policy_rollback`, and what `verifyRepository` throws. */
export async function approvedDesiredHead(repoDir: string, pin: RepositoryPin, options: DesiredHeadOptions): Promise<ApprovedHead> {
  const gitDir = await gitDirOf(repoDir);
  const objects = openObjects(gitDir);
  try {
    const { minThreshold, last } = options;
    const verified = await verifyWith(objects, gitDir, pin, { minThreshold, knownRevision: last?.identityRevision });
    return await headOfPeople(objects, verified, options);
  } finally {
    objects.close();
  }
}

async function headOfPeople(objects: ObjectReader, verified: VerifiedRepository, options: DesiredHeadOptions): Promise<ApprovedHead> {
  const { policy, last } = options;
  try {
    return await countHead(objects, verified, {
      branch: DESIRED_BRANCH,
      people: operatorKeys(policy),
      lastAccepted: last?.commit,
    });
  } catch (thrown) {
    if (last === undefined || !(thrown instanceof TriplaneError) || thrown.code !== "quorum_not_reached") throw thrown;
    await objects.commit(last.commit);
    const { delegates, threshold, identity } = verified;
    return { commit: last.commit, branch: DESIRED_BRANCH, threshold, delegates, signedBy: [], identityRevision: identity.revision };
  }
}
