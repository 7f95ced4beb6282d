// One writer per repository: a lock file that names a process, taken over when that process is gone.
import { link, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TriplaneError } from "@triplane/contract";

const LOCK_NAME = "triplane-writer.lock";

export interface WriterLock {
  release(): Promise<void>;
}

/** Throws `ledger_locked` while another live process (or another writer of this one) holds the lock. */
export async function lockRepository(repoDir: string): Promise<WriterLock> {
  const path = join(repoDir, LOCK_NAME);
  const mine = `${process.pid} ${(await startOf(process.pid)) ?? "unknown"} ${process.hrtime.bigint()}\n`;
  const draft = `${path}.${process.pid}.${process.hrtime.bigint()}`;
  await writeFile(draft, mine, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      // A hard link fails where the name exists, and never shows a half-written file.
      if (await linked(draft, path)) return { release: () => releaseIfMine(path, mine) };
      const holder = await readFile(path, "utf8").catch(() => "");
      if (holder !== "" && (await isAlive(holder)))
        throw new TriplaneError("ledger_locked", `process ${holder.split(" ")[0]} writes ${repoDir}`);
      if ((await readFile(path, "utf8").catch(() => "")) === holder) await rm(path, { force: true });
    }
    throw new TriplaneError("ledger_locked", `the lock ${path} changes hands`);
  } finally {
    await rm(draft, { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw new TriplaneError("git_failed", `the lock ${to} cannot be taken`, { cause });
  }
}

async function releaseIfMine(path: string, mine: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(() => "")) === mine) await rm(path, { force: true });
}

async function isAlive(holder: string): Promise<boolean> {
  const [pidText = "", started] = holder.trim().split(" ");
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = await startOf(pid);
  // A process number is used again after a restart; together with its start time it is not.
  return now === undefined || started === "unknown" || now === started;
}

/** Start of a process in clock ticks since boot (proc(5), field 22), where the system tells. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return text
    ?.slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .at(19);
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
