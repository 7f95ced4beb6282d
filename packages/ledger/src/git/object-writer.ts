// Collects new objects in memory and stores them as one pack: one sync of each file per batch, however many objects.
//
// The files are written here and not by a git process: starting one costs more than a batch does, and it would unpack, hash and sync
// what was hashed a moment before.
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import type { GitObject, ObjectId, ObjectType } from "./objects.ts";
import { type CommitFields, encodeCommit, encodeTree, makeObject, type TreeEntry } from "./objects.ts";
import { encodePack, MAX_PACK_BYTES } from "./pack.ts";
import { syncDirectory } from "./refs.ts";

export interface ObjectWriter {
  blob(body: Uint8Array | string): ObjectId;
  tree(entries: Iterable<TreeEntry>): ObjectId;
  commit(fields: CommitFields): ObjectId;
  /** An object that was added and is not stored yet. */
  pending(id: ObjectId): GitObject | undefined;
  /** Stores everything that was added; on disk when it returns. Objects without a ref are harmless. Throws `git_failed`. */
  flush(): Promise<void>;
}

export function createObjectWriter(repoDir: string): ObjectWriter {
  let objects = new Map<ObjectId, GitObject>();
  const add = (type: ObjectType, body: Uint8Array | string): ObjectId => {
    const object = makeObject(type, body);
    objects.set(object.id, object);
    return object.id;
  };
  return {
    blob: (body) => add("blob", body),
    tree: (entries) => add("tree", encodeTree(entries)),
    commit: (fields) => add("commit", encodeCommit(fields)),
    pending: (id) => objects.get(id),
    async flush() {
      const batch = [...objects.values()];
      if (batch.length === 0) return;
      await storePack(join(repoDir, "objects", "pack"), batch);
      objects = new Map();
    },
  };
}

/** git sees a pack by its index, so the index comes last: a torn write is a file that nobody looks at. */
async function storePack(folder: string, objects: readonly GitObject[]): Promise<void> {
  const { pack, index, checksum } = await encodePack(objects);
  if (pack.length >= MAX_PACK_BYTES) throw new TriplaneError("git_failed", `a pack of ${pack.length} bytes is too large`);
  const path = join(folder, `pack-${checksum}`);
  try {
    await storeFile(`${path}.pack`, pack);
    await storeFile(`${path}.idx`, index);
    await syncDirectory(folder);
  } catch (cause) {
    throw new TriplaneError("git_failed", `the pack ${path} could not be stored: ${cause instanceof Error ? cause.message : "unknown"}`, {
      cause,
    });
  }
}

/** Synced under another name first. The same content under the same name twice is one file. */
async function storeFile(path: string, content: Buffer): Promise<void> {
  const temporary = join(path, "..", `tmp_triplane_${process.pid}_${path.slice(-12)}`);
  try {
    const file = await open(temporary, "w", 0o444);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}
