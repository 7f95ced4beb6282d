// Whether a commit of the desired state was approved: the head, or a step before it that people approved itself (ADR 0024).
import type { Policy } from "@triplane/policy";
import type { ObjectId } from "../git/index.ts";
import { operatorKeys } from "../policy-head.ts";
import { isApprovedStep } from "../radicle/approved-step.ts";
import type { ApprovedHead, RepositoryPin } from "../types.ts";
import { DESIRED_BRANCH } from "./desired-head.ts";

export interface ApprovedDesiredOptions {
  readonly head: ApprovedHead;
  /** In force. */
  readonly policy: Policy;
  readonly minThreshold: number;
}

/** Throws as `verifyRepository`. */
export async function isApprovedDesired(
  repoDir: string,
  pin: RepositoryPin,
  commit: ObjectId,
  { head, policy, minThreshold }: ApprovedDesiredOptions,
): Promise<boolean> {
  const step = { branch: DESIRED_BRANCH, head: head.commit, minThreshold, people: operatorKeys(policy) };
  return await isApprovedStep(repoDir, pin, commit, step);
}
