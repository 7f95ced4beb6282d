// Refs: listing, and changing several with the old values as a condition, synced with their directories.
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { OBJECT_ID, type ObjectId, ZERO_ID } from "./objects.ts";
import { runGit } from "./process.ts";

/** Refs below a prefix, full names, as git has them now. Nothing here is signed. */
export async function listRefs(repoDir: string, prefix: string): Promise<ReadonlyMap<string, ObjectId>> {
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

/** One transaction; on disk, directories included, when it returns. Throws `git_failed` if an old value differs. */
export async function updateRefs(repoDir: string, updates: readonly RefUpdate[]): Promise<void> {
  const changes = updates.filter((update) => update.old !== update.value);
  if (changes.length === 0) return;
  const lines = changes.map((update) => {
    if (!OBJECT_ID.test(update.value)) throw new TriplaneError("git_failed", `${JSON.stringify(update.value)} is not an object id`);
    return `update ${assertRefName(update.name)} ${update.value} ${update.old ?? ZERO_ID}\n`;
  });
  await runGit(repoDir, ["update-ref", "--no-deref", "--stdin"], { stdin: `start\n${lines.join("")}commit\n` });
  await syncRefDirectories(repoDir, changes);
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
