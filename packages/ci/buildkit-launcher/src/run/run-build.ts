// One build from spawn to receipt: at most two runs, each on a machine of its own that is given back whatever happens.
//
// 1. Whatever happens after a spawn was asked for, the lease is released before this returns. `runner-always-destroyed`
// 2. A second run is made only after the first ran out of memory, one tier up, and never a third. `oom-retry-bounded`
// 3. A lease that another launcher made is not touched.
// 4. Before a broken connection, or a registry that refuses, is told as the reason, the pool is asked whether the lease still stands: the reason does
//    not depend on what was seen first.
import {
  type BuildMetrics,
  type FailureCode,
  failure,
  isFailureCode,
  type Lease,
  nowSeconds,
  type SpawnRequest,
  type Tier,
  TriplaneError,
  tierAbove,
  toTriplaneError,
} from "@triplane/contract";
import { type BuildEnd, classify, mayBeLeaseEnd } from "./classify.ts";
import type { BuildctlEnd, PoolClient, Runner, RunnerStats, RunPorts } from "./ports.ts";

export interface RunRequest {
  readonly spawn: Omit<SpawnRequest, "tier" | "retry_of">;
  readonly tier: Tier;
  /** Longest wait for a runner. */
  readonly readyTimeoutMs: number;
  readonly pollMs: number;
}

export type RunOutcome = BuildEnd | "infrastructure";

export interface RunReport {
  readonly tier: Tier;
  readonly outcome: RunOutcome;
  readonly error: TriplaneError | undefined;
  readonly leaseId: string | undefined;
  readonly provider: string | undefined;
  readonly serverType: string | undefined;
  /** That the image was pushed to, where the pool named it. */
  readonly registry: string | undefined;
  readonly seconds: BuildMetrics["seconds"];
  readonly stats: RunnerStats | undefined;
  readonly end: BuildctlEnd | undefined;
  readonly costCents: number | undefined;
}

const SPAWN_TRIES = 5;
const RELEASE_TRIES = 8;
const CONTEXT_TRIES = 3;
const ASK_TRIES = 3;
/** Of each question whether the lease stands. */
const ASK_MS = 5000;
const RETRY_MS = 1000;

/** All runs, first to last: one, or two where the first ran out of memory. Never throws. */
export async function runBuild(request: RunRequest, ports: RunPorts, signal: AbortSignal): Promise<readonly RunReport[]> {
  const first = await runOnce(request, request.tier, 1, ports, signal);
  // Above what it got, which is more than was asked for where that was not to be had.
  const larger = tierAbove(first.tier);
  if (first.outcome !== "oom" || larger === undefined || signal.aborted) return [first];
  ports.log(`out of memory on ${first.tier}: one more run, on ${larger}`);
  return [first, await runOnce(request, larger, 2, ports, signal)];
}

async function runOnce(request: RunRequest, tier: Tier, run: number, ports: RunPorts, signal: AbortSignal): Promise<RunReport> {
  const id = (number: number): string => `${request.spawn.build_id}.${number}`;
  const spawn = { ...request.spawn, build_id: id(run), tier, ...(run === 1 ? {} : { retry_of: id(run - 1) }) };
  return await new Attempt(spawn, request, ports, signal).run();
}

class Attempt {
  readonly #spawn: SpawnRequest;
  readonly #request: RunRequest;
  readonly #ports: RunPorts;
  /** Fires with the caller's signal, and when the lease ended under us. */
  readonly #stop = new AbortController();
  readonly #asked: AbortSignal;
  #lease: Lease | undefined;
  #lost: TriplaneError | undefined;
  #stats: RunnerStats | undefined;
  #end: BuildctlEnd | undefined;
  readonly #seconds = { queued: 0, booting: 0, context: 0, build: 0, push: 0, cache: 0 };

  constructor(spawn: SpawnRequest, request: RunRequest, ports: RunPorts, asked: AbortSignal) {
    this.#spawn = spawn;
    this.#request = request;
    this.#ports = ports;
    this.#asked = asked;
  }

  async run(): Promise<RunReport> {
    const onAsked = (): void => this.#stop.abort();
    if (this.#asked.aborted) onAsked();
    this.#asked.addEventListener("abort", onAsked, { once: true });
    const beating = new AbortController();
    let outcome: RunOutcome = "infrastructure";
    let error: TriplaneError | undefined;
    try {
      this.#refuseIfStopped();
      await this.#spawnLease();
      void this.#beat(beating.signal);
      outcome = await this.#useLease();
    } catch (thrown) {
      error = await this.#reasonFor(toTriplaneError(thrown));
      outcome = this.#asked.aborted ? "cancelled" : "infrastructure";
    } finally {
      beating.abort();
      this.#asked.removeEventListener("abort", onAsked);
    }
    const released = await this.#release();
    const report: RunReport = {
      tier: this.#lease?.tier ?? this.#spawn.tier,
      outcome,
      error,
      leaseId: this.#lease?.lease_id,
      provider: this.#lease?.provider,
      serverType: this.#lease?.server_type,
      registry: this.#lease?.registry_access?.registry,
      seconds: this.#seconds,
      stats: this.#stats,
      end: this.#end,
      costCents: released?.cost_cents,
    };
    await this.#tell(report);
    return report;
  }

  /** Not cut short by the signal: what was asked for has to be known to be given back. */
  async #spawnLease(): Promise<void> {
    let unknown = false;
    const startedAtS = nowSeconds(this.#ports.clock);
    for (let tries = 1; ; tries += 1) {
      try {
        const { lease, created } = await this.#ports.pool.spawn(this.#spawn);
        // An answer that was lost may have been ours; a lease that was there before we ever asked is not.
        if (!created && !unknown)
          throw new TriplaneError("build_id_taken", `another launcher runs the build ${this.#spawn.build_id} (${lease.lease_id})`);
        this.#lease = lease;
        return;
      } catch (thrown) {
        const error = toTriplaneError(thrown);
        const mayHaveHappened = error.code === "unavailable";
        unknown ||= mayHaveHappened;
        if (error.retry === "later" && tries < SPAWN_TRIES && !this.#asked.aborted) {
          await this.#ports.sleep(RETRY_MS * tries, this.#asked);
          continue;
        }
        if (unknown) this.#lease = await findLease(this.#ports.pool, this.#spawn.build_id, startedAtS);
        throw error;
      }
    }
  }

  async #useLease(): Promise<RunOutcome> {
    const lease = await this.#untilReady();
    const runner = await this.#ports.connect(lease, this.#stop.signal);
    try {
      await this.#timed("context", () => this.#sendContext(runner));
      const before = (await runner.stats())?.oomKills;
      this.#refuseIfStopped();
      const end = await this.#timed("build", () => runner.build(this.#stop.signal));
      this.#end = end;
      this.#seconds.push = end.pushSeconds;
      this.#seconds.cache = end.cacheSeconds;
      this.#seconds.build = Math.max(0, this.#seconds.build - end.pushSeconds - end.cacheSeconds);
      this.#stats = await runner.stats().catch(() => undefined);
      const oomKills = this.#stats === undefined || before === undefined ? undefined : this.#stats.oomKills - before;
      const told = classify({ exitCode: end.exitCode, errorText: end.errorText, oomKills, cancelled: this.#asked.aborted });
      if (mayBeLeaseEnd(told, oomKills)) {
        await this.#askWhetherItStands();
        this.#refuseIfLost();
      }
      return told;
    } finally {
      await runner.close().catch(() => undefined);
    }
  }

  async #untilReady(): Promise<Lease> {
    const { clock, pool, sleep } = this.#ports;
    const startedAtMs = clock.nowMs();
    let bootingAtMs: number | undefined;
    let lease = this.#lease as Lease;
    for (;;) {
      this.#refuseIfStopped();
      if (lease.state !== "creating") bootingAtMs ??= clock.nowMs();
      const since = (fromMs: number): number => (clock.nowMs() - fromMs) / 1000;
      this.#seconds.queued = ((bootingAtMs ?? clock.nowMs()) - startedAtMs) / 1000;
      if (bootingAtMs !== undefined) this.#seconds.booting = since(bootingAtMs);
      if (lease.state === "ready") return lease;
      if (!stands(lease)) throw leaseEnded(lease);
      if (clock.nowMs() - startedAtMs > this.#request.readyTimeoutMs)
        throw new TriplaneError(
          "runner_not_ready",
          `no runner within ${this.#request.readyTimeoutMs / 1000} s; the lease is still ${lease.state}`,
        );
      await sleep(this.#request.pollMs, this.#stop.signal);
      lease = await pool.lease(lease.lease_id).catch((thrown: unknown) => {
        if (toTriplaneError(thrown).retry !== "later") throw thrown;
        return lease;
      });
      this.#lease = lease;
    }
  }

  /** The copy goes on where it was; another connection costs nothing but a moment. */
  async #sendContext(runner: Runner): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      this.#refuseIfStopped();
      try {
        return await runner.sendContext(this.#stop.signal);
      } catch (thrown) {
        if (toTriplaneError(thrown).code !== "runner_unreachable" || tries === CONTEXT_TRIES) throw thrown;
        await this.#ports.sleep(RETRY_MS * tries, this.#stop.signal);
      }
    }
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { heartbeat_s: everyS, lease_id: id } = this.#lease as Lease;
    while (this.#lost === undefined) {
      await this.#ports.sleep(everyS * 1000, signal);
      if (signal.aborted) return;
      await this.#hear(this.#ports.pool.heartbeat(id)).catch(() => undefined);
    }
    this.#stop.abort();
  }

  /** What broke may have broken because the lease is over, and whoever stopped for that stopped for no other reason. */
  async #reasonFor(error: TriplaneError): Promise<TriplaneError> {
    if (this.#asked.aborted) return error;
    if (this.#lease !== undefined && BREAKS.includes(error.code)) await this.#askWhetherItStands();
    return this.#lost ?? error;
  }

  /** Where the pool does not answer, what is known is told. */
  async #askWhetherItStands(): Promise<void> {
    const { pool, sleep, log } = this.#ports;
    const { lease_id: id } = this.#lease as Lease;
    for (let tries = 1; this.#lost === undefined && !this.#asked.aborted; tries += 1) {
      try {
        return await this.#hear(pool.lease(id, ASK_MS));
      } catch (thrown) {
        if (tries === ASK_TRIES)
          return log(`the pool does not say whether the lease ${id} still stands: ${toTriplaneError(thrown).message}`);
        await sleep(RETRY_MS * tries, this.#asked);
      }
    }
  }

  /** Keeps the first word of the pool that the lease is over. Throws where there is no word. */
  async #hear(answer: Promise<Lease>): Promise<void> {
    try {
      const lease = await answer;
      if (!stands(lease)) this.#lost ??= leaseEnded(lease);
    } catch (cause) {
      if (toTriplaneError(cause).code !== "lease_unknown") throw cause;
      this.#lost ??= new TriplaneError("lease_ended", `the pool does not know the lease ${this.#lease?.lease_id} any more`, { cause });
    }
  }

  async #release(): Promise<Lease | undefined> {
    const { pool, sleep, log } = this.#ports;
    const leaseId = this.#lease?.lease_id;
    if (leaseId === undefined) return undefined;
    for (let tries = 1; ; tries += 1) {
      try {
        return await pool.release(leaseId);
      } catch (thrown) {
        const error = toTriplaneError(thrown);
        if (tries === RELEASE_TRIES) {
          log(`the lease ${leaseId} could not be released (${error.code}): it ends by itself without heartbeats`);
          return undefined;
        }
        await sleep(RETRY_MS * tries);
      }
    }
  }

  async #tell(report: RunReport): Promise<void> {
    if (report.leaseId === undefined) return;
    const { repo, target, platform, build_id } = this.#spawn;
    const metrics: BuildMetrics = {
      repo,
      target,
      platform,
      build_id,
      lease_id: report.leaseId,
      tier: report.tier,
      outcome: METRICS_OUTCOME[report.outcome],
      ...(report.stats?.peakMemoryMib === undefined ? {} : { peak_memory_mib: report.stats.peakMemoryMib }),
      oom_kills: report.stats?.oomKills ?? 0,
      seconds: report.seconds,
      cached_steps: report.end?.cachedSteps ?? 0,
      steps: report.end?.steps ?? 0,
      ...(report.end?.imageDigest === undefined ? {} : { image_digest: report.end.imageDigest }),
      finished_at: nowSeconds(this.#ports.clock),
    };
    await this.#ports.pool.report(metrics).catch((thrown: unknown) => {
      this.#ports.log(`what the build used could not be reported: ${toTriplaneError(thrown).message}`);
    });
  }

  async #timed<T>(step: "context" | "build", body: () => Promise<T>): Promise<T> {
    const startedAtMs = this.#ports.clock.nowMs();
    try {
      return await body();
    } finally {
      this.#seconds[step] = (this.#ports.clock.nowMs() - startedAtMs) / 1000;
    }
  }

  #refuseIfStopped(): void {
    if (this.#asked.aborted) throw new TriplaneError("build_cancelled", "the build was asked to stop");
    this.#refuseIfLost();
  }

  #refuseIfLost(): void {
    if (this.#lost !== undefined) throw this.#lost;
  }
}

const METRICS_OUTCOME: Readonly<Record<RunOutcome, BuildMetrics["outcome"]>> = {
  built: "built",
  failed: "failed",
  oom: "oom",
  "disk-full": "disk-full",
  "registry-denied": "failed",
  "registry-failed": "infrastructure",
  "connection-lost": "infrastructure",
  cancelled: "cancelled",
  infrastructure: "infrastructure",
};

/** What is left of a build whose runner was taken away. */
const BREAKS: readonly FailureCode[] = ["runner_unreachable", "runner_not_ready"];

function stands({ state }: Lease): boolean {
  return state === "creating" || state === "booting" || state === "ready";
}

const AGAIN = "start the build again";

/** What to do is what belongs to the pool's own reason, where it gave one. */
function leaseEnded({ lease_id: id, state, why, code }: Lease): TriplaneError {
  const message = `the lease ${id} is ${state}: ${why ?? code ?? "no reason given"}`;
  if (code === undefined || !isFailureCode(code)) return new TriplaneError("lease_ended", message);
  const { hint } = failure(code);
  return new TriplaneError("lease_ended", message, { hint: hint.includes(AGAIN) ? hint : `${hint} Then ${AGAIN}.` });
}

/** A lease of ours whose creation was never confirmed; undefined where there is none or nobody answers. */
async function findLease(pool: PoolClient, buildId: string, sinceS: number): Promise<Lease | undefined> {
  const list = await pool.leases().catch(() => undefined);
  return list?.leases.find(
    (lease) => lease.build_id === buildId && lease.created_at >= sinceS && lease.state !== "gone" && lease.state !== "failed",
  );
}
