// Proposals: commits that somebody signed as proposed, and who is for and against each.
//
// 1. Proposing is no vote. A vote is a delegate's own signed head at or after the commit.
// 2. Whoever moves their head ahead of what is approved without a proposal (as `git push rad` does) has proposed it by that.
import { type Did, TriplaneError } from "@triplane/contract";
import { countPeople, type ImageUpdateStep, imageLineTo, isAncestor, namedCommits } from "@triplane/ledger";
import { signerOf } from "@triplane/policy";
import type { GovernedRepository } from "./repository.ts";
import { BRANCH } from "./site.ts";

const PROPOSALS = "refs/heads/proposals/";
const PATCHES = "refs/heads/patches/";
const REJECTIONS = "refs/heads/rejections/";
const HEAD = `refs/heads/${BRANCH}`;
const ID_DIGITS = 12;
const MAX_PROPOSALS = 200;
/** People who are no delegates may propose, and must not be able to crowd out those who are: theirs come last, while there are no more than this. */
const MAX_OF_OTHERS = 40;

export interface Proposal {
  /** The first digits of the commit's id. */
  readonly id: string;
  readonly commit: string;
  /** `open`: follows the approved head. `outdated`: was made before something else was approved. `approved`: at or before the approved head. */
  readonly standing: "open" | "outdated" | "approved";
  readonly proposedBy: readonly Did[];
  /** How it was put: as a proposal, as a patch of `rad`, or by a head that was moved. */
  readonly via: readonly ("proposal" | "patch" | "head")[];
  /** Delegates whose signed head is at or after the commit. */
  readonly approvedBy: readonly Did[];
  readonly rejectedBy: readonly Did[];
  /** Approvals that are still needed. */
  readonly missing: number;
  /** Where an automation proposed it: how a rule of the policy sees it. */
  readonly update?: ProposedUpdate;
}

export interface ProposedUpdate {
  /** Ids of the rules that it is within; none where it is outside all of them. */
  readonly rules: readonly string[];
  readonly changes: ImageUpdateStep["changes"];
  /** Why it needs more than its rule says: it is outside, or after too many others. */
  readonly why: string | undefined;
}

export function proposalId(commit: string): string {
  return commit.slice(0, ID_DIGITS);
}

export function proposalRef(commit: string): string {
  return `${PROPOSALS}${proposalId(commit)}`;
}

export function rejectionRef(commit: string): string {
  return `${REJECTIONS}${proposalId(commit)}`;
}

interface Put {
  readonly by: Did;
  readonly via: Proposal["via"][number];
}

/** Open ones first, then outdated, then approved; the approved head is always among them. */
export async function proposalsOf(repository: GovernedRepository): Promise<readonly Proposal[]> {
  const put = new Map<string, Put[]>();
  const approved = repository.approved?.commit;
  if (approved !== undefined) put.set(approved, []);
  for (const [did, refs] of delegatesFirst(repository)) {
    const isDelegate = repository.delegates.includes(did);
    for (const [name, commit] of refs) {
      const via = name.startsWith(PROPOSALS) ? "proposal" : name.startsWith(PATCHES) ? "patch" : name === HEAD ? "head" : undefined;
      if (via === undefined || (via === "head" && (commit === approved || !isDelegate))) continue;
      if (put.size < (isDelegate ? MAX_PROPOSALS : MAX_OF_OTHERS) || put.has(commit))
        put.set(commit, [...(put.get(commit) ?? []), { by: did, via }]);
    }
  }
  const proposals: Proposal[] = [];
  for (const [commit, puts] of put) {
    const found = await describe(repository, commit, puts);
    if (found !== undefined) proposals.push(found);
  }
  const order = { open: 0, outdated: 1, approved: 2 } as const;
  return proposals.sort((a, b) => order[a.standing] - order[b.standing] || (a.id < b.id ? -1 : 1));
}

function delegatesFirst({ namespaces, delegates }: GovernedRepository) {
  const isDelegate = ([did]: readonly [Did, unknown]): number => (delegates.includes(did) ? 0 : 1);
  return [...namespaces].sort((a, b) => isDelegate(a) - isDelegate(b));
}

async function describe(repository: GovernedRepository, commit: string, puts: readonly Put[]): Promise<Proposal | undefined> {
  const { approved, threshold } = repository;
  const standing = await standingOf(repository, commit);
  // A head behind the approved one is no proposal: its owner just has not caught up.
  const shown = puts.filter(({ via }) => via !== "head" || standing === "open");
  if (standing === undefined || (shown.length === 0 && commit !== approved?.commit)) return undefined;
  const approvedBy = standing === "approved" ? [...(approved?.signedBy ?? [])] : await approversOf(repository, commit);
  const byMachine = standing === "open" ? await updateOf(repository, commit, shown) : undefined;
  const rejectedBy = repository.delegates.filter((did) => repository.namespaces.get(did)?.get(rejectionRef(commit)) === commit);
  return {
    id: proposalId(commit),
    commit,
    standing,
    proposedBy: [...new Set(shown.map(({ by }) => by))],
    via: [...new Set(shown.map(({ via }) => via))],
    approvedBy,
    rejectedBy,
    missing: standing === "approved" ? 0 : Math.max(0, (byMachine?.needs ?? threshold) - countPeople(approvedBy, repository.people)),
    ...(byMachine === undefined ? {} : { update: byMachine.update }),
  };
}

/** What the policy's rules say of a commit that an automation put, and how many people it needs by them; undefined for people's own. */
async function updateOf(
  repository: GovernedRepository,
  commit: string,
  puts: readonly Put[],
): Promise<{ readonly update: ProposedUpdate; readonly needs: number | undefined } | undefined> {
  const { name, policy, approved, repoDir, rid, verified } = repository;
  if (name !== "desired" || policy === undefined || approved === undefined) return undefined;
  if (!puts.some(({ by }) => signerOf(policy, by)?.role === "automation")) return undefined;
  const pin = { rid, identityRoot: verified.identity.root };
  const line = await imageLineTo(repoDir, pin, { policy, base: approved.base, commit }).catch(() => undefined);
  const isWithin = line?.steps.at(-1)?.commit === commit;
  const steps = line?.steps ?? [];
  const ahead = steps.length > Math.min(...steps.map(({ rule }) => policy.image_updates.find(({ id }) => id === rule)?.max_ahead ?? 0));
  const update: ProposedUpdate = {
    rules: isWithin ? [...new Set(steps.map(({ rule }) => rule))] : [],
    changes: isWithin ? steps.flatMap(({ changes }) => changes) : [],
    why: isWithin && !ahead ? undefined : (line?.why ?? "it is no line of single steps on what people approved"),
  };
  return { update, needs: isWithin && !ahead ? Math.max(...steps.map(({ approvals }) => approvals)) : undefined };
}

/** Undefined for a commit that this copy cannot read: it decides nothing, and must not stand in the way of the others. */
async function standingOf({ repoDir, approved }: GovernedRepository, commit: string): Promise<Proposal["standing"] | undefined> {
  try {
    if (approved === undefined) return "open";
    if (commit === approved.commit || (await isAncestor(repoDir, commit, approved.commit))) return "approved";
    // People outrank automations: what follows the last that they approved may be approved, whatever updates came in meanwhile.
    return (await isAncestor(repoDir, approved.base, commit)) ? "open" : "outdated";
  } catch {
    return undefined;
  }
}

/** Delegates who signed this commit as their own head, and whose head is at or after it still (ADR-024). */
export async function approversOf(repository: GovernedRepository, commit: string): Promise<readonly Did[]> {
  const approvers: Did[] = [];
  const named = namedCommits(repository.verified, repository.delegates, BRANCH).get(commit);
  for (const did of repository.delegates) {
    const head = repository.namespaces.get(did)?.get(HEAD);
    if (head === undefined || named?.has(did) !== true) continue;
    if (head === commit || (await isAncestor(repository.repoDir, commit, head).catch(() => false))) approvers.push(did);
  }
  return approvers;
}

/** The proposal whose id begins so. Throws `proposal_unknown`. */
export function pickProposal(proposals: readonly Proposal[], id: string): Proposal {
  const found = /^[0-9a-f]{4,40}$/.test(id) ? proposals.filter(({ commit }) => commit.startsWith(id)) : [];
  const [only] = found;
  if (only === undefined || found.length > 1)
    throw new TriplaneError(
      "proposal_unknown",
      `${found.length === 0 ? "no proposal begins" : `${found.length} proposals begin`} with ${JSON.stringify(id.slice(0, 60))}`,
    );
  return only;
}

/** The own head in somebody's signed refs. */
export function headIn(repository: GovernedRepository, did: Did): string | undefined {
  return repository.namespaces.get(did)?.get(HEAD);
}

export const HEAD_REF = HEAD;
export { PROPOSALS as PROPOSALS_PREFIX };
