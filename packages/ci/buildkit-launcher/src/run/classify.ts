// Why a build ended as it did. Pure.
//
// 1. The kernel's count of kills is the authority on memory; exit code 137 and BuildKit's words are asked only where it cannot be read. `oom-retry-bounded`
// 2. A full disk is no lack of memory, though BuildKit has one code for both (ResourceExhausted).
// 3. What was asked to stop was cancelled, whatever it says itself.

export type BuildEnd = "built" | "failed" | "oom" | "disk-full" | "registry-denied" | "registry-failed" | "connection-lost" | "cancelled";

export interface Evidence {
  readonly exitCode: number;
  readonly errorText: string;
  /** Kills during this build; undefined where they cannot be read. */
  readonly oomKills: number | undefined;
  readonly cancelled: boolean;
}

const MEMORY = /did not complete successfully: (?:cannot allocate memory|exit code: 137)|executor failed running .*: exit code: 137/;
const DISK = /no space left on device/i;
const DENIED =
  /401 Unauthorized|403 Forbidden|insufficient_scope|failed to fetch (?:oauth|anonymous) token|failed to authorize|pull access denied|access to the resource is denied/i;
/** It, or the token endpoint in front of it, said that the fault is its own: nobody was refused. */
const AWAY = /unexpected status from \w+ request to \S+: 5\d\d/;
const REGISTRY =
  /failed to push|failed to do request|failed to resolve source metadata|failed to copy: httpReadSeeker|unexpected status from (?:PUT|POST|HEAD|GET|PATCH) request/;
const DAEMON = /error reading from server: EOF|closing transport|Keep alive ping failed|code = Unavailable/;
const SSH_LOST = 255;

/**
 * Whether the end of the lease may be behind it: that takes the runner away, with it the line and the counts, and the rights at the registry. Where
 * the counts were read after the build, the runner outlived what went wrong on it.
 */
export function mayBeLeaseEnd(end: BuildEnd, oomKills: number | undefined): boolean {
  if (end === "built" || end === "cancelled") return false;
  return oomKills === undefined || end === "connection-lost" || end === "registry-denied" || end === "registry-failed";
}

export function classify({ exitCode, errorText, oomKills, cancelled }: Evidence): BuildEnd {
  if (exitCode === 0) return "built";
  if (cancelled) return "cancelled";
  if (oomKills === undefined ? MEMORY.test(errorText) : oomKills > 0) return "oom";
  if (DISK.test(errorText)) return "disk-full";
  if (AWAY.test(errorText)) return "registry-failed";
  if (DENIED.test(errorText)) return "registry-denied";
  if (REGISTRY.test(errorText)) return "registry-failed";
  return exitCode === SSH_LOST || DAEMON.test(errorText) ? "connection-lost" : "failed";
}
