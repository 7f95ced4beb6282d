// The files of a governed repository: at a commit, and in the folder where somebody prepares a change.
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, isErrno } from "@triplane/kit";
import { readTreeFiles } from "@triplane/ledger";
import type { Files } from "./difference.ts";

const MAX_BYTES = 4 * 1024 * 1024;
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;

/** None where there is no commit. */
export async function filesAt(repoDir: string, commit: string | undefined): Promise<Files> {
  return commit === undefined ? new Map() : await readTreeFiles(repoDir, commit, { maxBytes: MAX_BYTES });
}

/** The .ncl files of a folder, by name. Throws `usage` where there is no folder, or none in it. */
export async function filesIn(folder: string): Promise<Files> {
  const files = new Map<string, string>();
  for (const name of (await namesIn(folder)).sort()) {
    if (name.endsWith(".ncl") && FILE_NAME.test(name)) files.set(name, await readFile(join(folder, name), "utf8"));
  }
  if (files.size === 0) throw new TriplaneError("usage", `${folder} holds no .ncl files`);
  return files;
}

/**
 * The files that a proposal from a folder has: the folder's, and of those that are approved what a folder does not speak for, which is
 * everything that is no .ncl file, and the files named in `kept`.
 */
export function laidOver(approved: Files, folder: Files, kept: readonly string[]): Files {
  const result = new Map(folder);
  for (const [path, text] of approved) {
    const isSpokenFor = path.endsWith(".ncl") && !path.includes("/") && !kept.includes(path);
    if (!result.has(path) && !isSpokenFor) result.set(path, text);
  }
  return result;
}

/** Writes files into a folder that is empty or does not exist. Throws `usage` where it is not, or where a name is no plain path. */
export async function writeFiles(folder: string, files: Files): Promise<void> {
  const there = await namesIn(folder).catch((error: unknown) => {
    if (error instanceof TriplaneError && error.code === "usage") return [];
    throw error;
  });
  if (there.length > 0)
    throw new TriplaneError("usage", `${folder} is not empty`, { hint: "Choose a folder that is empty or not there yet." });
  for (const path of files.keys()) {
    if (!path.split("/").every((part) => FILE_NAME.test(part)))
      throw new TriplaneError(
        "usage",
        `the approved files have one called ${JSON.stringify(path.slice(0, 200))}, which is not written to a disk`,
      );
  }
  for (const [path, text] of files) {
    const parts = path.split("/");
    await mkdir(join(folder, ...parts.slice(0, -1)), { recursive: true });
    await atomicWriteFile(join(folder, ...parts), text, { mode: 0o644 });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) throw new TriplaneError("usage", `${folder} is no folder`, { cause });
    throw cause;
  }
}
