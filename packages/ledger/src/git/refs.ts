// Refs: listing, and changing several with the old values as a condition, synced with their directories.
//
// Files as git writes them (gitrepository-layout(5)), under the locks that git takes, so that both can work on one repository.
import { type FileHandle, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { OBJECT_ID, type ObjectId } from "./objects.ts";
import { runGit } from "./process.ts";
import { packedRefs, refsInFiles } from "./ref-files.ts";

/** Refs below a prefix that ends in a slash, or the one of that name: full names, in order, as git has them now. Nothing here is signed. */
export async function listRefs(repoDir: string, prefix: string): Promise<ReadonlyMap<string, ObjectId>> {
  const inFiles = await refsInFiles(repoDir, prefix);
  if (inFiles !== undefined) return inFiles;
  const output = await runGit(repoDir, ["for-each-ref", "--format=%(objectname) %(refname)", prefix]);
  const refs = new Map<string, ObjectId>();
  for (const line of output.toString("utf8").split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) refs.set(line.slice(space + 1), line.slice(0, space));
  }
  return refs;
}

export interface RefUpdate {
  readonly name: string;
  readonly value: ObjectId;
  /** What it must be now; undefined = must not exist. */
  readonly old: ObjectId | undefined;
}

const REF_NAME = /^refs\/[A-Za-z0-9][A-Za-z0-9._/-]*$/;

/** Throws `git_failed` for a name that git or we would not take. */
export function assertRefName(name: string): string {
  if (
    !REF_NAME.test(name) ||
    name.includes("..") ||
    name.includes("//") ||
    name.endsWith("/") ||
    name.endsWith(".lock") ||
    name.includes("/.")
  )
    throw new TriplaneError("git_failed", `${JSON.stringify(name.slice(0, 100))} is not a ref name`);
  return name;
}

/**
 * All old values are compared, under locks, before the first new one is there; they are set in the order given. On disk, directories
 * included, when it returns. Throws `git_failed` if an old value differs.
 */
export async function updateRefs(repoDir: string, updates: readonly RefUpdate[]): Promise<void> {
  const changes = updates.filter((update) => update.old !== update.value);
  if (changes.length === 0) return;
  for (const { name, value } of changes) {
    assertRefName(name);
    if (!OBJECT_ID.test(value)) throw new TriplaneError("git_failed", `${JSON.stringify(value)} is not an object id`);
  }
  const locks: RefLock[] = [];
  try {
    for (const { name } of changes) locks.push(await lockRef(repoDir, name));
    const packed = await packedRefs(repoDir);
    if (packed === undefined) throw new TriplaneError("git_failed", "packed-refs is not a file that git wrote");
    for (const { name, old } of changes) {
      const now = (await looseRef(repoDir, name)) ?? packed.get(name);
      if (now !== old) throw new TriplaneError("git_failed", `${name} is ${now ?? "not there"}, expected was ${old ?? "nothing"}`);
    }
    for (const [at, { value }] of changes.entries()) await locks[at]?.write(value);
    for (const lock of locks) await lock.commit();
  } catch (cause) {
    if (cause instanceof TriplaneError) throw cause;
    throw new TriplaneError("git_failed", `refs could not be set: ${cause instanceof Error ? cause.message : "unknown"}`, { cause });
  } finally {
    for (const lock of locks) await lock.release();
  }
  await syncRefDirectories(repoDir, changes);
}

interface RefLock {
  write(value: ObjectId): Promise<void>;
  commit(): Promise<void>;
  /** After `commit` nothing. */
  release(): Promise<void>;
}

async function lockRef(repoDir: string, name: string): Promise<RefLock> {
  const path = join(repoDir, name);
  const lock = `${path}.lock`;
  await mkdir(dirname(path), { recursive: true });
  let file: FileHandle | undefined;
  try {
    file = await open(lock, "wx", 0o644);
  } catch (cause) {
    throw new TriplaneError("git_failed", `${name} is locked by another process`, { cause });
  }
  let isOurs = true;
  return {
    async write(value) {
      await file?.writeFile(`${value}\n`);
      await file?.sync();
    },
    async commit() {
      await rename(lock, path);
      isOurs = false;
    },
    async release() {
      await file?.close();
      file = undefined;
      if (isOurs) await rm(lock, { force: true });
    },
  };
}

async function looseRef(repoDir: string, name: string): Promise<ObjectId | undefined> {
  const text = await readFile(join(repoDir, name), "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw cause;
  });
  if (text === undefined) return undefined;
  const value = text.trimEnd();
  if (!OBJECT_ID.test(value)) throw new TriplaneError("git_failed", `${name} does not hold an object id`);
  return value;
}

/** core.fsync syncs a ref's file, not the directory that names it. */
async function syncRefDirectories(repoDir: string, updates: readonly RefUpdate[]): Promise<void> {
  const folders = new Set<string>();
  for (const update of updates) {
    for (let folder = dirname(update.name); folder !== "."; folder = dirname(folder)) folders.add(folder);
  }
  for (const folder of [...folders].sort((a, b) => b.length - a.length)) await syncDirectory(join(repoDir, folder));
}

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
