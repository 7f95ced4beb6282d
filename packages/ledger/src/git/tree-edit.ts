// Changes files of a tree; reads and writes only the folders on the way to a change, so the cost does not depend on the tree's size.
import { TriplaneError } from "@triplane/contract";
import type { ObjectReader } from "./object-reader.ts";
import type { ObjectWriter } from "./object-writer.ts";
import type { ObjectId, TreeEntry } from "./objects.ts";

/** Path to blob; undefined removes the file. */
export type FileChanges = ReadonlyMap<string, ObjectId | undefined>;

interface Folder {
  readonly files: Map<string, ObjectId | undefined>;
  readonly folders: Map<string, Folder>;
}

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;

/** Returns the id of the changed tree; its objects are added to the writer. Throws `git_failed` for a path that is not plain. */
export async function editTree(
  reader: ObjectReader,
  writer: ObjectWriter,
  base: ObjectId | undefined,
  changes: FileChanges,
): Promise<ObjectId> {
  const root: Folder = { files: new Map(), folders: new Map() };
  for (const [path, blob] of changes) place(root, assertPath(path).split("/"), blob);
  return (await applyFolder(reader, writer, base, root)) ?? writer.tree([]);
}

/** Segments of letters, digits, dot, dash and underscore that do not begin with a dot or dash. */
export function assertPath(path: string): string {
  if (path.length > 1000 || !path.split("/").every((segment) => SEGMENT.test(segment)))
    throw new TriplaneError("git_failed", `${JSON.stringify(path.slice(0, 200))} is not a path that a governed repository may have`);
  return path;
}

function place(folder: Folder, segments: readonly string[], blob: ObjectId | undefined): void {
  const [name = "", ...rest] = segments;
  if (rest.length === 0) {
    folder.files.set(name, blob);
    return;
  }
  const next = folder.folders.get(name) ?? { files: new Map(), folders: new Map() };
  folder.folders.set(name, next);
  place(next, rest, blob);
}

async function applyFolder(
  reader: ObjectReader,
  writer: ObjectWriter,
  base: ObjectId | undefined,
  change: Folder,
): Promise<ObjectId | undefined> {
  const entries = new Map<string, TreeEntry>();
  if (base !== undefined) for (const entry of await reader.tree(base)) entries.set(entry.name, entry);
  for (const [name, blob] of change.files) {
    if (blob === undefined) entries.delete(name);
    else entries.set(name, { mode: "100644", name, id: blob });
  }
  for (const [name, folder] of change.folders) {
    const before = entries.get(name);
    const id = await applyFolder(reader, writer, before?.mode === "40000" ? before.id : undefined, folder);
    if (id === undefined) entries.delete(name);
    else entries.set(name, { mode: "40000", name, id });
  }
  return entries.size === 0 ? undefined : writer.tree(entries.values());
}
