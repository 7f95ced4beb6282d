// A governed repository as Radicle stores it: identity, delegates' signed refs, and the head that enough of them signed; read with git alone.
import { createHash } from "node:crypto";
import { decodeBase58 } from "@triplane/contract";
import { isSignedBy } from "../proof/ed25519.ts";
import { sshSigner } from "../proof/sshsig.ts";
import { gitLines, Objects, runGit } from "./git.ts";

export interface Pin {
  readonly rid: string;
  readonly identityRoot: string;
}

export interface Document {
  readonly delegates: readonly string[];
  readonly threshold: number;
}

export interface Revision {
  readonly commit: string;
  readonly author: string;
  readonly document: Document;
  /** Undefined for the first one. */
  readonly parent: string | undefined;
  /** Whether enough delegates of the document before it signed it. */
  readonly accepted: boolean;
}

export interface Governed {
  readonly repo: string;
  /** Every revision of the identity that any ref of the repository leads to, the first one first. */
  readonly revisions: readonly Revision[];
  /** The document in force. */
  readonly document: Document;
  /** What each delegate in force signed that its refs are. */
  readonly signed: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Namespaces of somebody who is no delegate. */
  readonly strangers: readonly string[];
  readonly problems: readonly string[];
}

interface Entry {
  readonly id: string;
  readonly author: string;
  readonly action: Record<string, unknown>;
  readonly document: Document | undefined;
}

/** Throws where the repository is not the pinned one. */
export async function readGoverned(repo: string, pin: Pin): Promise<Governed> {
  using objects = new Objects(repo);
  const refs = await refsOf(repo);
  const problems: string[] = [];
  const root = await readEntry(objects, pin.identityRoot);
  if (root.document === undefined || root.action["blob"] !== Buffer.from(decodeBase58(pin.rid.slice("rad:z".length))).toString("hex"))
    throw new Error(`the identity root ${pin.identityRoot} is not that of ${pin.rid}`);
  const entries = new Map([[root.id, root]]);
  for (const id of await identityEntries(repo, refs, pin)) {
    try {
      if (!entries.has(id)) entries.set(id, await readEntry(objects, id));
    } catch (thrown) {
      problems.push(`entry ${id} of the identity: ${messageOf(thrown)}`);
    }
  }
  const { revisions, document } = followRevisions(root, root.document, [...entries.values()]);
  const signed = new Map<string, ReadonlyMap<string, string>>();
  for (const did of document.delegates) {
    const tip = refs.get(`refs/namespaces/${nid(did)}/refs/rad/sigrefs`);
    if (tip === undefined) continue;
    try {
      signed.set(did, await readSigrefs(objects, did, tip, pin));
    } catch (thrown) {
      problems.push(`signed refs of ${did}: ${messageOf(thrown)}`);
    }
  }
  const namespaces = new Set([...refs.keys()].flatMap((name) => /^refs\/namespaces\/([^/]+)\//.exec(name)?.[1] ?? []));
  const strangers = [...namespaces].filter((name) => !document.delegates.includes(`did:key:${name}`));
  return { repo, revisions, document, signed, strangers, problems };
}

/** By commit of a branch: who ever signed it as their own head. */
export type NamedHeads = ReadonlyMap<string, ReadonlySet<string>>;

/** From the chains of signed refs of all who are or were delegates; an entry that its owner did not sign names nothing. */
export async function readNamedHeads({ repo, revisions }: Governed, pin: Pin, branch = "refs/heads/main"): Promise<NamedHeads> {
  using objects = new Objects(repo);
  const refs = await refsOf(repo);
  const named = new Map<string, Set<string>>();
  const delegates = new Set(revisions.filter((revision) => revision.accepted).flatMap(({ document }) => document.delegates));
  for (const did of delegates) {
    const tip = refs.get(`refs/namespaces/${nid(did)}/refs/rad/sigrefs`);
    if (tip === undefined) continue;
    for (const entry of await gitLines(repo, ["rev-list", tip])) {
      const signed = await readSigrefs(objects, did, entry, pin).catch(() => new Map<string, string>());
      const head = signed.get(branch);
      if (head !== undefined) named.set(head, (named.get(head) ?? new Set()).add(did));
    }
  }
  return named;
}

/** The newest commit that `threshold` distinct delegates had as their own head, and have one now at or after it. Throws where there is none. */
export async function approvedCommit(governed: Governed, named: NamedHeads, branch = "refs/heads/main"): Promise<string> {
  const { document, signed, repo } = governed;
  const approved: string[] = [];
  for (const [candidate, signers] of named) {
    if (signers.size < document.threshold) continue;
    let count = 0;
    for (const did of document.delegates) {
      const head = signers.has(did) ? signed.get(did)?.get(branch) : undefined;
      if (head !== undefined && (await isAtOrBefore(repo, candidate, head))) count += 1;
    }
    if (count >= document.threshold) approved.push(candidate);
  }
  for (const candidate of approved) {
    let newest = true;
    for (const other of approved) newest &&= await isAtOrBefore(repo, other, candidate);
    if (newest) return candidate;
  }
  throw new Error(`no commit of ${branch} has the signatures of ${document.threshold} delegates`);
}

/** Whether the delegates of one accepted document approved this very commit; the founder's first document counts only while it is the only one. */
export function wasApproved({ revisions }: Governed, named: NamedHeads, commit: string): boolean {
  const signers = named.get(commit) ?? new Set();
  const accepted = revisions.filter((revision) => revision.accepted);
  const later = accepted.filter((revision) => revision.parent !== undefined);
  return (later.length > 0 ? later : accepted).some(
    ({ document }) => new Set(document.delegates.filter((did) => signers.has(did))).size >= document.threshold,
  );
}

async function isAtOrBefore(repo: string, commit: string, head: string): Promise<boolean> {
  if (commit === head) return true;
  const { code } = await runGit(repo, ["merge-base", "--is-ancestor", commit, head]);
  return code === 0;
}

async function refsOf(repo: string): Promise<ReadonlyMap<string, string>> {
  const lines = await gitLines(repo, ["for-each-ref", "--format=%(objectname) %(refname)"]);
  return new Map(lines.map((line) => [line.slice(41), line.slice(0, 40)]));
}

async function identityEntries(repo: string, refs: ReadonlyMap<string, string>, pin: Pin): Promise<readonly string[]> {
  const suffix = `/refs/cobs/xyz.radicle.id/${pin.identityRoot}`;
  const tips = [...refs].filter(([name]) => name.endsWith(suffix) || name.endsWith("/refs/rad/id")).map(([, id]) => id);
  if (tips.length === 0) return [];
  return await gitLines(repo, ["rev-list", "--reverse", "--topo-order", ...new Set(tips)]);
}

async function readEntry(objects: Objects, id: string): Promise<Entry> {
  const commit = await objects.commit(id);
  if (commit.signature === undefined) throw new Error("it is not signed");
  const author = sshSigner(Buffer.from(commit.tree, "hex"), "radicle", commit.signature);
  const bytes = await objects.blob(`${id}:0`);
  if (bytes === undefined) throw new Error("it has no action");
  const action = JSON.parse(bytes.toString("utf8")) as Record<string, unknown>;
  const embedded = await objects.read(`${id}:embeds/radicle.json`);
  if (action["type"] !== "revision") return { id, author, action, document: undefined };
  if (embedded === undefined || embedded.id !== action["blob"]) throw new Error("its document is not the one that it names");
  if (!signsBlob(author, embedded.id, action["signature"])) throw new Error(`${author} did not sign its document`);
  return { id, author, action, document: readDocument(embedded.bytes) };
}

function signsBlob(did: string, blob: string, signature: unknown): boolean {
  if (typeof signature !== "string" || !signature.startsWith("z")) return false;
  return isSignedBy(did, Buffer.from(blob, "hex"), decodeBase58(signature.slice(1)));
}

function readDocument(bytes: Buffer): Document {
  const { delegates, threshold } = JSON.parse(bytes.toString("utf8")) as Record<string, unknown>;
  if (!Array.isArray(delegates) || !delegates.every((did) => typeof did === "string") || typeof threshold !== "number")
    throw new Error("its document has no delegates or no threshold");
  return { delegates, threshold };
}

function followRevisions(root: Entry, first: Document, entries: readonly Entry[]): { revisions: readonly Revision[]; document: Document } {
  const accepted = new Set([root.id]);
  const documents = new Map([[root.id, first]]);
  let document = first;
  for (const entry of entries) {
    const parent = entry.action["parent"];
    if (entry.document === undefined || typeof parent !== "string" || !accepted.has(parent)) continue;
    const before = documents.get(parent);
    if (before === undefined || !before.delegates.includes(entry.author)) continue;
    const needed = Math.max(before.threshold, Math.floor(before.delegates.length / 2) + 1);
    const signers = new Set([entry.author]);
    for (const other of entries) {
      const { type, revision, signature } = other.action;
      if (type !== "revision.accept" || revision !== entry.id || !before.delegates.includes(other.author)) continue;
      if (signsBlob(other.author, String(entry.action["blob"]), signature)) signers.add(other.author);
    }
    if (signers.size < needed) continue;
    accepted.add(entry.id);
    documents.set(entry.id, entry.document);
    document = entry.document;
  }
  const revisions = entries.flatMap((entry): Revision[] => {
    if (entry.document === undefined) return [];
    const parent = entry.action["parent"];
    return [
      {
        commit: entry.id,
        author: entry.author,
        document: entry.document,
        parent: typeof parent === "string" ? parent : undefined,
        accepted: accepted.has(entry.id),
      },
    ];
  });
  return { revisions, document };
}

async function readSigrefs(objects: Objects, did: string, tip: string, pin: Pin): Promise<ReadonlyMap<string, string>> {
  const [refs, signature] = [await objects.blob(`${tip}:refs`), await objects.blob(`${tip}:signature`)];
  if (refs === undefined || signature === undefined) throw new Error(`${tip} holds no signed refs`);
  if (!isSignedBy(did, refs, signature)) throw new Error(`${tip} is not signed by its owner`);
  const signed = new Map(
    refs
      .toString("latin1")
      .split("\n")
      .filter((line) => line !== "")
      .map((line): [string, string] => [line.slice(41), line.slice(0, 40)]),
  );
  if (signed.get("refs/rad/root") !== pin.identityRoot) throw new Error(`${tip} is about another repository`);
  return signed;
}

/** The id that git gives to a file with this content. */
export function blobId(content: Uint8Array): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

function nid(did: string): string {
  return did.slice("did:key:".length);
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
