// Refs as they lie in files (gitrepository-layout(5)): one file each, or a line of `packed-refs`. Read without starting git, which costs more than all the reading.
//
// 1. Loose files before packed ones: git packs a ref before it deletes the file, so nothing is missed.
// 2. Anything that is not an object id in a plain file (a symbolic ref, a link, another format of refs) is left to git: the answer is `undefined`.
import type { Dirent, Stats } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { OBJECT_ID, type ObjectId } from "./objects.ts";

/** Refs below a prefix that ends in a slash, or the one of that name, by name. Undefined where git has to be asked. */
export async function refsInFiles(repoDir: string, prefix: string): Promise<ReadonlyMap<string, ObjectId> | undefined> {
  if ((await infoOf(join(repoDir, "reftable"))) !== undefined) return undefined;
  const loose = await looseRefs(repoDir, prefix);
  const packed = await packedRefs(repoDir);
  if (loose === undefined || packed === undefined) return undefined;
  const isWanted = (name: string): boolean => (prefix.endsWith("/") ? name.startsWith(prefix) : name === prefix);
  const all = new Map([...packed].filter(([name]) => isWanted(name)));
  for (const [name, id] of loose) all.set(name, id);
  return new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Lines of `packed-refs`; undefined where one is none that git writes. */
export async function packedRefs(repoDir: string): Promise<ReadonlyMap<string, ObjectId> | undefined> {
  const text = (await contentOf(join(repoDir, "packed-refs"))) ?? "";
  const refs = new Map<string, ObjectId>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#") || line.startsWith("^")) continue;
    const id = line.slice(0, 40);
    if (!OBJECT_ID.test(id) || line[40] !== " ") return undefined;
    refs.set(line.slice(41), id);
  }
  return refs;
}

async function looseRefs(repoDir: string, prefix: string): Promise<ReadonlyMap<string, ObjectId> | undefined> {
  const refs = new Map<string, ObjectId>();
  const take = async (name: string): Promise<boolean> => {
    const text = await contentOf(join(repoDir, name));
    // Deleted since the folder was read: then it is packed, or gone.
    if (text === undefined) return true;
    const id = text.trimEnd();
    if (OBJECT_ID.test(id)) refs.set(name, id);
    return refs.has(name);
  };
  if (!prefix.endsWith("/")) {
    const info = await infoOf(join(repoDir, prefix));
    if (info === undefined || info.isDirectory()) return refs;
    return info.isFile() && (await take(prefix)) ? refs : undefined;
  }
  const found = await readdir(join(repoDir, prefix), { recursive: true, withFileTypes: true }).catch(noneIfMissing);
  const names = found.filter((each) => !each.isDirectory()).map((each) => ({ each, name: nameOf(repoDir, each) }));
  // What git itself skips: its locks, and what it would call no ref.
  const mine = names.filter(({ name }) => !name.endsWith(".lock") && !name.includes("/."));
  if (mine.some(({ each }) => !each.isFile())) return undefined;
  const taken = await Promise.all(mine.map(({ name }) => take(name)));
  return taken.every(Boolean) ? refs : undefined;
}

function nameOf(repoDir: string, { parentPath, name }: Dirent): string {
  return relative(repoDir, join(parentPath, name));
}

async function contentOf(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR" || cause.code === "EISDIR") return undefined;
    throw cause;
  });
}

async function infoOf(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch(() => undefined);
}

function noneIfMissing(cause: NodeJS.ErrnoException): Dirent[] {
  if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return [];
  throw cause;
}
