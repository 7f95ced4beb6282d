// Proposing: a commit on top of the approved head, and a signed ref in the author's own namespace that names it. No vote is implied.
import { type Clock, nowSeconds, type Signer, TriplaneError } from "@triplane/contract";
import { changeNamespace, commitFiles } from "@triplane/ledger";
import { loadPolicy } from "@triplane/policy";
import { differenceOf, type Files } from "./difference.ts";
import { filesAt } from "./files.ts";
import { impactSummary } from "./impact.ts";
import { PROPOSALS_PREFIX, proposalRef, proposalsOf } from "./proposals.ts";
import type { GovernedRepository } from "./repository.ts";
import { type Reviewed, type ReviewOptions, reviewCommit } from "./review.ts";
import type { Site } from "./site.ts";

export interface ProposeOptions extends ReviewOptions {
  readonly key: Signer;
  /** Shown as the commit's author. */
  readonly principal: string;
  readonly clock: Clock;
  /** All files that the commit shall have. */
  readonly files: Files;
  /** One line. */
  readonly title: string;
}

/**
 * Validates, stores and signs a proposal. What nobody could approve is refused before it is signed: throws `proposal_invalid` with
 * the first problem, `usage` where nothing changes, `delegates_invalid` for a key without a namespace.
 */
export async function propose(site: Site, repository: GovernedRepository, options: ProposeOptions): Promise<Reviewed> {
  const { key, principal, clock, files, title } = options;
  const { repoDir, approved } = repository;
  if (repository.problem !== undefined && repository.problem.code !== "quorum_not_reached") throw repository.problem;
  const before = await filesAt(repoDir, approved?.commit);
  if (differenceOf(before, files).length === 0)
    throw new TriplaneError("usage", `nothing changes: these are the files of the approved ${repository.name}`);
  if (repository.name === "policy") loadPolicy(files);
  const removed = [...before.keys()].filter((path) => !files.has(path)).map((path) => [path, undefined] as const);
  const write = async (message: string): Promise<Reviewed> => {
    const changes = { parent: approved?.commit, files: Object.fromEntries([...files, ...removed]) };
    const commit = await commitFiles({ repo: repoDir, key, ...changes, message, timeS: nowSeconds(clock), author: principal });
    return await reviewCommit(site, repository, commit, options);
  };
  let reviewed = await write(title);
  const [first] = reviewed.problems;
  if (first !== undefined)
    throw new TriplaneError(first.code, reviewed.problems.map(({ message }) => message).join("; "), {
      details: { problems: reviewed.problems },
    });
  // For those who read it with other tools. Whoever approves with this one makes the report from the bytes.
  if (reviewed.impact !== undefined)
    reviewed = await write(`${title}\n\nImpact, as its author saw it: ${impactSummary(reviewed.impact)}.\n`);
  const { commit } = reviewed;
  const settled = (await proposalsOf(repository)).filter(({ standing }) => standing !== "open").map((each) => proposalRef(each.commit));
  await changeNamespace({ repo: repoDir, key, clock }, (current) => {
    const kept = [...current].filter(([name]) => !(name.startsWith(PROPOSALS_PREFIX) && settled.includes(name)));
    return new Map([...kept, [proposalRef(commit), commit]]);
  });
  return reviewed;
}
