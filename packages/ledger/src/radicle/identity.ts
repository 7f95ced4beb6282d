// The identity's history: which document is in force, by the signatures of those who were delegates before it.
//
// 1. It begins at the pinned root, whose document is the one that the RID names, signed by its first delegate.
// 2. A revision counts only with the signatures of max(threshold, majority) distinct delegates of the document before it.
// 3. Two revisions of one document that both reach that are a fork: nothing is chosen.
// 4. Entries prove themselves, so everybody is asked for those they know: a founder who no longer names a later document, or whose
//    refs are broken, does not bring the first one back, in which they decide alone.
import { type Did, TriplaneError, toTriplaneError } from "@triplane/contract";
import type { ObjectId, ObjectReader } from "../git/index.ts";
import { type IdentityDocument, revisionQuorum } from "./identity-doc.ts";
import { type IdentityAction, type IdentityEntry, isBlobSignature, readEntry } from "./identity-entry.ts";
import { blobOfRid } from "./layout.ts";

export interface Identity {
  readonly root: ObjectId;
  /** Entry of the revision in force. */
  readonly revision: ObjectId;
  /** Blob of the document in force. */
  readonly blob: ObjectId;
  readonly doc: IdentityDocument;
  /** Accepted revisions, oldest first. */
  readonly revisions: readonly ObjectId[];
  /** Their documents. */
  readonly documents: readonly IdentityDocument[];
}

export interface IdentityPin {
  readonly rid: string;
  readonly identityRoot: ObjectId;
}

type Revision = Extract<IdentityAction, { readonly type: "revision" }>;

/** Where the signed refs of the repository's namespaces have the identity. */
export interface IdentityTips {
  /** All whose word there is. */
  readonly known: readonly Did[];
  /** Undefined where they have signed nothing that verifies. */
  tipOf(signer: Did): Promise<ObjectId | undefined>;
  /** Told of somebody whose entries do not verify; one's garbage must not silence the others. */
  refuse(signer: Did, failure: TriplaneError): void;
}

interface Current {
  readonly id: ObjectId;
  readonly revision: Revision;
}

/** More namespaces than this are somebody's flood: then only those whom an accepted document names are asked. */
const MAX_ASKED = 4096;

/** Verifies the history and returns the document in force. Throws `rid_mismatch`, `identity_invalid`. */
export async function readIdentity(objects: ObjectReader, pin: IdentityPin, tips: IdentityTips): Promise<Identity> {
  const rootRevision = await readRoot(objects, pin);
  const entries = new Map<ObjectId, IdentityEntry>();
  const asked = new Set<Did>();
  const ask = async (signer: Did): Promise<void> => {
    if (asked.has(signer)) return;
    asked.add(signer);
    const tip = await tips.tipOf(signer);
    if (tip === undefined) return;
    try {
      for (const [id, entry] of await collectEntries(objects, pin.identityRoot, tip, entries)) entries.set(id, entry);
    } catch (thrown) {
      tips.refuse(signer, toTriplaneError(thrown, "identity_invalid"));
    }
  };
  if (tips.known.length <= MAX_ASKED) for (const signer of tips.known) await ask(signer);
  const revisions = [pin.identityRoot];
  const documents = [rootRevision.doc];
  let current: Current = { id: pin.identityRoot, revision: rootRevision };
  for (;;) {
    for (const delegate of current.revision.doc.delegates) await ask(delegate);
    const next = acceptedChild(entries, current.id, current.revision);
    if (next === undefined) {
      const { blob, doc } = current.revision;
      return { root: pin.identityRoot, revision: current.id, blob, doc, revisions, documents };
    }
    if (next.revision.blob === current.revision.blob) throw new TriplaneError("identity_invalid", `revision ${next.id} changes nothing`);
    revisions.push(next.id);
    documents.push(next.revision.doc);
    current = next;
  }
}

async function readRoot(objects: ObjectReader, pin: IdentityPin): Promise<Revision> {
  const blob = blobOfRid(pin.rid);
  let root: IdentityEntry;
  try {
    root = await readEntry(objects, pin.identityRoot);
  } catch (cause) {
    const has = await objects.has(pin.identityRoot).catch(() => true);
    if (has) throw cause;
    throw new TriplaneError("rid_mismatch", `the repository does not have the pinned identity root ${pin.identityRoot}`, { cause });
  }
  const [action, ...others] = root.actions;
  if (action?.type !== "revision" || others.length > 0 || action.parent !== undefined || root.parents.length > 0) {
    throw new TriplaneError("identity_invalid", `the identity root ${root.id} is not a first revision`);
  }
  if (action.blob !== blob)
    throw new TriplaneError("rid_mismatch", `the identity root ${root.id} belongs to another repository than ${pin.rid}`);
  if (root.author !== action.doc.delegates[0])
    throw new TriplaneError("identity_invalid", `the identity root was signed by ${root.author}, not by the founder`);
  return action;
}

/** Reads the entries from a tip down that are not known yet; every way must end at the root. */
export async function collectEntries(
  objects: ObjectReader,
  root: ObjectId,
  tip: ObjectId,
  known: ReadonlyMap<ObjectId, IdentityEntry>,
): Promise<ReadonlyMap<ObjectId, IdentityEntry>> {
  const found = new Map<ObjectId, IdentityEntry>();
  const todo = [tip];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    if (known.has(id) || found.has(id)) continue;
    const entry = await readEntry(objects, id);
    if (entry.parents.length === 0 && id !== root)
      throw new TriplaneError("identity_invalid", `entry ${id} does not descend from the pinned root`);
    found.set(id, entry);
    todo.push(...entry.parents);
  }
  return found;
}

function acceptedChild(
  entries: ReadonlyMap<ObjectId, IdentityEntry>,
  parent: ObjectId,
  before: Revision,
): { readonly id: ObjectId; readonly revision: Revision } | undefined {
  const accepted: { readonly id: ObjectId; readonly revision: Revision }[] = [];
  const delegates = new Set(before.doc.delegates);
  for (const entry of entries.values()) {
    if (!delegates.has(entry.author)) continue;
    for (const action of entry.actions) {
      if (action.type !== "revision" || action.parent !== parent) continue;
      const signers = new Set<Did>([entry.author, ...acceptors(entries, entry.id, action.blob, delegates)]);
      if (signers.size >= revisionQuorum(before.doc)) accepted.push({ id: entry.id, revision: action });
    }
  }
  if (accepted.length > 1)
    throw new TriplaneError(
      "identity_invalid",
      `${accepted.map(({ id }) => id).join(" and ")} both replace ${parent}: the identity is forked`,
    );
  return accepted[0];
}

function acceptors(
  entries: ReadonlyMap<ObjectId, IdentityEntry>,
  revision: ObjectId,
  blob: ObjectId,
  delegates: ReadonlySet<Did>,
): Set<Did> {
  const found = new Set<Did>();
  for (const entry of entries.values()) {
    for (const action of entry.actions) {
      if (action.type !== "revision.accept" || action.revision !== revision || !delegates.has(entry.author)) continue;
      if (isBlobSignature(entry.author, blob, action.signature)) found.add(entry.author);
    }
  }
  return found;
}
