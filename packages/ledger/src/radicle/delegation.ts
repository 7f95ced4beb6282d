// Changing who the delegates are, one signature at a time and on different machines: a revision of the identity document is
// proposed by one delegate and accepted by others, until max(threshold, majority) of the former document's delegates signed it.
//
// 1. A new entry follows every entry that its author knows, so that no acceptance is left behind when somebody's tip moves on.
// 2. Only entries that verify are followed: one delegate's garbage must not spoil the others' histories.
import { type Did, nowSeconds, TriplaneError } from "@triplane/contract";
import { createObjectWriter, decodeCommit, type ObjectId, type ObjectReader, type ObjectWriter, openObjects } from "../git/index.ts";
import { collectEntries } from "./identity.ts";
import { encodeDocument, type IdentityDocument, revisionQuorum } from "./identity-doc.ts";
import { type IdentityEntry, isBlobSignature, writeAcceptance, writeRevision } from "./identity-entry.ts";
import { refs } from "./layout.ts";
import { changeNamespace, type NamespaceTarget } from "./namespaces.ts";
import type { VerifiedRepository } from "./verify.ts";

export interface PendingRevision {
  readonly id: ObjectId;
  readonly author: Did;
  readonly doc: IdentityDocument;
  /** Blob of the document: what the signatures are over. */
  readonly blob: ObjectId;
  /** Delegates who signed it, the author among them. */
  readonly acceptedBy: readonly Did[];
  /** Signatures that it needs. */
  readonly needs: number;
}

/** Revisions of the document in force that do not have enough signatures yet, in no particular order. */
export async function pendingRevisions(repoDir: string, verified: VerifiedRepository): Promise<readonly PendingRevision[]> {
  const objects = openObjects(repoDir);
  try {
    const { entries } = await knownEntries(objects, verified);
    return pendingAmong(entries, verified);
  } finally {
    objects.close();
  }
}

function pendingAmong(entries: ReadonlyMap<ObjectId, IdentityEntry>, verified: VerifiedRepository): PendingRevision[] {
  const { revision, doc: before } = verified.identity;
  const delegates = new Set(before.delegates);
  const pending: PendingRevision[] = [];
  for (const { id, author, actions } of entries.values()) {
    for (const action of actions) {
      if (action.type !== "revision" || action.parent !== revision || !delegates.has(author)) continue;
      const acceptedBy = new Set<Did>([author]);
      for (const other of entries.values()) {
        for (const said of other.actions) {
          if (said.type !== "revision.accept" || said.revision !== id || !delegates.has(other.author)) continue;
          if (isBlobSignature(other.author, action.blob, said.signature)) acceptedBy.add(other.author);
        }
      }
      pending.push({ id, author, doc: action.doc, blob: action.blob, acceptedBy: [...acceptedBy], needs: revisionQuorum(before) });
    }
  }
  return pending;
}

export interface ProposedRevision {
  readonly id: ObjectId;
  /** Whether the author's signature alone was enough. */
  readonly inForce: boolean;
}

/** Writes a revision and signs it as its first acceptance. Throws `delegate_required` for a key that is no delegate, `identity_invalid`. */
export async function proposeRevision(
  target: NamespaceTarget,
  verified: VerifiedRepository,
  doc: IdentityDocument,
  title: string,
): Promise<ProposedRevision> {
  assertDelegate(target, verified);
  if (encodeDocument(doc) === encodeDocument(verified.identity.doc))
    throw new TriplaneError("identity_invalid", "the new document is the one that is in force");
  return await writeAndSign(target, verified, async (objects, tips) => {
    const author = { key: target.key, alias: "delegate", timeS: nowSeconds(target.clock) };
    const id = await writeRevision(objects, author, doc, { title, description: "" }, verified.identity.revision);
    const followed = withParents(objects, id, [verified.identity.revision, ...tips]);
    return { tip: followed, revision: followed, isEnough: revisionQuorum(verified.identity.doc) <= 1 };
  });
}

/** Signs a pending revision. Throws `delegate_required`, and `proposal_unknown` for one that is not pending. */
export async function acceptRevision(target: NamespaceTarget, verified: VerifiedRepository, revision: ObjectId): Promise<ProposedRevision> {
  assertDelegate(target, verified);
  const found = (await pendingRevisions(target.repo, verified)).find(({ id }) => id === revision);
  if (found === undefined) throw new TriplaneError("proposal_unknown", `there is no revision ${revision} that waits for acceptance`);
  if (found.acceptedBy.includes(target.key.did)) return { id: revision, inForce: false };
  return await writeAndSign(target, verified, async (objects, tips) => {
    const author = { key: target.key, alias: "delegate", timeS: nowSeconds(target.clock) };
    const id = await writeAcceptance(objects, author, revision, found.blob, revision);
    return { tip: withParents(objects, id, [revision, ...tips]), revision, isEnough: found.acceptedBy.length + 1 >= found.needs };
  });
}

interface Written {
  readonly tip: ObjectId;
  readonly revision: ObjectId;
  readonly isEnough: boolean;
}

async function writeAndSign(
  target: NamespaceTarget,
  verified: VerifiedRepository,
  write: (objects: ObjectWriter, tips: readonly ObjectId[]) => Promise<Written>,
): Promise<ProposedRevision> {
  const reader = openObjects(target.repo);
  try {
    const { tips } = await knownEntries(reader, verified);
    const objects = createObjectWriter(target.repo);
    const { tip, revision, isEnough } = await write(objects, tips);
    await objects.flush();
    const { root } = verified.identity;
    await changeNamespace(target, (current) => {
      const moved = new Map([...current, [refs.identityObject(root), tip]]);
      return isEnough ? moved.set(refs.identityHead, revision) : moved;
    });
    return { id: revision, inForce: isEnough };
  } finally {
    reader.close();
  }
}

/** What all delegates' tips lead to, and those tips; a tip that leads to something unsound is left out. */
async function knownEntries(
  objects: ObjectReader,
  verified: VerifiedRepository,
): Promise<{ readonly entries: ReadonlyMap<ObjectId, IdentityEntry>; readonly tips: readonly ObjectId[] }> {
  const entries = new Map<ObjectId, IdentityEntry>();
  const tips: ObjectId[] = [];
  for (const chain of verified.chains.values()) {
    const tip = chain[0]?.refs.get(refs.identityObject(verified.identity.root));
    if (tip === undefined) continue;
    const found = await collectEntries(objects, verified.identity.root, tip, entries).catch(() => undefined);
    if (found === undefined) continue;
    tips.push(tip);
    for (const [id, entry] of found) entries.set(id, entry);
  }
  return { entries, tips };
}

/** The same entry after other ones: an entry's signature is over its tree, so its place is free (Radicle's format). */
function withParents(objects: ObjectWriter, id: ObjectId, parents: readonly ObjectId[]): ObjectId {
  const written = objects.pending(id);
  if (written === undefined) throw new TriplaneError("internal", `entry ${id} was not written`);
  const { signedBytes: _bytes, ...fields } = decodeCommit(written.body);
  return objects.commit({ ...fields, parents: [...new Set(parents)] });
}

function assertDelegate(target: NamespaceTarget, verified: VerifiedRepository): void {
  if (!verified.delegates.includes(target.key.did))
    throw new TriplaneError("delegate_required", `${target.key.did} is no delegate, and has no say in who is`);
}
