// Whether a commit was approved itself, or only lies below one that was: what past decisions may name (ADR-024).
import { type ObjectId, openObjects, reaches } from "../git/index.ts";
import type { RepositoryPin } from "../types.ts";
import { countPeople, type KeyHolders, namedCommits } from "./approved-head.ts";
import { gitDirOf } from "./storage.ts";
import { verifyWith } from "./verify.ts";

export interface ApprovedStepOptions {
  readonly branch: string;
  /** Where the branch stands, as `approvedHead` says. */
  readonly head: ObjectId;
  /** Least threshold; documents that ask for fewer, as a founder's first one does, approve nothing. */
  readonly minThreshold: number;
  readonly people?: KeyHolders | undefined;
}

/**
 * True for the head, and for a commit before it that enough delegates of one and the same identity document signed as their own head.
 * The signers' chains of signed refs prove that for good, also after they went on and after keys were changed. Throws as `verifyRepository`.
 */
export async function isApprovedStep(
  repoDir: string,
  pin: RepositoryPin,
  commit: ObjectId,
  options: ApprovedStepOptions,
): Promise<boolean> {
  if (commit === options.head) return true;
  const gitDir = await gitDirOf(repoDir);
  const objects = openObjects(gitDir);
  try {
    const verified = await verifyWith(objects, gitDir, pin);
    const named = namedCommits(verified, [...verified.chains.keys()], options.branch).get(commit);
    if (named === undefined || !(await reaches(objects, options.head, commit))) return false;
    return verified.identity.documents.some(({ delegates, threshold }) => {
      const signers = delegates.filter((delegate) => named.has(delegate));
      return threshold >= options.minThreshold && countPeople(signers, options.people) >= threshold;
    });
  } finally {
    objects.close();
  }
}
