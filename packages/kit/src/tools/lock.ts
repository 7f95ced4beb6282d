// Keeps two installers from doing the same work at once.
//
// A lock file whose holder touches it every few seconds; one that was not touched for long belongs to a dead process and is taken over.
// It only saves work: an installer fills a folder of its own and renames it, so that two of them would not hurt each other.
import { mkdir, open, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno } from "../files.ts";
import { sleep } from "../sleep.ts";

export interface LockTimes {
  readonly touchMs: number;
  readonly staleMs: number;
  readonly pollMs: number;
  /** Longest wait for another holder. */
  readonly deadlineMs: number;
}

export const INSTALL_LOCK: LockTimes = { touchMs: 5_000, staleMs: 30_000, pollMs: 250, deadlineMs: 45 * 60_000 };

/** Runs `work` while holding the lock. Throws `unavailable` if another process holds it past the deadline. */
export async function withLock<T>(path: string, times: LockTimes, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const deadline = Date.now() + times.deadlineMs;
  while (!(await tryLock(path, times))) {
    if (Date.now() > deadline) throw new TriplaneError("unavailable", `another process holds ${path}`);
    await sleep(times.pollMs);
  }
  const touching = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, times.touchMs);
  try {
    return await work();
  } finally {
    clearInterval(touching);
    await rm(path, { force: true });
  }
}

async function tryLock(path: string, times: LockTimes): Promise<boolean> {
  try {
    await (await open(path, "wx", 0o600)).close();
    return true;
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
  const touched = await stat(path).catch(() => undefined);
  if (touched !== undefined && Date.now() - touched.mtimeMs > times.staleMs) await rm(path, { force: true });
  return false;
}
