// Who governs: changes of the delegates, as one revision of the identity document that the delegates before it accept.
//
// 1. A key becomes a delegate only after it signed refs of its own in the repository: somebody holds it.
// 2. A change after which the approved head would have too few approvals is not proposed, nor accepted: it would leave the workspace
//    without a policy for every reader who does not remember one. Counted as readers count: people, and own heads (ADR-024).
// 3. Asking again is no second change: a repository where it is in force is left alone, and a revision that says the same is accepted.
import { type Clock, type Did, type Signer, TriplaneError } from "@triplane/contract";
import {
  acceptRevision,
  countPeople,
  encodeDocument,
  type IdentityDocument,
  type KeyHolders,
  operatorKeys,
  type PendingRevision,
  type ProposedRevision,
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

/**
 * Proposes the change in each governed repository where it is not in force yet. Throws `delegates_invalid` before anything is signed in
 * either, also where there is nothing left to do.
 */
export async function changeDelegates(site: Site, change: DelegateChange, signing: Signing): Promise<readonly ChangedDelegates[]> {
  const repositories: GovernedRepository[] = [];
  for (const name of GOVERNED) repositories.push(await openGoverned(site, name));
  assertOfUse(repositories, change);
  const planned: { readonly repository: GovernedRepository; readonly doc: IdentityDocument }[] = [];
  for (const repository of repositories) {
    const doc = await documentAfter(site, repository, change);
    if (doc !== undefined) planned.push({ repository, doc });
  }
  if (planned.length === 0) throw invalid("nothing changes: these are the delegates, and so many decide already");
  const changed: ChangedDelegates[] = [];
  for (const { repository, doc } of planned) {
    const proposed = await proposeOrAccept(repository, doc, titleOf(change), signing);
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

/** Each key that comes is missing somewhere, each that goes is somewhere: else it is a slip of the pen. */
function assertOfUse(repositories: readonly GovernedRepository[], change: DelegateChange): void {
  const where = repositories.map(({ name }) => name).join(" and ");
  for (const did of change.remove)
    if (!repositories.some(({ delegates }) => delegates.includes(did))) throw invalid(`${did} is no delegate of ${where}`);
  for (const did of change.add)
    if (repositories.every(({ delegates }) => delegates.includes(did))) throw invalid(`${did} is a delegate of ${where} already`);
}

async function proposeOrAccept(
  { repoDir, verified }: GovernedRepository,
  doc: IdentityDocument,
  title: string,
  signing: Signing,
): Promise<ProposedRevision> {
  const target = { repo: repoDir, ...signing };
  const same = (await pendingRevisions(repoDir, verified)).find((pending) => encodeDocument(pending.doc) === encodeDocument(doc));
  return same === undefined ? await proposeRevision(target, verified, doc, title) : await acceptRevision(target, verified, same.id);
}

/** Undefined where nothing changes. */
async function documentAfter(site: Site, repository: GovernedRepository, change: DelegateChange): Promise<IdentityDocument | undefined> {
  const { doc } = repository.verified.identity;
  const stay = doc.delegates.filter((did) => !change.remove.includes(did));
  const come = change.add.filter((did) => !doc.delegates.includes(did));
  const threshold = change.threshold ?? doc.threshold;
  if (stay.length === doc.delegates.length && come.length === 0 && threshold === doc.threshold) return undefined;
  for (const did of come) {
    if (!repository.namespaces.has(did))
      throw invalid(
        `${did} has not joined ${repository.name}: nobody has shown yet that they hold the key`,
        "They run `triplane governance join` and push; then you fetch.",
      );
  }
  const delegates = [...stay, ...come];
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
