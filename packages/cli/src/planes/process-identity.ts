// Which process a number means: a pid alone is reused, so it goes with the time at which that process started.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { isErrno } from "@triplane/kit";

export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: equal for the same process, different for a later one with the same pid, also after a reboot. */
  readonly startedAt: string;
}

/** The identity of a running process, or undefined if there is none (a zombie counts as none). */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const startedAt = process.platform === "linux" ? await startOnLinux(pid) : await startFromPs(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  return (await identifyProcess(identity.pid))?.startedAt === identity.startedAt;
}

/** Sends a signal to that very process; false if it is gone. */
export async function signalProcess(
  identity: ProcessIdentity,
  signal: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGHUP",
): Promise<boolean> {
  if (!(await isRunning(identity))) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if (isErrno(error, "ESRCH")) return false;
    throw error;
  }
}

// proc(5): the command in parentheses may hold anything, so fields are counted after the last one; field 22 is the start
// in ticks since boot, field 3 the state. The boot id makes it unique across reboots.
async function startOnLinux(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([readFile(`/proc/${pid}/stat`, "utf8"), readFile("/proc/sys/kernel/random/boot_id", "utf8")]);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X" || fields[19] === undefined) return undefined;
    return `${boot.trim()}:${fields[19]}`;
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ESRCH")) return undefined;
    throw error;
  }
}

function startFromPs(pid: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile("ps", ["-o", "lstart=,stat=", "-p", String(pid)], { env: { LC_ALL: "C", PATH: process.env["PATH"] } }, (error, stdout) => {
      const line = stdout.trim();
      resolve(error !== null || line === "" || /\sZ\S*$/.test(line) ? undefined : line.replace(/\s+\S+$/, ""));
    });
  });
}
