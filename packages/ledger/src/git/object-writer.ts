// Collects new objects in memory and stores them as one pack: one git process and one sync per batch, however many objects.
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import type { GitObject, ObjectId, ObjectType } from "./objects.ts";
import { type CommitFields, encodeCommit, encodeTree, makeObject, type TreeEntry } from "./objects.ts";
import { runGit } from "./process.ts";
import { syncDirectory } from "./refs.ts";

export interface ObjectWriter {
  blob(body: Uint8Array | string): ObjectId;
  tree(entries: Iterable<TreeEntry>): ObjectId;
  commit(fields: CommitFields): ObjectId;
  /** An object that was added and is not stored yet. */
  pending(id: ObjectId): GitObject | undefined;
  /** Stores everything that was added; on disk when it returns. Objects without a ref are harmless. */
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
      await runGit(repoDir, ["index-pack", "--stdin"], { stdin: encodePack(batch) });
      await syncDirectory(`${repoDir}/objects/pack`);
      objects = new Map();
    },
  };
}

const TYPE_NUMBER: Readonly<Record<ObjectType, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };

/** A pack of whole objects (gitformat-pack(5)). */
export function encodePack(objects: readonly GitObject[]): Buffer {
  const header = Buffer.alloc(12);
  header.write("PACK", "latin1");
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(objects.length, 8);
  const parts: Buffer[] = [header];
  for (const object of objects) parts.push(entryHeader(object), deflateSync(object.body));
  const body = Buffer.concat(parts);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

function entryHeader(object: GitObject): Buffer {
  let size = object.body.length;
  const bytes = [(TYPE_NUMBER[object.type] << 4) | (size & 0x0f)];
  size = Math.floor(size / 16);
  while (size > 0) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(size & 0x7f);
    size = Math.floor(size / 128);
  }
  return Buffer.from(bytes);
}
