// Who governs: changes of the delegates, as one revision of the identity document that the delegates before it accept.
//
// 1. A key becomes a delegate only after it signed refs of its own in the repository: somebody holds it.
// 2. A change after which the approved head would have too few approvals is not proposed, nor accepted: it would leave the workspace
//    without a policy for every reader who does not remember one. Counted as readers count: people, and own heads (ADR-024).
import { type Clock, type Did, type Signer, TriplaneError } from "@triplane/contract";
import {
  acceptRevision,
  countPeople,
  type IdentityDocument,
  type KeyHolders,
  operatorKeys,
  type PendingRevision,
  pendingRevisions,
  proposeRevision,
} from "@triplane/ledger";
import { loadPolicy } from "@triplane/policy";
import { filesAt } from "./files.ts";
import { type GovernedRepository, openGoverned } from "./repository.ts";
import { GOVERNED, type GovernedName, type Site } from "./site.ts";
import { standingBehind } from "./stands-behind.ts";

export interface DelegateChange {
  readonly add: readonly Did[];
  readonly remove: readonly Did[];
  /** The new M; undefined leaves it. */
  readonly threshold: number | undefined;
}

export interface ChangedDelegates {
  readonly repository: GovernedName;
  readonly revision: string;
  /** Whether it is in force, or waits for other delegates. */
  readonly inForce: boolean;
  readonly delegates: readonly Did[];
  readonly threshold: number;
}

interface Signing {
  readonly key: Signer;
  readonly clock: Clock;
}

/** Proposes the same change in both governed repositories. Throws `delegates_invalid` before anything is signed in either. */
export async function changeDelegates(site: Site, change: DelegateChange, signing: Signing): Promise<readonly ChangedDelegates[]> {
  const planned: { readonly repository: GovernedRepository; readonly doc: IdentityDocument }[] = [];
  for (const name of GOVERNED) {
    const repository = await openGoverned(site, name);
    planned.push({ repository, doc: await documentAfter(site, repository, change) });
  }
  const changed: ChangedDelegates[] = [];
  for (const { repository, doc } of planned) {
    const title = titleOf(change);
    const proposed = await proposeRevision({ repo: repository.repoDir, ...signing }, repository.verified, doc, title);
    changed.push({
      repository: repository.name,
      revision: proposed.id,
      inForce: proposed.inForce,
      delegates: doc.delegates,
      threshold: doc.threshold,
    });
  }
  return changed;
}

async function documentAfter(site: Site, repository: GovernedRepository, change: DelegateChange): Promise<IdentityDocument> {
  const { doc } = repository.verified.identity;
  const stay = doc.delegates.filter((did) => !change.remove.includes(did));
  for (const did of change.remove) if (!doc.delegates.includes(did)) throw invalid(`${did} is no delegate of ${repository.name}`);
  for (const did of change.add) {
    if (doc.delegates.includes(did)) throw invalid(`${did} is a delegate of ${repository.name} already`);
    if (!repository.namespaces.has(did))
      throw invalid(
        `${did} has not joined ${repository.name}: nobody has shown yet that they hold the key`,
        "They run `triplane governance join` and push; then you fetch.",
      );
  }
  const delegates = [...stay, ...change.add];
  const threshold = change.threshold ?? doc.threshold;
  if (threshold < site.minThreshold)
    throw invalid(
      `${threshold} of ${delegates.length} would let one person alone change the ${repository.name}`,
      "Say how many have to agree with --threshold, at least 2. A workspace of one person has to be made as such: `triplane governance init --single-operator`.",
    );
  if (threshold > delegates.length) throw invalid(`${threshold} of ${delegates.length} cannot be reached`);
  await assertHeadStays(repository, delegates, threshold);
  return { ...doc, delegates, threshold };
}

async function assertHeadStays(repository: GovernedRepository, delegates: readonly Did[], threshold: number): Promise<void> {
  const { approved } = repository;
  if (approved === undefined) return;
  const people = await peopleAfter(repository, approved.base);
  const signed = await standingBehind(repository, delegates);
  const votes = countPeople(signed, people);
  if (votes >= threshold) return;
  const others = delegates.filter((did) => !signed.includes(did)).join(", ");
  const unlisted = delegates.filter((did) => people !== undefined && !people.has(did)).join(", ");
  const hints = [
    ...(unlisted === ""
      ? []
      : [`First a policy is approved that lists for an operator: ${unlisted}. A key that it does not list has no vote.`]),
    ...(others === "" ? [] : [`${unlisted === "" ? "First" : "Then"} these sign it, with \`triplane governance approve\`: ${others}.`]),
  ];
  throw invalid(
    `after this change only ${votes} of ${threshold} would stand behind the approved ${repository.name} ${approved.base.slice(0, 12)}`,
    `It would be approved no longer. ${hints.join(" ")}`,
  );
}

/** Who holds which key for a reader who comes new: the approved policy itself says so, not the one before it. */
async function peopleAfter({ name, people, repoDir }: GovernedRepository, approved: string): Promise<KeyHolders | undefined> {
  return name === "policy" ? operatorKeys(loadPolicy(await filesAt(repoDir, approved)).policy) : people;
}

/** Accepts a revision that waits, whose id begins so. Throws `proposal_unknown`. */
export async function acceptDelegates(site: Site, id: string, signing: Signing): Promise<ChangedDelegates> {
  const found: { readonly repository: GovernedRepository; readonly revision: PendingRevision }[] = [];
  for (const name of GOVERNED) {
    const repository = await openGoverned(site, name);
    for (const revision of await pendingRevisions(repository.repoDir, repository.verified))
      if (/^[0-9a-f]{4,40}$/.test(id) && revision.id.startsWith(id)) found.push({ repository, revision });
  }
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new TriplaneError(
      "proposal_unknown",
      `${found.length} changes of delegates wait whose id begins with ${JSON.stringify(id.slice(0, 60))}`,
    );
  const { repository, revision } = only;
  const { threshold, delegates } = revision.doc;
  if (threshold < site.minThreshold)
    throw invalid(`${threshold} of ${delegates.length} would let one person alone change the ${repository.name}`);
  await assertHeadStays(repository, delegates, threshold);
  const accepted = await acceptRevision({ repo: repository.repoDir, ...signing }, repository.verified, revision.id);
  return { repository: repository.name, revision: revision.id, inForce: accepted.inForce, delegates, threshold };
}

function titleOf({ add, remove, threshold }: DelegateChange): string {
  const parts = [
    ...(add.length > 0 ? [`add ${add.length}`] : []),
    ...(remove.length > 0 ? [`remove ${remove.length}`] : []),
    ...(threshold === undefined ? [] : [`demand ${threshold}`]),
  ];
  return `Delegates: ${parts.join(", ")}`;
}

function invalid(message: string, hint?: string): TriplaneError {
  return new TriplaneError("delegates_invalid", message, hint === undefined ? {} : { hint });
}
