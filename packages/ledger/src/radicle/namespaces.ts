// Everybody's namespace in a governed repository, delegates and others, as their owners signed them.
//
// 1. A namespace is what its owner's newest signed refs say; a loose ref that says otherwise is not looked at.
// 2. One namespace that does not verify is told and changes nothing for the others.
import { type Clock, type Did, isDid, nowSeconds, type Signer, TriplaneError, toTriplaneError } from "@triplane/contract";
import { createObjectWriter, listRefs, type ObjectId, openObjects, runGit, updateRefs } from "../git/index.ts";
import type { RepositoryPin } from "../types.ts";
import { didOfNid, namespaced, nidOfDid, refs } from "./layout.ts";
import { signRefs } from "./repository.ts";
import { readSigrefs, readSigrefsChain, type SignedRefs, type SigrefsEntry, writeSigrefs } from "./sigrefs.ts";
import { gitDirOf } from "./storage.ts";

/** More are left unread: whoever may write to a remote may make as many as they like. */
const MAX_NAMESPACES = 256;

export interface Namespaces {
  /** The newest signed refs of everybody whose newest ones verify. What came before is `verifyRepository`'s to verify. */
  readonly signed: ReadonlyMap<Did, SigrefsEntry>;
  readonly refused: ReadonlyMap<Did, TriplaneError>;
}

/** Throws `git_failed` where there is no repository. */
export async function readNamespaces(repoDir: string, pin: RepositoryPin): Promise<Namespaces> {
  const gitDir = await gitDirOf(repoDir);
  const signed = new Map<Did, SigrefsEntry>();
  const refused = new Map<Did, TriplaneError>();
  const objects = openObjects(gitDir);
  try {
    for (const [did, tip] of await namespaceTips(gitDir)) {
      if (signed.size + refused.size >= MAX_NAMESPACES) break;
      try {
        signed.set(did, await readSigrefs(objects, did, tip, pin.identityRoot));
      } catch (thrown) {
        refused.set(did, toTriplaneError(thrown, "sigrefs_invalid"));
      }
    }
  } finally {
    objects.close();
  }
  return { signed, refused };
}

/** Everything that somebody signed here, delegate or not, newest first; nothing where they signed nothing. Throws `sigrefs_invalid`. */
export async function namespaceChain(repoDir: string, pin: RepositoryPin, did: Did): Promise<readonly SigrefsEntry[]> {
  const gitDir = await gitDirOf(repoDir);
  const tip = (await namespaceTips(gitDir)).get(did);
  if (tip === undefined) return [];
  const objects = openObjects(gitDir);
  try {
    return await readSigrefsChain(objects, did, tip, pin.identityRoot);
  } finally {
    objects.close();
  }
}

/** Where everybody's signed refs stand, as loose refs say: for comparing with another place, never for believing. */
export async function namespaceTips(repoDir: string): Promise<ReadonlyMap<Did, ObjectId>> {
  const tips = new Map<Did, ObjectId>();
  for (const [name, tip] of await listRefs(repoDir, refs.namespaces)) {
    const [nid = "", ...rest] = name.slice(refs.namespaces.length).split("/");
    const did = didOfNid(nid);
    if (rest.join("/") === refs.sigrefs && isDid(did)) tips.set(did, tip);
  }
  return tips;
}

export interface NamespaceTarget {
  readonly repo: string;
  readonly key: Signer;
  readonly clock: Clock;
}

/** Changes what a key has signed before, and takes away the refs that it no longer signs. Throws `delegates_invalid` without a namespace. */
export async function changeNamespace(target: NamespaceTarget, change: (current: SignedRefs) => SignedRefs): Promise<void> {
  const dropped: string[] = [];
  await signRefs(target, (current) => {
    const after = change(current);
    for (const name of current.keys()) if (!after.has(name)) dropped.push(name);
    return after;
  });
  const nid = nidOfDid(target.key.did);
  for (const name of dropped) await runGit(target.repo, ["update-ref", "-d", namespaced(nid, name)]);
}

/**
 * Makes the namespace of a key that has none: its first signed refs, which name the repository's identity root and are the proof
 * that somebody holds the key. `more` are further refs to sign, like a head. Throws `delegates_invalid` where there is one already.
 */
export async function openNamespace(target: NamespaceTarget, pin: RepositoryPin, identityHead: string, more: SignedRefs): Promise<void> {
  const { repo, key, clock } = target;
  const nid = nidOfDid(key.did);
  if ((await listRefs(repo, refs.namespace(nid))).size > 0)
    throw new TriplaneError("delegates_invalid", `${key.did} has a namespace in ${repo} already`);
  const current = new Map([...more, [refs.identityHead, identityHead], [refs.identityRoot, pin.identityRoot]]);
  const objects = createObjectWriter(repo);
  const sigrefs = await writeSigrefs(objects, key, current, undefined, nowSeconds(clock));
  await objects.flush();
  const updates = [...current, [refs.sigrefs, sigrefs] as const];
  await updateRefs(
    repo,
    updates.map(([name, value]) => ({ name: namespaced(nid, name), value, old: undefined })),
  );
}
