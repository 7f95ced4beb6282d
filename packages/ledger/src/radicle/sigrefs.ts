// Signed refs: a delegate's own word on where its refs stand, at Radicle's feature level `parent`.
//
// 1. Each entry of the chain has at most one parent and names it in what is signed (no replay, no downgrade).
// 2. Each entry names the identity root that the reader pinned (no graft from another repository).
// 3. The signed bytes are canonical; re-serialising what was read gives the same bytes.
import { type Did, type Signer, TriplaneError, verifySignature } from "@triplane/contract";
import { OBJECT_ID, type ObjectId, type ObjectReader, type ObjectWriter } from "../git/index.ts";
import { nidOfDid, refs, SIGREFS_PARENT } from "./layout.ts";

/** Ref names inside a namespace to commits, as signed. */
export type SignedRefs = ReadonlyMap<string, ObjectId>;

export interface SigrefsEntry {
  readonly commit: ObjectId;
  readonly parent: ObjectId | undefined;
  readonly refs: SignedRefs;
}

const REF_LINE = /^([0-9a-f]{40}) (refs\/[!-~]{1,250})$/;
const MAX_REFS_BYTES = 4 * 1024 * 1024;

/** Writes the commit that follows `parent`. `current` holds every ref of the namespace but refs/rad/sigrefs. */
export async function writeSigrefs(
  objects: ObjectWriter,
  key: Signer,
  current: SignedRefs,
  parent: ObjectId | undefined,
  timeS: number,
): Promise<ObjectId> {
  const entries = new Map(current);
  if (parent !== undefined) entries.set(SIGREFS_PARENT, parent);
  const text = Buffer.from(encodeRefs(entries));
  const tree = objects.tree([
    { mode: "100644", name: "refs", id: objects.blob(text) },
    { mode: "100644", name: "signature", id: objects.blob(await key.sign(text)) },
  ]);
  const who = `radicle <${nidOfDid(key.did)}> ${timeS} +0000`;
  return objects.commit({
    tree,
    parents: parent === undefined ? [] : [parent],
    author: who,
    committer: who,
    message: "Update signed refs\n",
  });
}

/** Verifies one entry, not those before it. Throws `sigrefs_invalid`. */
export async function readSigrefs(objects: ObjectReader, did: Did, id: ObjectId, identityRoot: ObjectId): Promise<SigrefsEntry> {
  try {
    const commit = await objects.commit(id);
    const [refsEntry, signatureEntry, ...others] = await objects.tree(commit.tree);
    if (refsEntry?.name !== "refs" || signatureEntry?.name !== "signature" || others.length > 0)
      throw invalid(did, id, "its tree is not refs and signature");
    const text = await objects.blob(refsEntry.id);
    verifySignature(did, text, await objects.blob(signatureEntry.id));
    const signed = decodeRefs(did, id, text);
    const [parent, ...more] = commit.parents;
    if (more.length > 0) throw invalid(did, id, "it has more than one parent");
    if (signed.get(refs.identityRoot) !== identityRoot)
      throw invalid(did, id, "it does not name the pinned identity root (feature level root)");
    if (signed.get(SIGREFS_PARENT) !== parent) throw invalid(did, id, "what it signs does not name its parent (feature level parent)");
    signed.delete(SIGREFS_PARENT);
    return { commit: id, parent, refs: signed };
  } catch (cause) {
    if (cause instanceof TriplaneError && cause.code === "sigrefs_invalid") throw cause;
    throw invalid(did, id, cause instanceof Error ? cause.message : "unreadable", cause);
  }
}

/** Verifies the chain down to its root, or to an entry that it must contain, and returns it, newest first. Throws `sigrefs_invalid`. */
export async function readSigrefsChain(
  objects: ObjectReader,
  did: Did,
  tip: ObjectId,
  identityRoot: ObjectId,
  downTo?: ObjectId,
): Promise<readonly SigrefsEntry[]> {
  const chain: SigrefsEntry[] = [];
  for (let id: ObjectId | undefined = tip; id !== undefined; ) {
    const entry: SigrefsEntry = await readSigrefs(objects, did, id, identityRoot);
    chain.push(entry);
    if (id === downTo) return chain;
    id = entry.parent;
  }
  if (downTo !== undefined) throw invalid(did, tip, `they do not follow ${downTo}, which was verified before`);
  return chain;
}

/** Verifies the newest entry only, and returns it as a chain of one. Throws `sigrefs_invalid`. */
export async function readSigrefsTip(
  objects: ObjectReader,
  did: Did,
  tip: ObjectId,
  identityRoot: ObjectId,
): Promise<readonly SigrefsEntry[]> {
  return [await readSigrefs(objects, did, tip, identityRoot)];
}

function encodeRefs(entries: SignedRefs): string {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, id]) => `${id} ${name}\n`).join("");
}

function decodeRefs(did: Did, id: ObjectId, text: Buffer): Map<string, ObjectId> {
  if (text.length > MAX_REFS_BYTES) throw invalid(did, id, "it lists too many refs");
  const entries = new Map<string, ObjectId>();
  const lines = text.toString("latin1").split("\n");
  if (lines.pop() !== "") throw invalid(did, id, "its last line does not end");
  for (const line of lines) {
    const [, oid, name] = REF_LINE.exec(line) ?? [];
    if (oid === undefined || name === undefined || !OBJECT_ID.test(oid) || name === refs.sigrefs)
      throw invalid(did, id, `the line ${JSON.stringify(line.slice(0, 120))}`);
    entries.set(name, oid);
  }
  if (encodeRefs(entries) !== text.toString("latin1")) throw invalid(did, id, "its bytes are not canonical");
  return entries;
}

function invalid(did: Did, id: ObjectId, why: string, cause?: unknown): TriplaneError {
  return new TriplaneError("sigrefs_invalid", `signed refs ${id} of ${did} are refused: ${why}`, {
    cause,
    details: { delegate: did, commit: id },
  });
}
