// The canonical head, counted by distinct delegates whose signed head is at or after a commit (ADR 0006).
//
// 1. Only signed heads of current delegates count, each delegate once; loose and top-level refs never do.
// 2. The head moves forward only: where a reader remembers one, only its descendants can replace it.
import { type Did, TriplaneError } from "@triplane/contract";
import { type ObjectId, type ObjectReader, openObjects, reaches } from "../git/index.ts";
import type { ApprovedHead, RepositoryPin } from "../types.ts";
import { refs } from "./layout.ts";
import { gitDirOf } from "./storage.ts";
import { type VerifiedRepository, type VerifyOptions, verifyWith } from "./verify.ts";

export interface ApprovedHeadOptions extends VerifyOptions {
  readonly branch: string;
  /** The head that was accepted last time; the new one must be it or descend from it. */
  readonly lastAccepted?: ObjectId | undefined;
}

/** Throws `quorum_not_reached`, `policy_rollback`, and what `verifyRepository` throws. */
export async function approvedHead(repoDir: string, pin: RepositoryPin, options: ApprovedHeadOptions): Promise<ApprovedHead> {
  const gitDir = await gitDirOf(repoDir);
  const objects = openObjects(gitDir);
  try {
    const verified = await verifyWith(objects, gitDir, pin, options);
    return await countHead(objects, verified, options);
  } finally {
    objects.close();
  }
}

async function countHead(objects: ObjectReader, verified: VerifiedRepository, options: ApprovedHeadOptions): Promise<ApprovedHead> {
  const heads = new Map<Did, ObjectId>();
  for (const [delegate, signed] of verified.signed) {
    const head = signed.get(refs.head(options.branch));
    if (head !== undefined) heads.set(delegate, head);
  }
  const candidates: { readonly commit: ObjectId; readonly signedBy: readonly Did[] }[] = [];
  for (const commit of new Set(heads.values())) {
    const signedBy: Did[] = [];
    for (const [delegate, head] of heads) if (await reaches(objects, head, commit)) signedBy.push(delegate);
    if (signedBy.length >= verified.threshold) candidates.push({ commit, signedBy });
  }
  const [firstRefused] = verified.refused.values();
  if (candidates.length === 0) {
    if (firstRefused !== undefined) throw firstRefused;
    throw new TriplaneError(
      "quorum_not_reached",
      `${heads.size} of ${verified.delegates.length} delegates signed a head of ${options.branch}, and no commit has ${verified.threshold}`,
      { details: { heads: Object.fromEntries(heads), threshold: verified.threshold } },
    );
  }
  const newest = await newestOf(objects, candidates);
  if (options.lastAccepted !== undefined && !(await reaches(objects, newest.commit, options.lastAccepted))) {
    throw new TriplaneError("policy_rollback", `the approved head ${newest.commit} does not descend from ${options.lastAccepted}`, {
      details: { commit: newest.commit, lastAccepted: options.lastAccepted },
    });
  }
  return {
    commit: newest.commit,
    branch: options.branch,
    threshold: verified.threshold,
    delegates: verified.delegates,
    signedBy: newest.signedBy,
    identityRevision: verified.identity.revision,
  };
}

/** The candidate that all others lead to. Two that diverge (possible below a majority) approve nothing. */
async function newestOf<T extends { readonly commit: ObjectId }>(objects: ObjectReader, candidates: readonly T[]): Promise<T> {
  for (const candidate of candidates) {
    let aboveAll = true;
    for (const other of candidates) aboveAll &&= await reaches(objects, candidate.commit, other.commit);
    if (aboveAll) return candidate;
  }
  throw new TriplaneError("quorum_not_reached", `approved heads diverge: ${candidates.map(({ commit }) => commit).join(", ")}`);
}
