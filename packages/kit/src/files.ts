// Files that survive a crash, and files that hold secrets.
//
// 1. A file is either its old or its new content, never a part: temporary file, fsync, rename, fsync of the folder.
// 2. Files are created with mode 0600 unless the caller says otherwise, private folders with 0700.
import { chmod, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { systemRandom } from "./clock.ts";

export interface WriteOptions {
  /** Permission bits of the new file. */
  readonly mode?: number;
}

/** Replaces the content of `path` durably; returns when it is on disk. */
export async function atomicWriteFile(path: string, content: Uint8Array | string, options: WriteOptions = {}): Promise<void> {
  const mode = options.mode ?? 0o600;
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${Buffer.from(systemRandom.bytes(6)).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(content);
      await file.chmod(mode); // the umask may have taken bits away
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Makes a rename or a creation inside `folder` durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates a folder that only its owner may enter, with its parents; tightens one that exists. */
export async function ensurePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(path, 0o700);
}

/** Reads a file that holds a secret. Throws `config_invalid` if group or others may read it, or if it cannot be read. */
export async function readSecretFile(path: string): Promise<string> {
  try {
    const file = await open(path, "r");
    try {
      const { mode } = await file.stat();
      if ((mode & 0o077) !== 0) {
        throw new TriplaneError("config_invalid", `${path} holds a secret and others may read it (mode ${(mode & 0o777).toString(8)})`, {
          hint: `chmod 600 ${path}`,
        });
      }
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof TriplaneError) throw error;
    throw new TriplaneError("config_invalid", `${path} cannot be read: ${reason(error)}`, { cause: error });
  }
}

/** The text of a file, or undefined if there is none. */
export async function readFileIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** The names in a folder, or none if there is no folder. */
export async function namesIfThere(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

/** Whether something thrown is the system error of that name. */
export function isErrno(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}

function reason(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
