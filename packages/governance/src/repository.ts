// A governed repository as this machine can prove it: delegates, approved head, everybody's signed refs.
//
// 1. Nothing is read that was not verified from the pin on, and nothing goes back behind what this machine has seen.
// 2. A delegate whose signed refs went back has no say until they are where they were.
import { type Did, TriplaneError, toTriplaneError } from "@triplane/contract";
import {
  approvedDesiredHead,
  approvedHead,
  countPeople,
  type DesiredHead,
  type KeyHolders,
  operatorKeys,
  readNamespaces,
  readTreeFiles,
  type SignedRefs,
  type VerifiedRepository,
  verifyRepository,
} from "@triplane/ledger";
import { loadPolicy, type Policy } from "@triplane/policy";
import { readSeen, type Seen, writeSeen } from "./memory.ts";
import { BRANCH, type GovernedName, repoDirOf, type Site } from "./site.ts";

const MAX_POLICY_BYTES = 4 * 1024 * 1024;

export interface GovernedRepository {
  readonly name: GovernedName;
  readonly rid: string;
  readonly repoDir: string;
  readonly delegates: readonly Did[];
  readonly threshold: number;
  /** The policy that was accepted last; it says who is a person, and what automations may do. */
  readonly policy: Policy | undefined;
  /** Whose keys count as whose vote; undefined where keys are counted, before there is a policy (ADR-024). */
  readonly people: KeyHolders | undefined;
  readonly verified: VerifiedRepository;
  /** What people approved, and in the desired state what automations may have put on top of it. */
  readonly approved: DesiredHead | undefined;
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
  const policy = await policyOf(site);
  const head = await headOf(site, name, seen, refused, policy);
  await remember(site, name, seen, verified, refused, head.approved);
  const people = policy === undefined ? undefined : operatorKeys(policy);
  return { name, rid: pin.rid, repoDir, verified, namespaces, refused, policy, people, ...head, ...whoDecides(verified) };
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

/** The policy that was accepted last, by whose people keeper and controller count. */
async function policyOf(site: Site): Promise<Policy | undefined> {
  const seen = await readSeen(site.memoryFile, site.pins.policy.rid);
  const known = { branch: BRANCH, lastAccepted: seen.approved, knownRevision: seen.identityRevision };
  try {
    const commit = seen.approved ?? (await approvedHead(repoDirOf(site, "policy"), site.pins.policy, known)).commit;
    return loadPolicy(await readTreeFiles(repoDirOf(site, "policy"), commit, { maxBytes: MAX_POLICY_BYTES })).policy;
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
  policy: Policy | undefined,
): Promise<Pick<GovernedRepository, "approved" | "problem">> {
  try {
    const approved = await countedHead(site, name, seen, policy);
    const people = policy === undefined ? undefined : operatorKeys(policy);
    const counted = (signers: readonly Did[]): readonly Did[] => signers.filter((did) => !refused.has(did));
    const [signedBy, baseSignedBy] = [counted(approved.signedBy), counted(approved.baseSignedBy)];
    if (countPeople(baseSignedBy, people) >= approved.threshold)
      return { approved: { ...approved, signedBy, baseSignedBy }, problem: undefined };
    const missing = approved.baseSignedBy.filter((did) => refused.has(did)).join(", ");
    const why =
      missing === ""
        ? `${approved.base} was approved once, and stays for whoever saw it; by too few people of today's policy`
        : `${approved.base} is approved only with ${missing}, whose signed refs are refused`;
    return { approved: undefined, problem: new TriplaneError("quorum_not_reached", why) };
  } catch (thrown) {
    return { approved: undefined, problem: toTriplaneError(thrown) };
  }
}

async function countedHead(site: Site, name: GovernedName, seen: Seen, policy: Policy | undefined): Promise<DesiredHead> {
  const [repoDir, pin] = [repoDirOf(site, name), site.pins[name]];
  if (name === "desired" && policy !== undefined) {
    const last = seen.approved === undefined ? undefined : { commit: seen.approved, identityRevision: seen.identityRevision };
    return await approvedDesiredHead(repoDir, pin, { policy, last });
  }
  const people = policy === undefined ? undefined : operatorKeys(policy);
  const known = { branch: BRANCH, lastAccepted: seen.approved, knownRevision: seen.identityRevision, people };
  const head = await approvedHead(repoDir, pin, known);
  return { ...head, base: head.commit, baseSignedBy: head.signedBy, updates: [] };
}

async function remember(
  site: Site,
  name: GovernedName,
  seen: Seen,
  verified: VerifiedRepository,
  refused: ReadonlyMap<Did, TriplaneError>,
  approved: DesiredHead | undefined,
): Promise<void> {
  const tips = new Map(seen.tips);
  for (const [did, [newest]] of verified.chains) if (newest !== undefined && !refused.has(did)) tips.set(did, newest.commit);
  await writeSeen(site.memoryFile, site.pins[name].rid, {
    identityRevision: verified.identity.revision,
    approved: approved?.base ?? seen.approved,
    tips,
  });
}
