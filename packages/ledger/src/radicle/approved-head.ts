// The canonical head, counted by distinct delegates who each named it themselves (ADR-006, ADR-024).
//
// 1. Only signed heads of current delegates count, each delegate once; loose and top-level refs never do.
// 2. A delegate approves the commits that were their own signed head, as long as that head is at or after them. What lies below a
//    head and was never one is no approved step: nobody was asked about it.
// 3. The head moves forward only: where a reader remembers one, only its descendants can replace it.
// 4. Where it is known who holds which key, people are counted, and keys of nobody (of a CI, say) have no say.
import { type Did, TriplaneError } from "@triplane/contract";
import { type ObjectId, type ObjectReader, openObjects, reaches } from "../git/index.ts";
import type { ApprovedHead, RepositoryPin } from "../types.ts";
import { refs } from "./layout.ts";
import { gitDirOf } from "./storage.ts";
import { type VerifiedRepository, type VerifyOptions, verifyWith } from "./verify.ts";

/** Who holds a key, by name. */
export type KeyHolders = ReadonlyMap<Did, string>;

export interface ApprovedHeadOptions extends VerifyOptions {
  readonly branch: string;
  /** The head that was accepted last time; the new one must be it or descend from it. */
  readonly lastAccepted?: ObjectId | undefined;
  /** Where given, a person counts once, with however many keys, and a key that nobody holds does not count. */
  readonly people?: KeyHolders | undefined;
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

interface Candidate {
  readonly commit: ObjectId;
  readonly signedBy: readonly Did[];
}

/** `approvedHead` of a repository that was verified already. */
export async function countHead(objects: ObjectReader, verified: VerifiedRepository, options: ApprovedHeadOptions): Promise<ApprovedHead> {
  const { threshold, delegates } = verified;
  const heads = new Map<Did, ObjectId>();
  for (const [delegate, signed] of verified.signed) {
    const head = signed.get(refs.head(options.branch));
    if (head !== undefined && isVoter(delegate, options.people)) heads.set(delegate, head);
  }
  const approved = await approvedCandidates(objects, verified, heads, options);
  const [firstRefused] = verified.refused.values();
  if (approved.length === 0) {
    if (firstRefused !== undefined) throw firstRefused;
    throw new TriplaneError(
      "quorum_not_reached",
      `${heads.size} of ${delegates.length} delegates signed a head of ${options.branch}, and no commit was signed by ${threshold} as their own`,
      { details: { heads: Object.fromEntries(heads), threshold } },
    );
  }
  const newest = await newestOf(objects, approved);
  if (options.lastAccepted !== undefined && !(await reaches(objects, newest.commit, options.lastAccepted))) {
    throw new TriplaneError("policy_rollback", `the approved head ${newest.commit} does not descend from ${options.lastAccepted}`, {
      details: { commit: newest.commit, lastAccepted: options.lastAccepted },
    });
  }
  return {
    commit: newest.commit,
    branch: options.branch,
    threshold,
    delegates,
    signedBy: newest.signedBy,
    identityRevision: verified.identity.revision,
  };
}

/** The newest commits that have the threshold; the others that have it lie before one of them. */
async function approvedCandidates(
  objects: ObjectReader,
  verified: VerifiedRepository,
  heads: ReadonlyMap<Did, ObjectId>,
  { branch, people }: ApprovedHeadOptions,
): Promise<readonly Candidate[]> {
  const named = namedCommits(verified, [...heads.keys()], branch);
  const approved: Candidate[] = [];
  for (const [commit, delegates] of named) {
    if (countPeople(delegates, people) < verified.threshold) continue;
    let isBelow = false;
    for (const newer of approved) isBelow ||= await reaches(objects, newer.commit, commit);
    if (isBelow) continue;
    const signedBy: Did[] = [];
    for (const delegate of delegates) {
      const head = heads.get(delegate);
      if (head !== undefined && (await reaches(objects, head, commit))) signedBy.push(delegate);
    }
    if (countPeople(signedBy, people) < verified.threshold) continue;
    approved.push({ commit, signedBy });
    // Whatever else has the threshold was signed by somebody whose head is this very commit, so it lies before it.
    const there = countPeople(
      [...heads].filter(([, head]) => head === commit).map(([delegate]) => delegate),
      people,
    );
    if (there > countPeople([...heads.keys()], people) - verified.threshold) break;
  }
  return approved;
}

/** Every commit that was a signed head of one of these delegates, with those whose it was; the most recently signed ones first. */
export function namedCommits(
  { chains }: Pick<VerifiedRepository, "chains">,
  delegates: readonly Did[],
  branch: string,
): ReadonlyMap<ObjectId, ReadonlySet<Did>> {
  const ref = refs.head(branch);
  const named = new Map<ObjectId, Set<Did>>();
  const longest = Math.max(0, ...delegates.map((delegate) => chains.get(delegate)?.length ?? 0));
  for (let age = 0; age < longest; age += 1) {
    for (const delegate of delegates) {
      const head = chains.get(delegate)?.[age]?.refs.get(ref);
      if (head !== undefined) named.set(head, (named.get(head) ?? new Set()).add(delegate));
    }
  }
  return named;
}

/** People where they are known, else keys. */
export function countPeople(delegates: Iterable<Did>, people: KeyHolders | undefined): number {
  const counted = new Set<string>();
  for (const delegate of delegates) if (isVoter(delegate, people)) counted.add(people?.get(delegate) ?? delegate);
  return counted.size;
}

function isVoter(delegate: Did, people: KeyHolders | undefined): boolean {
  return people === undefined || people.has(delegate);
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
