// One writer per repository: a lock that the system lets go when its process ends, however it ends.
//
// SQLite's exclusive lock on an empty database stands in for a file lock, which Node does not offer: nothing is ever stale.
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { TriplaneError } from "@triplane/contract";

const LOCK_NAME = "triplane-writer.lock";
const SQLITE_BUSY = 5;

export interface WriterLock {
  release(): Promise<void>;
}

/** Throws `ledger_locked` while another process (or another writer of this one) holds the lock. */
export async function lockRepository(repoDir: string): Promise<WriterLock> {
  const path = join(repoDir, LOCK_NAME);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    if (!(cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY))
      throw new TriplaneError("git_failed", `the lock ${path} cannot be taken`, { cause });
    const pid = (await readFile(`${path}.holder`, "utf8").catch(() => "another")).trim();
    throw new TriplaneError("ledger_locked", `process ${pid} writes ${repoDir}`);
  }
  await writeFile(`${path}.holder`, `${process.pid}\n`, { mode: 0o600 });
  return { release: async () => database.close() };
}

const GIT_LOCK_PATIENCE_MS = 3000;
const GIT_LOCK_POLL_MS = 50;

/**
 * Removes lock files that a killed git left beside refs. Call only while holding the writer's lock. A git that outlives
 * its killed parent gets a moment to end by itself.
 */
export async function clearStaleRefLocks(repoDir: string, refNames: readonly string[]): Promise<void> {
  const locks = [...refNames, "packed-refs"].map((name) => join(repoDir, `${name}.lock`));
  for (let waitedMs = 0; waitedMs < GIT_LOCK_PATIENCE_MS; waitedMs += GIT_LOCK_POLL_MS) {
    const present = await Promise.all(locks.map(exists));
    if (!present.includes(true)) return;
    await delay(GIT_LOCK_POLL_MS);
  }
  for (const lock of locks) await rm(lock, { force: true });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
