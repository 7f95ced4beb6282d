// Verifies a governed repository from its bytes: identity, delegates, and where each delegate's signed refs stand.
import { type Did, isDid, TriplaneError, toTriplaneError } from "@triplane/contract";
import { listRefs, type ObjectId, type ObjectReader, openObjects } from "../git/index.ts";
import type { RepositoryPin } from "../types.ts";
import { type Identity, readIdentity } from "./identity.ts";
import { didOfNid, namespaced, nidOfDid, refs } from "./layout.ts";
import { readSigrefsChain, readSigrefsTip, type SignedRefs, type SigrefsEntry } from "./sigrefs.ts";
import { gitDirOf } from "./storage.ts";

export interface VerifiedRepository {
  readonly identity: Identity;
  readonly delegates: readonly Did[];
  readonly threshold: number;
  /** What each delegate signed, newest entry; a delegate without signed refs is missing. */
  readonly signed: ReadonlyMap<Did, SignedRefs>;
  /** The chain of each delegate's signed refs, newest first; also of those who were delegates once. */
  readonly chains: ReadonlyMap<Did, readonly SigrefsEntry[]>;
  /** Delegates whose signed refs or identity entries do not verify: they have no say. */
  readonly refused: ReadonlyMap<Did, TriplaneError>;
  /** Refs that are not what their owner signed. They decide nothing here; they show that somebody or something was at work. */
  readonly strayRefs: readonly string[];
}

export interface VerifyOptions {
  /** Least threshold; `delegates_invalid` below it. */
  readonly minThreshold?: number;
  /** An identity revision that the reader saw accepted; the history must still contain it. */
  readonly knownRevision?: ObjectId | undefined;
  /** `tip` verifies each delegate's newest signed refs only, at a cost that does not grow; `chain`, the default, all before it as well. */
  readonly sigrefs?: "chain" | "tip";
  /** An entry of somebody's signed refs that was verified before: their chain must contain it, and is read down to it. */
  readonly sigrefsFrom?: { readonly of: Did; readonly entry: ObjectId } | undefined;
}

/** Throws `rid_mismatch`, `identity_invalid`, `delegates_invalid`, `git_failed`. */
export async function verifyRepository(repoDir: string, pin: RepositoryPin, options: VerifyOptions = {}): Promise<VerifiedRepository> {
  const gitDir = await gitDirOf(repoDir);
  const objects = openObjects(gitDir);
  try {
    return await verifyWith(objects, gitDir, pin, options);
  } finally {
    objects.close();
  }
}

export async function verifyWith(
  objects: ObjectReader,
  gitDir: string,
  pin: RepositoryPin,
  options: VerifyOptions = {},
): Promise<VerifiedRepository> {
  const loose = await listRefs(gitDir, refs.namespaces);
  const refused = new Map<Did, TriplaneError>();
  const sigrefsOf = (signer: Did): ObjectId | undefined => loose.get(namespaced(nidOfDid(signer), refs.sigrefs));

  async function tipOf(signer: Did): Promise<ObjectId | undefined> {
    const tip = sigrefsOf(signer);
    if (tip === undefined) return undefined;
    try {
      const [entry] = await readSigrefsTip(objects, signer, tip, pin.identityRoot);
      return entry?.refs.get(refs.identityObject(pin.identityRoot));
    } catch (cause) {
      refused.set(signer, toTriplaneError(cause, "sigrefs_invalid"));
      return undefined;
    }
  }

  const known = signersIn(loose);
  const identity = await readIdentity(objects, pin, { known, tipOf, refuse: (signer, failure) => void refused.set(signer, failure) });
  const everDelegates = new Set(identity.documents.flatMap((doc) => doc.delegates));
  // Of others nothing is wanted, so nothing of theirs can be wrong.
  for (const signer of refused.keys()) if (!everDelegates.has(signer)) refused.delete(signer);
  const chains = new Map<Did, readonly SigrefsEntry[]>();
  for (const delegate of everDelegates) {
    const tip = sigrefsOf(delegate);
    if (tip === undefined || refused.has(delegate)) continue;
    const downTo = options.sigrefsFrom?.of === delegate ? options.sigrefsFrom.entry : undefined;
    try {
      const chain =
        options.sigrefs === "tip"
          ? await readSigrefsTip(objects, delegate, tip, pin.identityRoot)
          : await readSigrefsChain(objects, delegate, tip, pin.identityRoot, downTo);
      chains.set(delegate, chain);
    } catch (cause) {
      refused.set(delegate, toTriplaneError(cause, "sigrefs_invalid"));
    }
  }
  if (options.knownRevision !== undefined && !identity.revisions.includes(options.knownRevision)) {
    throw new TriplaneError(
      "identity_invalid",
      `the identity no longer has the revision ${options.knownRevision} that was accepted before`,
    );
  }
  const { delegates, threshold } = identity.doc;
  if (threshold < (options.minThreshold ?? 1)) {
    throw new TriplaneError("delegates_invalid", `the threshold is ${threshold}, at least ${options.minThreshold} is demanded`);
  }
  const signed = new Map<Did, SignedRefs>();
  for (const delegate of delegates) {
    if (refused.has(delegate)) continue;
    const refsOfDelegate = chains.get(delegate)?.[0]?.refs;
    if (refsOfDelegate !== undefined) signed.set(delegate, refsOfDelegate);
  }
  return { identity, delegates, threshold, signed, chains, refused, strayRefs: strayRefs(loose, signed) };
}

/** Whose namespaces have signed refs. */
function signersIn(loose: ReadonlyMap<string, ObjectId>): Did[] {
  return [...loose.keys()]
    .filter((name) => name.endsWith(`/${refs.sigrefs}`))
    .map((name) => didOfNid(name.slice(refs.namespaces.length).split("/")[0] ?? ""))
    .filter(isDid);
}

function strayRefs(loose: ReadonlyMap<string, ObjectId>, signed: ReadonlyMap<Did, SignedRefs>): string[] {
  const stray: string[] = [];
  for (const [name, id] of loose) {
    const nid = name.slice(refs.namespaces.length).split("/")[0] ?? "";
    const refName = name.slice(refs.namespace(nid).length);
    const refsOfOwner = signed.get(didOfNid(nid));
    if (refName !== refs.sigrefs && refsOfOwner !== undefined && refsOfOwner.get(refName) !== id) stray.push(name);
  }
  for (const [delegate, refsOfDelegate] of signed) {
    for (const refName of refsOfDelegate.keys()) {
      const name = namespaced(nidOfDid(delegate), refName);
      if (!loose.has(name)) stray.push(name);
    }
  }
  return stray;
}
