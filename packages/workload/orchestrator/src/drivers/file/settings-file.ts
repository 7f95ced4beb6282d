// The file of an instance: what it holds, and how it is replaced as a whole.
//
// 1. A reader finds the old file or the new one, never a part.
// 2. Nothing here is synced: the record is, and the next start brings every file back to it.
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { canonicalJson, type Digest, digestOf } from "@triplane/contract";
import { isErrno } from "@triplane/kit";
import type { InstanceState } from "../../model.ts";

export interface FileContent {
  readonly text: string;
  readonly digest: Digest;
}

/** The settings with the instance that they are of, and the op that last wanted them. */
export function contentOf(target: string, state: InstanceState): FileContent {
  const { component, version, generation, settings } = state;
  const text = `${canonicalJson({ component, generation, instance: target, settings, version })}\n`;
  return { text, digest: digestOf(text) };
}

/** Digest of what is there, or undefined if nothing is. */
export function presentDigest(path: string): Digest | undefined {
  try {
    return digestOf(readFileSync(path));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

export const TEMPORARY = /^\..+\.tmp$/;

// Writing ends in the page cache and is not worth a trip to another thread; a rename is, because it may have to wait for the disk.
export async function replaceFile(folder: string, name: string, text: string): Promise<void> {
  const temporary = join(folder, `.${name}.tmp`);
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true, recursive: true });
    throw error;
  }
}

export async function setAside(path: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  await rename(path, to);
}
