// Capabilities of Linux (capabilities(7)): what this process holds, and what the root of a runner gets of it.
import { readFile } from "node:fs/promises";

/** Numbers of linux/capability.h. */
const NUMBERS = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  DAC_READ_SEARCH: 2,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  NET_BIND_SERVICE: 10,
  NET_ADMIN: 12,
  NET_RAW: 13,
  IPC_LOCK: 14,
  SYS_CHROOT: 18,
  SYS_PTRACE: 19,
  SYS_ADMIN: 21,
  SYS_NICE: 23,
  SYS_RESOURCE: 24,
  MKNOD: 27,
  LEASE: 28,
  AUDIT_WRITE: 29,
  SETFCAP: 31,
} as const;
export type Capability = keyof typeof NUMBERS;

/** Of the machine's rights a runner's root gets these, where this process has them itself. The network is not among them: it is set up from outside. */
const OF_A_RUNNER = (Object.keys(NUMBERS) as Capability[]).filter((name) => name !== "NET_ADMIN");

export type HeldCapabilities = (name: Capability) => boolean;

/** Reads the line CapEff of /proc/self/status (proc(5)). */
export function capabilitiesOf(status: string): HeldCapabilities {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return (name) => ((effective >> BigInt(NUMBERS[name])) & 1n) === 1n;
}

export async function heldCapabilities(): Promise<HeldCapabilities> {
  return capabilitiesOf(await readFile("/proc/self/status", "utf8"));
}

export function runnerCapabilities(held: HeldCapabilities): readonly string[] {
  return OF_A_RUNNER.filter(held).map((name) => `CAP_${name}`);
}
