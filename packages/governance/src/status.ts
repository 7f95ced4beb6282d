// Where governing stands: who decides, what waits for whom, whether M can still be reached, how old keys are, what remotes have.
import type { Did } from "@triplane/contract";
import { commitAuthors, countPeople, type DesiredHead, type PendingRevision, pendingRevisions } from "@triplane/ledger";
import { loadPolicy, type Policy, signerOf } from "@triplane/policy";
import { type ExchangeOptions, remoteTips } from "./exchange.ts";
import { filesAt } from "./files.ts";
import { readSeen } from "./memory.ts";
import { headIn, type Proposal, proposalsOf } from "./proposals.ts";
import { type GovernedRepository, openGoverned } from "./repository.ts";
import { type Reviewed, type ReviewOptions, reviewCommit } from "./review.ts";
import { GOVERNED, type GovernedName, type Remote, type RepositoryName, type Site } from "./site.ts";

const INTRODUCTIONS = "refs/heads/introductions/";
const MAX_REVIEWED = 20;

export interface DelegateStanding {
  readonly did: Did;
  /** The policy's name for the key, else the one that its holder gave. */
  readonly name: string | undefined;
  /** `missing`: has signed nothing here. `refused`: what they signed does not verify, or went back. */
  readonly state: "well" | "missing" | "refused";
  readonly problem: string | undefined;
  /** Whether a person of the policy holds the key; a machine's seat has no vote. True for all before there is a policy. */
  readonly votes: boolean;
  /** Whose vote it is, by the policy that was accepted last. */
  readonly person: string | undefined;
  /** Whether their head is at or after the approved one. */
  readonly upToDate: boolean;
  /** Seconds since 1970: when the key first and last signed refs here, as their commits say; a delegate could say otherwise. */
  readonly firstSignedS: number | undefined;
  readonly lastSignedS: number | undefined;
}

export interface ProposalStanding extends Proposal {
  /** Absent for what is not open. */
  readonly reviewed?: Reviewed;
}

export interface ApprovedStanding {
  /** What enough people approved. */
  readonly commit: string;
  readonly signedBy: readonly Did[];
  readonly policyVersion: number | undefined;
  /** Image updates of automations that count on top of it, oldest first. */
  readonly updates: DesiredHead["updates"];
}

export interface RepositoryStanding {
  readonly name: GovernedName;
  readonly rid: string;
  readonly threshold: number;
  readonly approved: ApprovedStanding | undefined;
  readonly problem: { readonly code: string; readonly message: string } | undefined;
  readonly delegates: readonly DelegateStanding[];
  /** People who could sign today; one with several keys counts once. */
  readonly able: number;
  readonly proposals: readonly ProposalStanding[];
  readonly revisions: readonly PendingRevision[];
  /** Keys that have signed refs here and are no delegates: those who want to join, and everybody else. */
  readonly others: readonly { readonly did: Did; readonly name: string | undefined }[];
}

export interface RemoteStanding {
  readonly remote: string;
  readonly repository: RepositoryName;
  /** Undefined where it could not be asked. */
  readonly has: number | undefined;
  /** Delegates of whom this machine has other signed refs than the remote. */
  readonly differs: readonly Did[];
  readonly problem: string | undefined;
}

export interface GovernanceStatus {
  readonly workspace: string;
  /** One person alone decides: asked for by name when the workspace was made. */
  readonly singleOperator: boolean;
  /** Fewest delegates that have to agree before a keeper takes it for governed. */
  readonly minThreshold: number;
  readonly repositories: readonly RepositoryStanding[];
  readonly remotes: readonly RemoteStanding[];
}

/** Throws what `openGoverned` throws. */
export async function governanceStatus(site: Site, options: ReviewOptions & ExchangeOptions): Promise<GovernanceStatus> {
  const repositories: RepositoryStanding[] = [];
  let policy: Policy | undefined;
  for (const name of GOVERNED) {
    const repository = await openGoverned(site, name);
    if (name === "policy" && repository.approved !== undefined)
      policy = loadPolicy(await filesAt(repository.repoDir, repository.approved.commit)).policy;
    repositories.push(await standingOf(site, repository, policy, options));
  }
  const remotes = (await Promise.all(site.remotes.map((remote) => remoteStandings(site, remote, options)))).flat();
  return { workspace: site.workspace, singleOperator: site.minThreshold < 2, minThreshold: site.minThreshold, repositories, remotes };
}

async function standingOf(
  site: Site,
  repository: GovernedRepository,
  policy: Policy | undefined,
  options: ReviewOptions,
): Promise<RepositoryStanding> {
  const { name, rid, threshold, approved, problem } = repository;
  const nameOf = (did: Did): string | undefined => nameIn(repository, policy, did);
  const times = await signedTimes(repository);
  const never: SignedTimes = { firstSignedS: undefined, lastSignedS: undefined };
  const delegates = repository.delegates.map((did) => ({
    ...delegateStanding(repository, did, nameOf(did)),
    ...(times.get(did) ?? never),
  }));
  const proposals: ProposalStanding[] = [];
  for (const proposal of await proposalsOf(repository)) {
    const isRead = proposal.standing === "open" && proposals.length < MAX_REVIEWED;
    proposals.push(isRead ? { ...proposal, ...(await reviewed(site, repository, proposal, options)) } : proposal);
  }
  const others = [...repository.namespaces.keys()].filter((did) => !repository.delegates.includes(did));
  return {
    name,
    rid,
    threshold,
    approved:
      approved === undefined
        ? undefined
        : {
            commit: approved.base,
            signedBy: approved.baseSignedBy,
            policyVersion: name === "policy" ? policy?.policy_version : undefined,
            updates: approved.updates,
          },
    problem: problem === undefined ? undefined : { code: problem.code, message: problem.message },
    delegates,
    able: countPeople(
      delegates.filter(({ state }) => state === "well").map(({ did }) => did),
      repository.people,
    ),
    proposals,
    revisions: await pendingRevisions(repository.repoDir, repository.verified),
    others: others.map((did) => ({ did, name: nameOf(did) })),
  };
}

/** One proposal that cannot be read must not take the whole page away. */
async function reviewed(site: Site, repository: GovernedRepository, { commit }: Proposal, options: ReviewOptions) {
  try {
    return { reviewed: await reviewCommit(site, repository, commit, options) };
  } catch {
    return {};
  }
}

/** The name in the policy, else the one that the key's holder signed when they joined. */
function nameIn(repository: GovernedRepository, policy: Policy | undefined, did: Did): string | undefined {
  const known = policy === undefined ? undefined : signerOf(policy, did)?.principal;
  if (known !== undefined) return known;
  const introduced = [...(repository.namespaces.get(did)?.keys() ?? [])].find((ref) => ref.startsWith(INTRODUCTIONS));
  return introduced === undefined ? undefined : `${introduced.slice(INTRODUCTIONS.length)} (own word)`;
}

function delegateStanding(
  repository: GovernedRepository,
  did: Did,
  name: string | undefined,
): Omit<DelegateStanding, "firstSignedS" | "lastSignedS"> {
  const refused = repository.refused.get(did);
  const state = refused !== undefined ? "refused" : repository.namespaces.has(did) ? "well" : "missing";
  const upToDate = repository.approved?.baseSignedBy.includes(did) ?? headIn(repository, did) !== undefined;
  const person = repository.people?.get(did);
  const votes = repository.people === undefined || person !== undefined;
  return { did, name, state, problem: refused?.message, votes, person, upToDate };
}

type SignedTimes = Pick<DelegateStanding, "firstSignedS" | "lastSignedS">;

/** Of each delegate's chain the first and the last commit's time. */
async function signedTimes({ verified, repoDir, delegates }: GovernedRepository): Promise<ReadonlyMap<Did, SignedTimes>> {
  const ends = delegates.map((did) => {
    const chain = verified.chains.get(did) ?? [];
    return { did, first: chain.at(-1)?.commit, last: chain[0]?.commit };
  });
  const authors = await commitAuthors(
    repoDir,
    ends.flatMap(({ first, last }) => [first, last]).filter((commit) => commit !== undefined),
  );
  const timeOf = (commit: string | undefined): number | undefined => {
    const time = / (\d{1,12}) [+-]\d{4}$/.exec(authors.get(commit ?? "") ?? "")?.[1];
    return time === undefined ? undefined : Number(time);
  };
  return new Map(ends.map(({ did, first, last }) => [did, { firstSignedS: timeOf(first), lastSignedS: timeOf(last) }]));
}

async function remoteStandings(site: Site, remote: Remote, options: ExchangeOptions): Promise<readonly RemoteStanding[]> {
  const standings: RemoteStanding[] = [];
  for (const repository of [...GOVERNED, "state"] as const) {
    const at = { remote: remote.name, repository };
    try {
      const there = await remoteTips(site, repository, remote, options);
      const { tips } = await readSeen(site.memoryFile, site.pins[repository].rid);
      const differs = [...tips].filter(([did, tip]) => there.get(did) !== tip).map(([did]) => did);
      standings.push({ ...at, has: there.size, differs, problem: undefined });
    } catch (thrown) {
      standings.push({ ...at, has: undefined, differs: [], problem: thrown instanceof Error ? thrown.message : "unknown" });
    }
  }
  return standings;
}

export { INTRODUCTIONS as INTRODUCTIONS_PREFIX };
