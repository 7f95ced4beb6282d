// A governed repository as this machine can prove it: delegates, approved head, everybody's signed refs.
//
// 1. Nothing is read that was not verified from the pin on, and nothing goes back behind what this machine has seen.
// 2. A delegate whose signed refs went back has no say until they are where they were.
import { type Did, TriplaneError, toTriplaneError } from "@triplane/contract";
import {
  type ApprovedHead,
  approvedHead,
  countPeople,
  type KeyHolders,
  operatorKeys,
  readNamespaces,
  readTreeFiles,
  type SignedRefs,
  type VerifiedRepository,
  verifyRepository,
} from "@triplane/ledger";
import { loadPolicy } from "@triplane/policy";
import { readSeen, type Seen, writeSeen } from "./memory.ts";
import { BRANCH, type GovernedName, repoDirOf, type Site } from "./site.ts";

const MAX_POLICY_BYTES = 4 * 1024 * 1024;

export interface GovernedRepository {
  readonly name: GovernedName;
  readonly rid: string;
  readonly repoDir: string;
  readonly delegates: readonly Did[];
  readonly threshold: number;
  /** Whose keys count as whose vote; undefined where keys are counted (ADR 0024). */
  readonly people: KeyHolders | undefined;
  readonly verified: VerifiedRepository;
  readonly approved: ApprovedHead | undefined;
  /** Why there is no approved head. */
  readonly problem: TriplaneError | undefined;
  /** What everybody signed, delegates and others. */
  readonly namespaces: ReadonlyMap<Did, SignedRefs>;
  /** Those whose signed refs do not verify or went back. */
  readonly refused: ReadonlyMap<Did, TriplaneError>;
}

/** Throws what `verifyRepository` throws: a repository that is not the pinned one, or whose identity does not verify. */
export async function openGoverned(site: Site, name: GovernedName): Promise<GovernedRepository> {
  const repoDir = repoDirOf(site, name);
  const pin = site.pins[name];
  const seen = await readSeen(site.memoryFile, pin.rid);
  const verified = await verifyRepository(repoDir, pin, { knownRevision: seen.identityRevision });
  const everybody = await readNamespaces(repoDir, pin);
  const refused = new Map([...everybody.refused, ...verified.refused, ...wentBack(verified, seen)]);
  const namespaces = new Map<Did, SignedRefs>();
  for (const [did, { refs }] of everybody.signed) if (!refused.has(did)) namespaces.set(did, refs);
  const people = await peopleOf(site);
  const head = await headOf(site, name, seen, refused, people);
  await remember(site, name, seen, verified, refused, head.approved);
  return { name, rid: pin.rid, repoDir, verified, namespaces, refused, people, ...head, ...whoDecides(verified) };
}

function whoDecides({ delegates, threshold }: VerifiedRepository) {
  return { delegates, threshold };
}

function wentBack(verified: VerifiedRepository, seen: Seen): Map<Did, TriplaneError> {
  const back = new Map<Did, TriplaneError>();
  for (const [did, tip] of seen.tips) {
    const chain = verified.chains.get(did);
    if (chain?.some(({ commit }) => commit === tip) === true || (chain === undefined && !verified.delegates.includes(did))) continue;
    const now = chain?.[0]?.commit ?? "nothing";
    back.set(
      did,
      new TriplaneError("refs_diverged", `the signed refs of ${did} are ${now}, which does not follow ${tip} that was seen before`),
    );
  }
  return back;
}

/** The people of the policy that was accepted last, as keeper and controller count them. */
async function peopleOf(site: Site): Promise<KeyHolders | undefined> {
  const seen = await readSeen(site.memoryFile, site.pins.policy.rid);
  const known = { branch: BRANCH, lastAccepted: seen.approved, knownRevision: seen.identityRevision };
  try {
    const commit = seen.approved ?? (await approvedHead(repoDirOf(site, "policy"), site.pins.policy, known)).commit;
    return operatorKeys(loadPolicy(await readTreeFiles(repoDirOf(site, "policy"), commit, { maxBytes: MAX_POLICY_BYTES })).policy);
  } catch {
    // No policy yet, or none that reads: whoever looks for the approved head is told so.
    return undefined;
  }
}

async function headOf(
  site: Site,
  name: GovernedName,
  seen: Seen,
  refused: ReadonlyMap<Did, TriplaneError>,
  people: KeyHolders | undefined,
) {
  try {
    const options = { branch: BRANCH, lastAccepted: seen.approved, knownRevision: seen.identityRevision, people };
    const approved = await approvedHead(repoDirOf(site, name), site.pins[name], options);
    const counted = approved.signedBy.filter((did) => !refused.has(did));
    if (countPeople(counted, people) >= approved.threshold) return { approved: { ...approved, signedBy: counted }, problem: undefined };
    const missing = approved.signedBy.filter((did) => refused.has(did)).join(", ");
    const why = `${approved.commit} is approved only with ${missing}, whose signed refs are refused`;
    return { approved: undefined, problem: new TriplaneError("quorum_not_reached", why) };
  } catch (thrown) {
    return { approved: undefined, problem: toTriplaneError(thrown) };
  }
}

async function remember(
  site: Site,
  name: GovernedName,
  seen: Seen,
  verified: VerifiedRepository,
  refused: ReadonlyMap<Did, TriplaneError>,
  approved: ApprovedHead | undefined,
): Promise<void> {
  const tips = new Map(seen.tips);
  for (const [did, [newest]] of verified.chains) if (newest !== undefined && !refused.has(did)) tips.set(did, newest.commit);
  await writeSeen(site.memoryFile, site.pins[name].rid, {
    identityRevision: verified.identity.revision,
    approved: approved?.commit ?? seen.approved,
    tips,
  });
}
