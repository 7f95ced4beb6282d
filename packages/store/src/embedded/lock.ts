// One process has a store open. RocksDB's own lock is the last word; this one only comes first and speaks plainly.
import { TriplaneError } from "@triplane/contract";
import { type ProcessLock, tryProcessLock } from "@triplane/kit";

/** Throws `store_locked` naming the process that holds it, and `unavailable` where the file cannot be locked at all. */
export async function takeLock(path: string): Promise<ProcessLock> {
  const lock = await tryProcessLock(path);
  if (!("heldBy" in lock)) return lock;
  throw new TriplaneError("store_locked", `process ${lock.heldBy} has the store open (${path})`, { details: { pid: lock.heldBy } });
}
