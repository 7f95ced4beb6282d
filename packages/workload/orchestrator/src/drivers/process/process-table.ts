// The system's processes, told apart for certain: a pid alone may have been given to another process meanwhile.
//
// 1. A process is identified by pid and start; nothing is signalled whose start differs.
// 2. Every process that descends from a replica carries the replica's marker in its environment.
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { TriplaneError } from "@triplane/contract";
import { sleep } from "@triplane/kit";

const run = promisify(execFile);

export interface ProcessIdentity {
  readonly pid: number;
  /** Differs for two processes that had the same pid, also across a reboot. */
  readonly start: string;
}

/** The variable that holds a replica's marker. */
export const MARKER_VARIABLE = "TRIPLANE_REPLICA";

/** When the process started, or undefined if there is none that runs (a zombie does not run). */
export async function startOf(pid: number): Promise<string | undefined> {
  return process.platform === "linux" ? startFromProc(pid) : startFromPs(pid);
}

export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  return (await startOf(identity.pid)) === identity.start;
}

// proc_pid_stat(5): the name in parentheses may hold anything, so fields count from the last parenthesis; state is field 3, starttime 22.
async function startFromProc(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    const ticks = fields[19];
    if (ticks === undefined || state === "Z" || state === "X") return undefined;
    return `${await bootId()}:${ticks}`;
  } catch {
    return undefined;
  }
}

let cachedBootId: string | undefined;

async function bootId(): Promise<string> {
  cachedBootId ??= (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  return cachedBootId;
}

async function startFromPs(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await run("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { env: { PATH: "/usr/bin:/bin", LC_ALL: "C" } });
    const [state, ...start] = stdout.trim().split(/\s+/);
    return state === undefined || state.startsWith("Z") || start.length === 0 ? undefined : start.join(" ");
  } catch {
    return undefined;
  }
}

/** Pids of running processes that carry the marker. */
export async function findMarked(marker: string): Promise<readonly number[]> {
  const wanted = `${MARKER_VARIABLE}=${marker}`;
  return process.platform === "linux" ? findInProc(wanted) : findWithPs(wanted);
}

async function findInProc(wanted: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      const environment = await readFile(`/proc/${name}/environ`, "latin1");
      if (environment.split("\0").includes(wanted) && (await startOf(Number(name))) !== undefined) found.push(Number(name));
    } catch {
      // Gone meanwhile, or another user's: not one of ours.
    }
  }
  return found;
}

async function findWithPs(wanted: string): Promise<readonly number[]> {
  const { stdout } = await run("ps", ["-axEww", "-o", "pid=,command="], {
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout
    .split("\n")
    .filter((line) => line.split(/\s+/).includes(wanted))
    .map((line) => Number.parseInt(line, 10));
}

export interface StopRules {
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
}

const POLL_MS = 25;
const KILL_TIMEOUT_MS = 10_000;

/** Ends a replica's process and everything that it started. Returns when none of them runs. Throws `apply_failed` where one cannot be killed. */
export async function terminate(identity: ProcessIdentity | undefined, marker: string, rules: StopRules): Promise<void> {
  if (identity !== undefined && (await isRunning(identity))) {
    signalGroup(identity.pid, rules.signal);
    const deadlineMs = performance.now() + rules.graceMs;
    while (performance.now() < deadlineMs && (await isRunning(identity))) await sleep(POLL_MS);
    if (await isRunning(identity)) signalGroup(identity.pid, "SIGKILL");
  }
  const killedMs = performance.now();
  for (let left = await findMarked(marker); left.length > 0; left = await findMarked(marker)) {
    if (performance.now() - killedMs > KILL_TIMEOUT_MS)
      throw new TriplaneError("apply_failed", `processes ${left.join(", ")} cannot be ended`);
    for (const pid of left) signalOne(pid, "SIGKILL");
    await sleep(POLL_MS);
  }
}

// The process was started as leader of a group of its own, so the group's number is its pid.
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  signalOne(-pid, signal);
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone meanwhile; who calls looks again.
  }
}
