// Reads objects of a repository through git and recomputes the id of everything it hands out (batch-session.ts).
import { TriplaneError } from "@triplane/contract";
import { borrowSession } from "./batch-session.ts";
import { type DecodedCommit, decodeCommit, decodeTree, type GitObject, type ObjectId, type ObjectType, type TreeEntry } from "./objects.ts";

// What an id names never changes, and its bytes were hashed when it was read.
const CACHED_TREES = 1024;

export interface ObjectReader {
  /** Throws `git_failed` where the object is missing, damaged, or of another type. */
  read(id: ObjectId, type: ObjectType): Promise<GitObject>;
  has(id: ObjectId): Promise<boolean>;
  blob(id: ObjectId): Promise<Buffer>;
  tree(id: ObjectId): Promise<readonly TreeEntry[]>;
  commit(id: ObjectId): Promise<DecodedCommit>;
  /** The entry at a path below a tree, or undefined. */
  entryAt(tree: ObjectId, path: string): Promise<TreeEntry | undefined>;
  /** The blob at a path below a tree, or undefined where there is no file. */
  fileAt(tree: ObjectId, path: string): Promise<Buffer | undefined>;
  close(): void;
}

export function openObjects(repoDir: string): ObjectReader {
  const { session, giveBack } = borrowSession(repoDir);

  async function read(id: ObjectId, type: ObjectType): Promise<GitObject> {
    const object = await session.ask(id);
    if (object === undefined) throw new TriplaneError("git_failed", `object ${id} is missing`, { details: { object: id } });
    if (object.type !== type)
      throw new TriplaneError("git_failed", `object ${id} is a ${object.type}, not a ${type}`, { details: { object: id } });
    return object;
  }
  const trees = new Map<ObjectId, readonly TreeEntry[]>();
  async function tree(id: ObjectId): Promise<readonly TreeEntry[]> {
    const known = trees.get(id);
    if (known !== undefined) return known;
    const entries = decodeTree((await read(id, "tree")).body);
    const [oldest] = trees.keys();
    if (trees.size >= CACHED_TREES && oldest !== undefined) trees.delete(oldest);
    trees.set(id, entries);
    return entries;
  }
  async function entryAt(root: ObjectId, path: string): Promise<TreeEntry | undefined> {
    let entry: TreeEntry = { mode: "40000", name: "", id: root };
    for (const name of path.split("/")) {
      if (entry.mode !== "40000") return undefined;
      const next = (await tree(entry.id)).find((candidate) => candidate.name === name);
      if (next === undefined) return undefined;
      entry = next;
    }
    return entry;
  }
  return {
    read,
    tree,
    entryAt,
    has: async (id) => (await session.ask(id)) !== undefined,
    blob: async (id) => (await read(id, "blob")).body,
    commit: async (id) => decodeCommit((await read(id, "commit")).body),
    async fileAt(root, path) {
      const entry = await entryAt(root, path);
      if (entry === undefined || entry.mode !== "100644") return undefined;
      return (await read(entry.id, "blob")).body;
    },
    close: giveBack,
  };
}
