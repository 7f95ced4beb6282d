// A lock file that says who has the store open, so that the refusal can name the process.
//
// 1. The holder is a process id with its start time: after a crash or a restart of the machine the lock is stale, also when the id was given out again.
// 2. RocksDB's own lock is the last word; this one only comes first and speaks plainly.
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno, readFileIfThere } from "@triplane/kit";

export interface ProcessLock {
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly startedAt: string;
}

const ATTEMPTS = 5;

/** Throws `store_locked` naming the process that holds it. */
export async function takeLock(path: string): Promise<ProcessLock> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const self = JSON.stringify({ pid: process.pid, startedAt: (await startOf(process.pid)) ?? "unknown" });
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (await createWith(path, self)) {
      return {
        release: async () => {
          if ((await readFileIfThere(path)) === self) await rm(path, { force: true });
        },
      };
    }
    const found = await readFileIfThere(path);
    if (found === undefined) continue;
    const holder = parseHolder(found);
    if (holder !== undefined && (await startOf(holder.pid)) === holder.startedAt)
      throw new TriplaneError("store_locked", `process ${holder.pid} has the store open (${path})`, { details: { pid: holder.pid } });
    await removeStale(path, found);
  }
  throw new TriplaneError("store_locked", `other processes keep taking ${path}`);
}

async function createWith(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, "wx", 0o600);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  }
}

/** Moves the file away before deleting it, so that a lock that was taken meanwhile is noticed and not lost. */
async function removeStale(path: string, expected: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  if ((await readFile(aside, "utf8")) === expected) await rm(aside, { force: true });
  else await rename(aside, path);
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("pid" in value) || !("startedAt" in value)) return undefined;
    const { pid, startedAt } = value;
    return typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 && typeof startedAt === "string"
      ? { pid, startedAt }
      : undefined;
  } catch {
    return undefined;
  }
}

/** When a process started, in a form that no other process of that id has; undefined if there is none. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    // proc(5): field 22 is the start time in ticks since boot; the name in field 2 may hold spaces and ends with the last bracket.
    return `${bootId}/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""}`;
  } catch {
    return isAlive(pid) ? "unknown" : undefined;
  }
}

/** For systems without /proc: the id alone. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isErrno(error, "EPERM");
  }
}
