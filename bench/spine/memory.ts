// What the processes of a workspace hold in memory, from the kernel's own accounts.
import { readFileSync } from "node:fs";
import type { Workspace } from "./workspace.ts";

export interface Held {
  /** Resident pages. */
  readonly rssMiB: number;
  /** Resident pages, those that are shared counted in parts: what ending the process would give back, nearly. */
  readonly pssMiB: number;
}

/** Where resident pages lie: what grows there says who keeps them. */
export interface Parts {
  /** The allocator's main arena: what the main thread of a daemon allocates outside of JavaScript, and what it keeps free for it. */
  readonly mainArenaMiB: number;
  /** JavaScript's heap, the allocator's other arenas, and blocks that have a mapping of their own. */
  readonly anonymousMiB: number;
  readonly filesMiB: number;
}

/** From proc_pid_smaps(5). */
export function partsOf(pid: number): Parts {
  const parts = { mainArenaMiB: 0, anonymousMiB: 0, filesMiB: 0 };
  let part: keyof Parts = "anonymousMiB";
  for (const line of readFileSync(`/proc/${pid}/smaps`, "utf8").split("\n")) {
    const [, name] = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) part = name === "[heap]" ? "mainArenaMiB" : name.startsWith("/") ? "filesMiB" : "anonymousMiB";
    else parts[part] += Number(/^Rss:\s+(\d+) kB$/.exec(line)?.[1] ?? 0) / 1024;
  }
  return parts;
}

export function memoryOf(pid: number): Held {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1] ?? Number.NaN) / 1024;
  return { rssMiB: field("Rss"), pssMiB: field("Pss") };
}

export function memoryOfAll(workspace: Workspace): ReadonlyMap<string, Held> {
  return new Map([...workspace.processes].map(([name, pid]) => [name, memoryOf(pid)]));
}
