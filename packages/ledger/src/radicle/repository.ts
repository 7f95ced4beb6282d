// Creates and advances governed repositories in Radicle's storage layout, with nothing but git.
import { mkdir, rm, stat } from "node:fs/promises";
import { type Clock, type Did, nowSeconds, type Signer, TriplaneError } from "@triplane/contract";
import {
  createObjectWriter,
  editTree,
  listRefs,
  type ObjectId,
  objectId,
  openObjects,
  type RefUpdate,
  runGit,
  updateRefs,
} from "../git/index.ts";
import { encodeDocument, type IdentityDocument, revisionQuorum } from "./identity-doc.ts";
import { readEntry, writeAcceptance, writeRevision } from "./identity-entry.ts";
import { namespaced, nidOfDid, refs, repositoryDir, ridOfBlob } from "./layout.ts";
import { writeSignedCommit } from "./signed-commit.ts";
import { readSigrefs, type SignedRefs, writeSigrefs } from "./sigrefs.ts";

export interface NewRepository {
  readonly storageDir: string;
  /** Letters, digits, dot, dash, underscore. */
  readonly name: string;
  readonly description: string;
  /** Signs the first document; the RID depends on founder, name, description and branch. */
  readonly founder: Signer;
  /** All delegates; the founder is one whether listed or not. */
  readonly delegates: readonly Signer[];
  readonly threshold: number;
  readonly branch?: string;
  readonly clock: Clock;
}

const FOUNDER = "founder";

export interface CreatedRepository {
  readonly rid: string;
  readonly identityRoot: ObjectId;
  readonly repoDir: string;
}

/** Throws `identity_invalid` for a document that is not sound, `git_failed` where the repository exists. */
export async function createRepository(spec: NewRepository): Promise<CreatedRepository> {
  const defaultBranch = spec.branch ?? "main";
  const timeS = nowSeconds(spec.clock);
  const keys = [spec.founder, ...spec.delegates.filter((key) => key.did !== spec.founder.did)];
  const first: IdentityDocument = {
    delegates: [spec.founder.did],
    threshold: 1,
    name: spec.name,
    description: spec.description,
    defaultBranch,
  };
  const final: IdentityDocument = { ...first, delegates: keys.map((key) => key.did), threshold: spec.threshold };
  encodeDocument(final);
  const rid = ridOfBlob(objectId("blob", Buffer.from(encodeDocument(first))));
  const repoDir = repositoryDir(spec.storageDir, rid);
  await mkdir(spec.storageDir, { recursive: true });
  if (await exists(repoDir)) throw new TriplaneError("git_failed", `${repoDir} exists already`);
  try {
    await runGit(repoDir, ["init", "--quiet", "--bare", "--template=", `--initial-branch=${defaultBranch}`]);
    // As whom `rad` writes entries here: it finds no other name where it works on this storage.
    await runGit(repoDir, ["config", "user.name", FOUNDER]);
    await runGit(repoDir, ["config", "user.email", `${FOUNDER}@${nidOfDid(spec.founder.did)}`]);
    const objects = createObjectWriter(repoDir);
    const author = { key: spec.founder, alias: FOUNDER, timeS };
    const identityRoot = await writeRevision(objects, author, first, { title: "Initial revision", description: "" }, undefined);
    const changed = keys.length > 1 || spec.threshold !== 1;
    const text = { title: "Name the delegates", description: `${spec.threshold} of ${keys.length}` };
    const tip = changed ? await writeRevision(objects, author, final, text, identityRoot) : identityRoot;
    const updates: RefUpdate[] = [{ name: refs.identityHead, value: tip, old: undefined }];
    for (const key of keys) {
      const current = new Map([
        [refs.identityObject(identityRoot), tip],
        [refs.identityHead, tip],
        [refs.identityRoot, identityRoot],
      ]);
      updates.push(...namespaceUpdates(key, current, undefined, await writeSigrefs(objects, key, current, undefined, timeS), undefined));
    }
    await objects.flush();
    await updateRefs(repoDir, updates);
    return { rid, identityRoot, repoDir };
  } catch (cause) {
    await rm(repoDir, { recursive: true, force: true });
    throw cause;
  }
}

export interface NewCommit {
  /** Folder of the repository. */
  readonly repo: string;
  readonly key: Signer;
  readonly parent: ObjectId | undefined;
  /** Path to content, laid over the parent's files; undefined removes a file. */
  readonly files: Readonly<Record<string, string | Uint8Array | undefined>>;
  readonly message: string;
  /** Seconds since 1970. */
  readonly timeS: number;
  readonly author?: string;
}

/** Stores a signed commit and returns its id. No ref moves: that is `pushHead`. */
export async function commitFiles(spec: NewCommit): Promise<ObjectId> {
  const reader = openObjects(spec.repo);
  const objects = createObjectWriter(spec.repo);
  try {
    const changes = new Map<string, ObjectId | undefined>();
    for (const [path, content] of Object.entries(spec.files)) changes.set(path, content === undefined ? undefined : objects.blob(content));
    const base = spec.parent === undefined ? undefined : (await reader.commit(spec.parent)).tree;
    const tree = await editTree(reader, objects, base, changes);
    const message = spec.message.endsWith("\n") ? spec.message : `${spec.message}\n`;
    const parents = spec.parent === undefined ? [] : [spec.parent];
    const author = spec.author ?? "triplane";
    const commit = await writeSignedCommit(objects, { tree, parents, message, author, timeS: spec.timeS }, spec.key);
    await objects.flush();
    return commit;
  } finally {
    reader.close();
  }
}

export interface HeadMove {
  readonly repo: string;
  readonly key: Signer;
  readonly branch: string;
  readonly commit: ObjectId;
  readonly clock: Clock;
}

/** Moves the key's own head and signs its refs again: the delegate's vote for the commit and all before it. */
export async function pushHead(move: HeadMove): Promise<void> {
  await signRefs(move, (current) => new Map([...current, [refs.head(move.branch), move.commit]]));
}

export interface Revision {
  readonly repo: string;
  /** The entry that is in force now. */
  readonly parent: ObjectId;
  readonly doc: IdentityDocument;
  readonly author: Signer;
  /** Delegates who accept it besides the author. */
  readonly acceptedBy: readonly Signer[];
  readonly clock: Clock;
}

/**
 * Proposes a new identity document and has it accepted. Returns the revision's id. Whether it is in force is the reader's count; where
 * the signatures are enough, the top-level `refs/rad/id` follows, which is where a node that clones begins.
 */
export async function reviseIdentity(revision: Revision): Promise<ObjectId> {
  const timeS = nowSeconds(revision.clock);
  const objects = createObjectWriter(revision.repo);
  const author = { key: revision.author, alias: "delegate", timeS };
  const id = await writeRevision(objects, author, revision.doc, { title: "Change the delegates", description: "" }, revision.parent);
  const blob = objectId("blob", Buffer.from(encodeDocument(revision.doc)));
  let tip = id;
  for (const key of revision.acceptedBy) tip = await writeAcceptance(objects, { ...author, key }, id, blob, tip);
  await objects.flush();
  for (const key of [revision.author, ...revision.acceptedBy]) {
    await signRefs({ repo: revision.repo, key, clock: revision.clock }, (current) => {
      const root = current.get(refs.identityRoot) ?? "";
      return new Map([...current, [refs.identityObject(root), tip], [refs.identityHead, id]]);
    });
  }
  const signers = new Set([revision.author.did, ...revision.acceptedBy.map(({ did }) => did)]);
  if (await sufficesToReplace(revision.repo, revision.parent, signers)) await setCanonicalIdentity(revision.repo, id);
  return id;
}

/** Whether these signers are enough to replace the document of a revision. */
async function sufficesToReplace(repo: string, revision: ObjectId, signers: ReadonlySet<Did>): Promise<boolean> {
  const reader = openObjects(repo);
  try {
    const [action] = (await readEntry(reader, revision)).actions;
    if (action?.type !== "revision") return false;
    return action.doc.delegates.filter((delegate) => signers.has(delegate)).length >= revisionQuorum(action.doc);
  } finally {
    reader.close();
  }
}

/** Changes what a key has signed before; never signs a ref only because somebody left it in the namespace. */
export async function signRefs(
  target: { readonly repo: string; readonly key: Signer; readonly clock: Clock },
  change: (current: SignedRefs) => SignedRefs,
): Promise<void> {
  const nid = nidOfDid(target.key.did);
  const loose = await listRefs(target.repo, refs.namespace(nid));
  const tip = loose.get(namespaced(nid, refs.sigrefs));
  const root = loose.get(namespaced(nid, refs.identityRoot));
  if (tip === undefined || root === undefined)
    throw new TriplaneError("delegates_invalid", `${target.key.did} has no namespace in ${target.repo}: it is no delegate there`);
  const reader = openObjects(target.repo);
  try {
    const before = await readSigrefs(reader, target.key.did, tip, root);
    const after = change(before.refs);
    const objects = createObjectWriter(target.repo);
    const next = await writeSigrefs(objects, target.key, after, tip, nowSeconds(target.clock));
    await objects.flush();
    await updateRefs(target.repo, namespaceUpdates(target.key, after, loose, next, tip));
  } finally {
    reader.close();
  }
}

function namespaceUpdates(
  key: Signer,
  current: SignedRefs,
  loose: ReadonlyMap<string, ObjectId> | undefined,
  sigrefs: ObjectId,
  oldSigrefs: ObjectId | undefined,
): RefUpdate[] {
  const nid = nidOfDid(key.did);
  const updates = [...current].map(([ref, value]) => {
    const name = namespaced(nid, ref);
    return { name, value, old: loose?.get(name) };
  });
  return [...updates, { name: namespaced(nid, refs.sigrefs), value: sigrefs, old: oldSigrefs }];
}

/** Points the top-level refs at a head, for `git clone` and for people. No reader of ours believes them. */
export async function setCanonicalRefs(repo: string, branch: string, commit: ObjectId): Promise<void> {
  const name = refs.head(branch);
  const old = (await listRefs(repo, name)).get(name);
  await updateRefs(repo, [{ name, value: commit, old }]);
}

/** Points the top-level `refs/rad/id` at a revision: what `rad` shows, and where a node that clones begins. No reader of ours believes it. */
export async function setCanonicalIdentity(repo: string, revision: ObjectId): Promise<void> {
  const old = (await listRefs(repo, refs.identityHead)).get(refs.identityHead);
  await updateRefs(repo, [{ name: refs.identityHead, value: revision, old }]);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
