// Processes of replicas that no record names: what an orchestrator finds whose database was lost while components ran.
//
// 1. A process belongs to this data folder if it carries a replica's marker and was started in the folder of one of its replicas.
// 2. Only on Linux can another process be asked for its folder (proc(5)); elsewhere nothing is found, and nothing is ended.
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { MARKER_VARIABLE, type ProcessIdentity, startOf } from "./process-table.ts";

export interface Orphan {
  readonly target: string;
  readonly replica: number;
  readonly marker: string;
  readonly identity: ProcessIdentity;
  readonly argv: readonly string[];
  /** Its folder was removed under it. */
  readonly homeless: boolean;
}

const DELETED = " (deleted)";

/** Leaders of replicas in this data folder whose marker is not among the known ones. */
export async function findOrphans(dataDir: string, known: ReadonlySet<string>): Promise<readonly Orphan[]> {
  if (process.platform !== "linux") return [];
  const instances = join(await realpath(dataDir), "instances");
  const pids = (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name)).map(Number);
  const looked = await Promise.all(pids.map((pid) => look(pid, instances)));
  return looked.filter((orphan) => orphan !== undefined && !known.has(orphan.marker)) as readonly Orphan[];
}

async function look(pid: number, instances: string): Promise<Orphan | undefined> {
  try {
    const environment = (await readFile(`/proc/${pid}/environ`, "latin1")).split("\0");
    const marker = environment.find((entry) => entry.startsWith(`${MARKER_VARIABLE}=`))?.slice(MARKER_VARIABLE.length + 1);
    if (marker === undefined || marker === "" || !(await leadsItsGroup(pid))) return undefined;
    const link = await readlink(`/proc/${pid}/cwd`);
    const homeless = link.endsWith(DELETED);
    const [target, number, ...deeper] = relative(instances, homeless ? link.slice(0, -DELETED.length) : link).split(sep);
    if (target === undefined || target === ".." || number === undefined || !/^\d{1,4}$/.test(number) || deeper.length > 0) return undefined;
    const argv = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").slice(0, -1);
    const start = await startOf(pid);
    return start === undefined ? undefined : { target, replica: Number(number), marker, identity: { pid, start }, argv, homeless };
  } catch {
    // Gone meanwhile, or another user's: not one of ours.
    return undefined;
  }
}

// A replica is started as leader of a group of its own; what it started itself carries the same marker and is no leader. Field 5 is pgrp.
async function leadsItsGroup(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[2]) === pid;
}
