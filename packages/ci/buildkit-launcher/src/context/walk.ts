// Walks a build context and says which paths are part of it: parents before what is in them, names as bytes.
//
// 1. Nothing outside the folder is read: symbolic links are taken as links, also where they lead to folders.
// 2. Sockets are left out: they hold nothing. Names are bytes; what is no UTF-8 is matched with replacement characters, as Go does.
// 3. It is a stream: a tree of a million files is never held as a whole.
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { TriplaneError } from "@triplane/contract";
import { isErrno } from "@triplane/kit/options";
import type { FolderState, IgnoreRules } from "./ignore-rules.ts";

export interface ContextEntry {
  /** From the root of the context, with `/`, without one in front. */
  readonly path: Buffer;
  readonly kind: "file" | "folder" | "link" | "other";
}

type Entry = Dirent<Buffer>;

interface Folder {
  readonly path: Buffer;
  readonly state: FolderState | undefined;
  /** Left out itself, and not yet given because of something inside. */
  pending: boolean;
  readonly parent: Folder | undefined;
}

const SLASH = Buffer.from("/");

/** Throws `context_invalid` where a folder of the context cannot be read. */
export async function* walkContext(root: string, rules: IgnoreRules): AsyncGenerator<ContextEntry> {
  yield* walkFolder(Buffer.from(root), { path: Buffer.alloc(0), state: undefined, pending: false, parent: undefined }, rules);
}

async function* walkFolder(root: Buffer, folder: Folder, rules: IgnoreRules): AsyncGenerator<ContextEntry> {
  for (const entry of await entriesOf(root, folder)) {
    const path = folder.path.length === 0 ? entry.name : Buffer.concat([folder.path, SLASH, entry.name]);
    const text = path.toString("utf8");
    const { ignored, state } = rules.judge(text, folder.state);
    const isFolder = entry.isDirectory();
    if (ignored && !(isFolder && rules.mayBringBack(text))) continue;
    if (!ignored) {
      if (entry.isSocket()) continue;
      yield* pendingParents(folder);
      yield { path, kind: isFolder ? "folder" : entry.isFile() ? "file" : entry.isSymbolicLink() ? "link" : "other" };
    }
    if (isFolder) yield* walkFolder(root, { path, state, pending: ignored, parent: folder }, rules);
  }
}

function* pendingParents(folder: Folder): Generator<ContextEntry> {
  if (folder.parent !== undefined) yield* pendingParents(folder.parent);
  if (!folder.pending) return;
  folder.pending = false;
  yield { path: folder.path, kind: "folder" };
}

async function entriesOf(root: Buffer, folder: Folder): Promise<readonly Entry[]> {
  const place = folder.path.length === 0 ? root : Buffer.concat([root, SLASH, folder.path]);
  try {
    const entries: Entry[] = await readdir(place, { withFileTypes: true, encoding: "buffer" });
    return entries.sort((a, b) => Buffer.compare(a.name, b.name));
  } catch (cause) {
    // What went away while it was walked is not part of the context; what is left out need not be readable.
    if (isErrno(cause, "ENOENT") && folder.path.length > 0) return [];
    if (isErrno(cause, "EACCES") && folder.pending) return [];
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TriplaneError("context_invalid", `the build context cannot be read: ${why}`, { cause });
  }
}
