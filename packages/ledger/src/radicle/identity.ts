// The identity's history: which document is in force, by the signatures of those who were delegates before it.
//
// 1. It begins at the pinned root, whose document is the one that the RID names, signed by its first delegate.
// 2. A revision counts only with the signatures of max(threshold, majority) distinct delegates of the document before it.
// 3. Two revisions of one document that both reach that are a fork: nothing is chosen.
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
}

export interface IdentityPin {
  readonly rid: string;
  readonly identityRoot: ObjectId;
}

type Revision = Extract<IdentityAction, { readonly type: "revision" }>;

/** Where each delegate's signed refs have the identity. */
export interface IdentityTips {
  /** Undefined where the delegate has signed nothing that verifies. */
  tipOf(delegate: Did): Promise<ObjectId | undefined>;
  /** Told of a delegate whose entries do not verify; one delegate's garbage must not silence the others. */
  refuse(delegate: Did, failure: TriplaneError): void;
}

/** Verifies the history and returns the document in force. Throws `rid_mismatch`, `identity_invalid`. */
export async function readIdentity(objects: ObjectReader, pin: IdentityPin, tips: IdentityTips): Promise<Identity> {
  const rootRevision = await readRoot(objects, pin);
  const entries = new Map<ObjectId, IdentityEntry>();
  const asked = new Set<Did>();
  const revisions = [pin.identityRoot];
  let current: { readonly id: ObjectId; readonly revision: Revision } = { id: pin.identityRoot, revision: rootRevision };
  for (;;) {
    for (const delegate of current.revision.doc.delegates) {
      if (asked.has(delegate)) continue;
      asked.add(delegate);
      const tip = await tips.tipOf(delegate);
      if (tip === undefined) continue;
      try {
        for (const [id, entry] of await collect(objects, pin.identityRoot, tip, entries)) entries.set(id, entry);
      } catch (thrown) {
        tips.refuse(delegate, toTriplaneError(thrown, "identity_invalid"));
      }
    }
    const next = acceptedChild(entries, current.id, current.revision);
    if (next === undefined) {
      const { blob, doc } = current.revision;
      return { root: pin.identityRoot, revision: current.id, blob, doc, revisions };
    }
    if (next.revision.blob === current.revision.blob) throw new TriplaneError("identity_invalid", `revision ${next.id} changes nothing`);
    revisions.push(next.id);
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
async function collect(
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
