// What the processes of a workspace hold in memory, from the kernel's own accounts.
import { readFileSync } from "node:fs";
import type { Workspace } from "./workspace.ts";

export interface Held {
  /** Resident pages. */
  readonly rssMiB: number;
  /** Resident pages, those that are shared counted in parts: what ending the process would give back, nearly. */
  readonly pssMiB: number;
}

export function memoryOf(pid: number): Held {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1] ?? Number.NaN) / 1024;
  return { rssMiB: field("Rss"), pssMiB: field("Pss") };
}

export function memoryOfAll(workspace: Workspace): ReadonlyMap<string, Held> {
  return new Map([...workspace.processes].map(([name, pid]) => [name, memoryOf(pid)]));
}
