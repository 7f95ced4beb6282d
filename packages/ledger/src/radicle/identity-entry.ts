// Entries of the identity's history: a revision of the document, or a delegate's acceptance of one.
import {
  type Did,
  decodeBase58,
  encodeBase58,
  type Json,
  parseStrictJson,
  type Signer,
  TriplaneError,
  verifySignature,
} from "@triplane/contract";
import type { ObjectId, ObjectReader, ObjectWriter } from "../git/index.ts";
import { decodeDocument, encodeDocument, type IdentityDocument, radicleJson } from "./identity-doc.ts";
import { IDENTITY_TYPE, nidOfDid } from "./layout.ts";
import { signSshsig, verifySshsig } from "./sshsig.ts";

const MANIFEST = radicleJson({ typeName: IDENTITY_TYPE, version: 1 });

export interface EntryAuthor {
  readonly key: Signer;
  /** Shown in the commit's author line; not signed. */
  readonly alias: string;
  readonly timeS: number;
}

export interface RevisionText {
  readonly title: string;
  readonly description: string;
}

/** Writes the commit of a revision. What is signed is the tree and the document's blob, never the commit (Radicle's format). */
export async function writeRevision(
  objects: ObjectWriter,
  author: EntryAuthor,
  doc: IdentityDocument,
  text: RevisionText,
  parent: ObjectId | undefined,
): Promise<ObjectId> {
  const blob = objects.blob(encodeDocument(doc));
  const action = {
    type: "revision",
    title: text.title,
    ...(text.description === "" ? {} : { description: text.description }),
    blob,
    parent: parent ?? null,
    signature: await signBlob(blob, author.key),
  };
  const embeds = objects.tree([{ mode: "100644", name: "radicle.json", id: blob }]);
  const message = parent === undefined ? "Initialize identity\n" : "Propose revision\n";
  return await writeEntry(objects, author, action, embeds, parent === undefined ? [] : [parent], message);
}

/** Writes a delegate's acceptance of a revision. `tip` is the entry it follows. */
export async function writeAcceptance(
  objects: ObjectWriter,
  author: EntryAuthor,
  revision: ObjectId,
  blob: ObjectId,
  tip: ObjectId,
): Promise<ObjectId> {
  const action = { type: "revision.accept", revision, signature: await signBlob(blob, author.key) };
  return await writeEntry(objects, author, action, undefined, [tip], "Accept revision\n");
}

async function writeEntry(
  objects: ObjectWriter,
  author: EntryAuthor,
  action: Readonly<Record<string, unknown>>,
  embeds: ObjectId | undefined,
  parents: readonly ObjectId[],
  message: string,
): Promise<ObjectId> {
  const tree = objects.tree([
    { mode: "100644", name: "0", id: objects.blob(radicleJson(action)) },
    ...(embeds === undefined ? [] : [{ mode: "40000" as const, name: "embeds", id: embeds }]),
    { mode: "100644", name: "manifest", id: objects.blob(MANIFEST) },
  ]);
  const who = `${author.alias} <${author.alias}@${nidOfDid(author.key.did)}> ${author.timeS} +0000`;
  const signature = await signSshsig(Buffer.from(tree, "hex"), "radicle", author.key);
  return objects.commit({ tree, parents, author: who, committer: who, message, signature });
}

async function signBlob(blob: ObjectId, key: Signer): Promise<string> {
  return `z${encodeBase58(await key.sign(Buffer.from(blob, "hex")))}`;
}

export type IdentityAction =
  | {
      readonly type: "revision";
      readonly parent: ObjectId | undefined;
      readonly blob: ObjectId;
      readonly doc: IdentityDocument;
    }
  | { readonly type: "revision.accept"; readonly revision: ObjectId; readonly signature: string }
  /** An action that neither changes the document nor counts for a change. */
  | { readonly type: "other"; readonly name: string };

export interface IdentityEntry {
  readonly id: ObjectId;
  readonly parents: readonly ObjectId[];
  readonly author: Did;
  readonly actions: readonly IdentityAction[];
}

/**
 * Reads an entry and verifies what stands on its own: form, the author's signature over the tree, a revision's
 * signature over its document. Throws `identity_invalid`.
 */
export async function readEntry(objects: ObjectReader, id: ObjectId): Promise<IdentityEntry> {
  try {
    const commit = await objects.commit(id);
    const entries = await objects.tree(commit.tree);
    if (commit.signature === undefined) throw invalid(id, "it is not signed");
    const author = verifySshsig(Buffer.from(commit.tree, "hex"), "radicle", commit.signature);
    const manifest = await objects.fileAt(commit.tree, "manifest");
    if (manifest === undefined || radicleJson(parseStrictJson(manifest)) !== MANIFEST) throw invalid(id, "it is no entry of an identity");
    const actions: IdentityAction[] = [];
    for (const entry of entries) {
      if (!/^(?:0|[1-9][0-9]{0,2})$/.test(entry.name)) continue;
      actions.push(await readAction(objects, id, commit.tree, author, await objects.blob(entry.id)));
    }
    if (actions.length === 0) throw invalid(id, "it has no action");
    return { id, parents: commit.parents, author, actions };
  } catch (cause) {
    if (cause instanceof TriplaneError && cause.code === "identity_invalid") throw cause;
    throw new TriplaneError(
      "identity_invalid",
      `entry ${id} of the identity is refused: ${cause instanceof Error ? cause.message : "unreadable"}`,
      {
        cause,
      },
    );
  }
}

async function readAction(objects: ObjectReader, id: ObjectId, tree: ObjectId, author: Did, bytes: Buffer): Promise<IdentityAction> {
  const action = parseStrictJson(bytes) as { readonly [key: string]: Json } | null;
  if (action === null || typeof action !== "object" || radicleJson(action) !== bytes.toString("utf8"))
    throw invalid(id, "an action's bytes are not canonical");
  const { type, blob, parent, revision, signature } = action;
  if (type === "revision") {
    const embedded = await objects.entryAt(tree, "embeds/radicle.json");
    if (typeof blob !== "string" || embedded?.id !== blob) throw invalid(id, "the document is not the one that the action names");
    if (!isBlobSignature(author, blob, signature)) throw invalid(id, `${author} did not sign the document ${blob}`);
    const doc = decodeDocument(await objects.blob(blob));
    return { type, blob, doc, parent: typeof parent === "string" ? parent : undefined };
  }
  if (type === "revision.accept" && typeof revision === "string" && typeof signature === "string") return { type, revision, signature };
  return { type: "other", name: String(type) };
}

/** Whether this is the author's signature over the document's blob id. */
export function isBlobSignature(author: Did, blob: ObjectId, signature: Json | undefined): boolean {
  if (typeof signature !== "string" || !signature.startsWith("z")) return false;
  try {
    verifySignature(author, Buffer.from(blob, "hex"), decodeBase58(signature.slice(1)));
    return true;
  } catch {
    return false;
  }
}

function invalid(id: ObjectId, why: string): TriplaneError {
  return new TriplaneError("identity_invalid", `entry ${id} of the identity is refused: ${why}`);
}
