// What the run of a build wants of the world: the pool, a runner that is ready, time.
import type { BuildMetrics, Clock, Lease, LeaseList, SpawnRequest } from "@triplane/contract";

/** Failures of the pool are TriplaneErrors with the pool's own codes; `unavailable` where it does not answer. */
export interface PoolClient {
  /** `created`: false where this build id has its lease already. */
  spawn(request: SpawnRequest): Promise<{ readonly lease: Lease; readonly created: boolean }>;
  /** `withinMs`: longest wait for the answer, where it is not to be that of other calls. */
  lease(leaseId: string, withinMs?: number): Promise<Lease>;
  heartbeat(leaseId: string): Promise<Lease>;
  /** Idempotent. */
  release(leaseId: string): Promise<Lease>;
  leases(): Promise<LeaseList>;
  report(metrics: BuildMetrics): Promise<void>;
}

/** The kernel's own count on the runner, since it booted. */
export interface RunnerStats {
  readonly oomKills: number;
  readonly peakMemoryMib: number | undefined;
}

export interface BuildctlEnd {
  /** Of buildctl, or 255 where the connection was lost. */
  readonly exitCode: number;
  /** The end of what it said on standard error that was no progress, and the errors of steps. */
  readonly errorText: string;
  readonly imageDigest: string | undefined;
  readonly steps: number;
  readonly cachedSteps: number;
  readonly pushSeconds: number;
  readonly cacheSeconds: number;
}

/** A connection to a runner whose host key was the pinned one. Throws `runner_unreachable`. */
export interface Runner {
  sendContext(signal: AbortSignal): Promise<void>;
  build(signal: AbortSignal): Promise<BuildctlEnd>;
  /** Undefined where it cannot be read. */
  stats(): Promise<RunnerStats | undefined>;
  close(): Promise<void>;
}

export interface RunPorts {
  readonly pool: PoolClient;
  /** Throws `runner_unreachable`, or `runner_host_key` where another machine answers. */
  connect(lease: Lease, signal: AbortSignal): Promise<Runner>;
  readonly clock: Clock;
  /** Ends early, without a throw, when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  log(line: string): void;
}
