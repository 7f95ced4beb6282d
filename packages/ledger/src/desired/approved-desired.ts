// Whether a commit of the desired state was approved: the head, a step before it that people approved itself (ADR-024), or an
// image update that a rule of the policy let through (ADR-030).
import type { Policy } from "@triplane/policy";
import { type ObjectId, openObjects, reaches } from "../git/index.ts";
import { operatorKeys } from "../policy-head.ts";
import { isApprovedStep } from "../radicle/approved-step.ts";
import { gitDirOf } from "../radicle/storage.ts";
import { verifyWith } from "../radicle/verify.ts";
import type { ApprovedHead, RepositoryPin } from "../types.ts";
import { DESIRED_BRANCH, lineParts } from "./desired-head.ts";
import { judgeLine } from "./image-line.ts";

const MAX_LINE = 100;

export interface ApprovedDesiredOptions {
  readonly head: Pick<ApprovedHead, "commit">;
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
  const isOfPeople = (each: ObjectId): Promise<boolean> => isApprovedStep(repoDir, pin, each, step);
  if (await isOfPeople(commit)) return true;
  if (policy.image_updates.length === 0) return false;
  const gitDir = await gitDirOf(repoDir);
  const objects = openObjects(gitDir);
  try {
    if (!(await reaches(objects, head.commit, commit))) return false;
    const line: ObjectId[] = [];
    for (let next: ObjectId | undefined = commit; next !== undefined && line.length < MAX_LINE; ) {
      const { parents } = await objects.commit(next);
      line.unshift(next);
      const [parent]: readonly ObjectId[] = parents;
      if (parents.length !== 1 || parent === undefined) return false;
      if (await isOfPeople(parent)) {
        const verified = await verifyWith(objects, gitDir, pin);
        const judged = await judgeLine(await lineParts(objects, gitDir, verified, pin, policy, "ever"), parent, line);
        return judged.accepted === line.length;
      }
      next = parent;
    }
    return false;
  } finally {
    objects.close();
  }
}
