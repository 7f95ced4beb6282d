// The cgroup of a runner: its hard limits, and the fence that keeps a destroyed runner from being built up further.
//
// 1. All that works on a runner joins `<id>/setup` first; the runner itself is in `<id>/runner`. Where `<id>` is gone nothing of it can start.
// 2. The limits are on `<id>`, which the runner cannot see: a root in it cannot lift them.
// 3. `remove` returns when no process and no folder of the runner is left in any hierarchy.
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { isErrno, sleep } from "@triplane/kit";
import type { Hierarchies } from "./hierarchy.ts";

export interface Limits {
  readonly memoryMib: number;
  readonly cpus: number;
  readonly processes: number;
}

const MIB = 1024 * 1024;
const CPU_PERIOD_US = 100_000;
const REMOVE_DEADLINE_MS = 30_000;
const SUBTREE = "+memory +pids +cpu";

export class RunnerCgroups {
  readonly #at: Hierarchies;

  constructor(hierarchies: Hierarchies) {
    this.#at = hierarchies;
  }

  get version(): 1 | 2 {
    return this.#at.version;
  }

  /** Makes it, with its limits. */
  async make(id: string, limits: Limits): Promise<void> {
    const bytes = String(limits.memoryMib * MIB);
    const quota = String(Math.round(limits.cpus * CPU_PERIOD_US));
    if (this.#at.version === 2) {
      const folder = this.#folder("memory", id);
      await writeFile(join(folder, "..", "cgroup.subtree_control"), SUBTREE);
      await mkdir(folder);
      await writeFile(join(folder, "memory.max"), bytes);
      await ifThere(writeFile(join(folder, "memory.swap.max"), "0"));
      await writeFile(join(folder, "pids.max"), String(limits.processes));
      await writeFile(join(folder, "cpu.max"), `${quota} ${CPU_PERIOD_US}`);
      await writeFile(join(folder, "cgroup.subtree_control"), SUBTREE);
    } else {
      for (const folder of new Set([...this.#at.controllers.keys()].map((name) => this.#folder(name, id)))) await mkdir(folder);
      const memory = this.#folder("memory", id);
      await writeFile(join(memory, "memory.limit_in_bytes"), bytes);
      await ifThere(writeFile(join(memory, "memory.memsw.limit_in_bytes"), bytes));
      await ifThere(writeFile(join(memory, "memory.swappiness"), "0"));
      if (this.#at.controllers.has("pids")) await writeFile(join(this.#folder("pids", id), "pids.max"), String(limits.processes));
      if (this.#at.controllers.has("cpu")) await writeFile(join(this.#folder("cpu", id), "cpu.cfs_quota_us"), quota);
    }
    await mkdir(join(this.#folder("memory", id), "setup"));
  }

  /** The file that a helper writes its process id to before it does anything. */
  fence(id: string): string {
    return join(this.#folder("memory", id), "setup", "cgroup.procs");
  }

  /** Processes of the runner itself, without those that work on it. */
  async runnerProcesses(id: string): Promise<readonly number[]> {
    return await processesBelow(join(this.#folder("memory", id), "runner"));
  }

  /** Ends all that is in it and removes it everywhere. Throws `provider_failed` when something will not go. */
  async remove(id: string): Promise<void> {
    const folders = [...new Set(this.#at.mountPoints.map((mountPoint) => join(mountPoint, id)))];
    const giveUpAt = Date.now() + REMOVE_DEADLINE_MS;
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 200)) {
      for (const folder of folders) await endProcesses(folder);
      const left: string[] = [];
      for (const folder of folders) if (!(await removeTree(folder))) left.push(folder);
      if (left.length === 0) return;
      if (Date.now() > giveUpAt)
        throw new TriplaneError("provider_failed", `processes of ${id} do not end: ${left.join(", ")} cannot be removed`);
      await sleep(pauseMs);
    }
  }

  #folder(controller: string, id: string): string {
    const mountPoint = this.#at.controllers.get(controller);
    if (mountPoint === undefined) throw new TriplaneError("provider_failed", `there is no cgroup controller ${controller}`);
    return join(mountPoint, id);
  }
}

/** A process of a hierarchy may fork while it is read: no new ones first, then all that are there. */
async function endProcesses(folder: string): Promise<void> {
  await ifThere(writeFile(join(folder, "pids.max"), "0"));
  await ifThere(writeFile(join(folder, "cgroup.kill"), "1"));
  for (const pid of await processesBelow(folder)) {
    try {
      if (pid > 1) process.kill(pid, "SIGKILL");
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
    }
  }
}

async function processesBelow(folder: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const each of await foldersBelow(folder)) {
    const text = await readFile(join(each, "cgroup.procs"), "utf8").catch(() => "");
    found.push(
      ...text
        .split("\n")
        .filter((line) => line !== "")
        .map(Number),
    );
  }
  return found;
}

/** The folder and all below it, the deepest last. */
async function foldersBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const below = await Promise.all(entries.filter((entry) => entry.isDirectory()).map((entry) => foldersBelow(join(folder, entry.name))));
  return [folder, ...below.flat()];
}

/** Whether it is gone. */
async function removeTree(folder: string): Promise<boolean> {
  for (const each of (await foldersBelow(folder)).toReversed()) {
    try {
      await rmdir(each);
    } catch (error) {
      if (isErrno(error, "EBUSY")) return false;
      if (!isErrno(error, "ENOENT")) throw error;
    }
  }
  return true;
}

/** For files that not every kernel has. */
async function ifThere(written: Promise<void>): Promise<void> {
  try {
    await written;
  } catch (error) {
    if (!["ENOENT", "EACCES", "EPERM", "EOPNOTSUPP", "EINVAL", "ENODEV"].some((code) => isErrno(error, code))) throw error;
  }
}
