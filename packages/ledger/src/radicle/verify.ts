// Verifies a governed repository from its bytes: identity, delegates, and where each delegate's signed refs stand.
import { type Did, TriplaneError, toTriplaneError } from "@triplane/contract";
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
  /** The chain of each delegate's signed refs, newest first. */
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
  /** An entry of the only delegate's signed refs that was verified before: the chain must contain it, and is read down to it. */
  readonly sigrefsFrom?: ObjectId | undefined;
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
  const chains = new Map<Did, readonly SigrefsEntry[]>();
  const refused = new Map<Did, TriplaneError>();

  async function tipOf(delegate: Did): Promise<ObjectId | undefined> {
    const tip = loose.get(namespaced(nidOfDid(delegate), refs.sigrefs));
    if (tip === undefined) return undefined;
    try {
      const chain =
        options.sigrefs === "tip"
          ? await readSigrefsTip(objects, delegate, tip, pin.identityRoot)
          : await readSigrefsChain(objects, delegate, tip, pin.identityRoot, options.sigrefsFrom);
      chains.set(delegate, chain);
      return chain[0]?.refs.get(refs.identityObject(pin.identityRoot));
    } catch (cause) {
      refused.set(delegate, toTriplaneError(cause, "sigrefs_invalid"));
      return undefined;
    }
  }
  const identity = await readIdentity(objects, pin, { tipOf, refuse: (delegate, failure) => void refused.set(delegate, failure) });
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
