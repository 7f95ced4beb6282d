// Approving and rejecting: what a delegate signs about a proposal that was read here, from its bytes.
//
// 1. An approval is the own signed head at exactly the commit that was read; it is given only with the digest that was shown.
// 2. A rejection is a statement. It takes back the own approval, if there is one, and stops nothing by itself.
import { type Clock, type Signer, TriplaneError } from "@triplane/contract";
import { changeNamespace, isAncestor, setCanonicalRefs } from "@triplane/ledger";
import { approversOf, HEAD_REF, headIn, type Proposal, pickProposal, proposalsOf, rejectionRef } from "./proposals.ts";
import { type GovernedRepository, openGoverned } from "./repository.ts";
import { type Reviewed, type ReviewOptions, reviewCommit } from "./review.ts";
import { BRANCH, GOVERNED, type GovernedName, type Site } from "./site.ts";

export interface VoteOptions {
  readonly key: Signer;
  readonly clock: Clock;
}

export interface Voted {
  readonly repository: GovernedName;
  readonly proposal: Proposal;
  /** The proposal whose approval this takes back, if its commit is another one. */
  readonly withdrawn: string | undefined;
  /** Whether the key has a vote: a delegate's, and, once there is a policy, one that the policy lists for an operator. */
  readonly votes: boolean;
}

export interface FoundProposal {
  readonly repository: GovernedRepository;
  readonly proposal: Proposal;
}

/** The proposal whose id begins so, in either repository. Throws `proposal_unknown`. */
export async function findProposal(site: Site, id: string): Promise<FoundProposal> {
  const found: FoundProposal[] = [];
  for (const name of GOVERNED) {
    const repository = await openGoverned(site, name);
    for (const proposal of await proposalsOf(repository)) found.push({ repository, proposal });
  }
  const picked = pickProposal(
    found.map(({ proposal }) => proposal),
    id,
  );
  const only = found.find(({ proposal }) => proposal === picked);
  if (only === undefined) throw new TriplaneError("proposal_unknown", `no proposal begins with ${id}`);
  return only;
}

/** Signs the own head at the proposal's commit. Throws `proposal_differs`, `proposal_outdated`, `proposal_invalid`, `delegate_required`. */
export async function approve(
  site: Site,
  found: FoundProposal,
  words: string,
  options: VoteOptions & ReviewOptions,
): Promise<Voted & { readonly reviewed: Reviewed }> {
  const { repository, proposal } = found;
  // Who joined may stand behind what is approved already: it gives no vote, and counts from the moment that they become a delegate.
  if (proposal.standing !== "approved" || !repository.namespaces.has(options.key.did)) assertDelegate(repository, options.key);
  const { commit, standing } = proposal;
  if (standing === "outdated")
    throw new TriplaneError("proposal_outdated", `${proposal.id} does not follow the approved head ${repository.approved?.commit}`);
  const reviewed = await reviewCommit(site, repository, commit, options);
  if (words.trim().toLowerCase() !== reviewed.words)
    throw new TriplaneError("proposal_differs", `proposal ${proposal.id} is ${reviewed.words}, not ${JSON.stringify(words.slice(0, 60))}`);
  const [first] = standing === "approved" ? [] : reviewed.problems;
  if (first !== undefined)
    throw new TriplaneError("proposal_invalid", `${first.message} (${first.code})`, { details: { problems: reviewed.problems } });
  const before = headIn(repository, options.key.did);
  const isThere = proposal.approvedBy.includes(options.key.did);
  const headAt = async (head: string): Promise<unknown> =>
    await changeNamespace({ repo: repository.repoDir, ...options }, (current) => {
      const next = new Map([...current, [HEAD_REF, head]]);
      next.delete(rejectionRef(commit));
      return next;
    });
  if (!isThere) await headAt(commit);
  // Who stands above it already signs it as well, and stays where they are.
  if (!isThere && before !== undefined && before !== commit && (await isAncestor(repository.repoDir, commit, before))) await headAt(before);
  const after = await openGoverned(site, repository.name);
  if (after.approved !== undefined) await setCanonicalRefs(after.repoDir, BRANCH, after.approved.commit);
  const withdrawn = before === undefined || (await approversOf(after, before)).includes(options.key.did) ? undefined : before;
  const votes = hasVote(after, options.key);
  return { repository: repository.name, proposal: await again(after, proposal), withdrawn, votes, reviewed };
}

/** Signs a rejection, and takes the own approval back. Throws `delegate_required`, `proposal_outdated` for what is approved already. */
export async function reject(site: Site, { repository, proposal }: FoundProposal, options: VoteOptions): Promise<Voted> {
  assertDelegate(repository, options.key);
  if (proposal.standing === "approved")
    throw new TriplaneError("proposal_outdated", `${proposal.id} is approved; what undoes it is another proposal`);
  const { commit } = proposal;
  const mine = proposal.approvedBy.includes(options.key.did);
  await changeNamespace({ repo: repository.repoDir, ...options }, (current) => {
    const next = new Map([...current, [rejectionRef(commit), commit]]);
    if (!mine) return next;
    if (repository.approved === undefined) next.delete(HEAD_REF);
    else next.set(HEAD_REF, repository.approved.base);
    return next;
  });
  const after = await openGoverned(site, repository.name);
  const [withdrawn, votes] = [mine ? commit : undefined, hasVote(after, options.key)];
  return { repository: repository.name, proposal: await again(after, proposal), withdrawn, votes };
}

async function again(repository: GovernedRepository, proposal: Proposal): Promise<Proposal> {
  const found = (await proposalsOf(repository)).find(({ commit }) => commit === proposal.commit);
  return found ?? { ...proposal, approvedBy: await approversOf(repository, proposal.commit) };
}

function hasVote({ delegates, people }: GovernedRepository, { did }: Signer): boolean {
  return delegates.includes(did) && (people?.has(did) ?? true);
}

/** As far as this machine has seen. What a key signs that ceased to be a delegate meanwhile counts for nobody who knows of that. */
function assertDelegate({ name, delegates, verified }: GovernedRepository, { did }: Signer): void {
  if (delegates.includes(did)) return;
  const { revision } = verified.identity;
  throw new TriplaneError(
    "delegate_required",
    `${did} is no delegate of the ${name} repository by its identity ${revision.slice(0, 12)}, and has no vote there: nothing was signed`,
    { details: { repository: name, did, identity: revision } },
  );
}
