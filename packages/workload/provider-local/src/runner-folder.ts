// The folder of all runners: one for each, by name. What half-made and half-removed ones left is swept.
//
// 1. A runner's folder appears with its record in it, by one rename, and goes by one rename: it is never there in part.
// 2. `.new-<pid>-…` belongs to a process; `.trash-…` to nobody.
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ensurePrivateFolder, isErrno, syncFolder } from "@triplane/kit";
import { type RunnerRecord, readRecord } from "./runner-record.ts";

const ABANDONED_AFTER_MS = 3600_000;

export interface KnownRunner {
  readonly folder: string;
  readonly record: RunnerRecord;
}

export class RunnerFolders {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  of(name: string): string {
    return join(this.folder, name);
  }

  /** A folder to prepare a runner in. */
  async begin(): Promise<string> {
    await ensurePrivateFolder(this.folder);
    const folder = join(this.folder, `.new-${process.pid}-${randomBytes(6).toString("hex")}`);
    await mkdir(folder, { mode: 0o700 });
    return folder;
  }

  /** Makes what was prepared the runner of that name; false where the name is taken. On disk when it returns. */
  async commit(prepared: string, name: string): Promise<boolean> {
    try {
      await rename(prepared, this.of(name));
    } catch (error) {
      if (isErrno(error, "ENOTEMPTY") || isErrno(error, "EEXIST")) return false;
      throw error;
    }
    await syncFolder(this.folder);
    return true;
  }

  /** Removes it. Nothing of the runner may run any more. */
  async remove(name: string): Promise<void> {
    const trash = join(this.folder, `.trash-${randomBytes(6).toString("hex")}`);
    try {
      await rename(this.of(name), trash);
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
    }
    await syncFolder(this.folder);
    await rm(trash, { recursive: true, force: true });
  }

  async get(name: string): Promise<KnownRunner | undefined> {
    const record = await readRecord(this.of(name));
    return record === undefined ? undefined : { folder: this.of(name), record };
  }

  async all(): Promise<readonly KnownRunner[]> {
    const names = (await this.#names()).filter((name) => !name.startsWith("."));
    const runners = await Promise.all(names.map((name) => this.get(name)));
    return runners.filter((runner) => runner !== undefined);
  }

  /** Removes what processes that died left. */
  async sweep(): Promise<void> {
    for (const name of await this.#names()) {
      const owner = /^\.new-(\d+)-/.exec(name)?.[1];
      const path = join(this.folder, name);
      if (name.startsWith(".trash-") || (owner !== undefined && (await isAbandoned(path, Number(owner))))) {
        await rm(path, { recursive: true, force: true });
      }
    }
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.folder);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return [];
      throw error;
    }
  }
}

async function isAbandoned(path: string, owner: number): Promise<boolean> {
  try {
    process.kill(owner, 0);
  } catch (error) {
    return isErrno(error, "ESRCH");
  }
  // Somebody has that number; after an hour it is somebody else.
  return await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > ABANDONED_AFTER_MS,
    () => false,
  );
}
