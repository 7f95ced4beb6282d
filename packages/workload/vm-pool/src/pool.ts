// The vm-pool: machines for builds, leased for a time, always destroyed.
//
// 1. A build id has one lease, however often it is asked for. 2. Limits are looked at before the intent is stored, one request at a time.
import {
  type BuildMetrics,
  LEASE_STATES,
  type Lease,
  type LeaseList,
  type LeaseState,
  type Sizing,
  type SizingQuery,
  type SpawnRequest,
  TriplaneError,
  uuid7,
} from "@triplane/contract";
import { sleep } from "@triplane/kit";
import { readOutcome, readSamples, storeBuild } from "./build-rows.ts";
import { ProviderCalls } from "./calls.ts";
import { assertAdmitted, assertRetry, ranOn } from "./engine/admission.ts";
import { isEnded, type LeaseRecord, newLease } from "./engine/lease.ts";
import { asOf, GIVEN_BACK, released } from "./engine/steps.ts";
import { hostKeyOf } from "./host-key.ts";
import { LeaseBook } from "./lease-book.ts";
import { leaseView } from "./lease-view.ts";
import { LeaseWorker } from "./lease-worker.ts";
import type { PoolParts } from "./ports.ts";
import { Reaper } from "./reaping.ts";
import { sizingOf } from "./sizing/decide.ts";

/** The loop looks at least so often. */
const TICK_MS = 500;

export class VmPool {
  readonly #parts: PoolParts;
  readonly #book: LeaseBook;
  readonly #calls: ProviderCalls;
  readonly #worker: LeaseWorker;
  readonly #reaper: Reaper;
  readonly #stopping = new AbortController();
  #woken = new AbortController();
  #spawning: Promise<unknown> = Promise.resolve();
  #looping: Promise<void> | undefined;
  #reaping: Promise<void> | undefined;
  #reapAtMs = 0;

  private constructor(parts: PoolParts, book: LeaseBook) {
    this.#parts = parts;
    this.#book = book;
    this.#calls = new ProviderCalls(parts, this.#stopping.signal);
    this.#worker = new LeaseWorker(parts, book, this.#calls, () => this.#woken.abort(), this.#stopping.signal);
    this.#reaper = new Reaper(parts, book, this.#calls, this.#worker);
  }

  /** Goes on where the last pool over this store stood. */
  static async start(parts: PoolParts): Promise<VmPool> {
    const nowS = Math.floor(parts.clock.nowMs() / 1000);
    const pool = new VmPool(parts, await LeaseBook.load(parts.store, parts.provider.capabilities.billing, nowS));
    pool.#looping = pool.#loop();
    return pool;
  }

  /** Leases and their runners are left as they are; the next start goes on with them. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#woken.abort();
    await this.#looping;
    await this.#worker.idle();
    await this.#reaping;
  }

  /**
   * Throws `pool_full`, `pool_cost_limit`, `tier_not_offered`, `golden_image_missing`, `golden_image_old`, `build_id_taken`, `retry_refused`, or what
   * the provider throws when it is asked what it has.
   */
  spawn(request: SpawnRequest): Promise<{ readonly lease: Lease; readonly created: boolean }> {
    const spawned = this.#spawning.then(() => this.#spawn(request));
    this.#spawning = spawned.catch(() => undefined);
    return spawned;
  }

  /** Throws `lease_unknown`. `withAccess`: the registry token, for whoever may spawn. */
  async lease(id: string, withAccess = false): Promise<Lease> {
    return this.#view(await this.#found(id), withAccess);
  }

  /** Idempotent. Throws `lease_unknown`. */
  async release(id: string): Promise<Lease> {
    const lease = await this.#found(id);
    if (isEnded(lease)) return this.#view(lease);
    const now = await this.#book.change(id, (each) => released(each, GIVEN_BACK));
    this.#worker.hurry(id);
    return this.#view(now);
  }

  /** For a lease that is over, it says so. Throws `lease_unknown`. */
  async heartbeat(id: string): Promise<Lease> {
    const lease = await this.#found(id);
    if (!isEnded(lease)) this.#worker.heartbeat(id);
    return this.#view(lease);
  }

  list(): LeaseList {
    return { leases: this.#book.live.map((lease) => this.#view(lease)), orphans: this.#reaper.orphans };
  }

  /** The first report of a lease stays. Throws `lease_unknown`, and `request_invalid` for one of another build. */
  async report(metrics: BuildMetrics): Promise<void> {
    const lease = await this.#found(metrics.lease_id);
    const { repo, target, platform } = lease.key;
    const isSame =
      repo === metrics.repo && target === metrics.target && platform === metrics.platform && lease.buildId === metrics.build_id;
    if (!isSame) throw new TriplaneError("request_invalid", `${metrics.lease_id} was made for ${lease.buildId} of ${repo}`);
    // What it ran on the pool knows better; and a launcher whose clock is ahead does not stay the newest for ever.
    await storeBuild(this.#parts.store, { ...metrics, tier: ranOn(lease), finished_at: Math.min(metrics.finished_at, this.#nowS()) });
  }

  async sizing({ language, ...key }: SizingQuery): Promise<Sizing> {
    return sizingOf(key, await readSamples(this.#parts.store, key), language);
  }

  async #spawn(request: SpawnRequest): Promise<{ readonly lease: Lease; readonly created: boolean }> {
    const [known] = await this.#book.withBuild({ build_id: request.build_id });
    if (known !== undefined) {
      if (!isSameRequest(known, request))
        throw new TriplaneError("build_id_taken", `${request.build_id} has the lease ${known.id} for another request`);
      return { lease: this.#view(known, true), created: false };
    }
    if (request.retry_of !== undefined) {
      const [first] = await this.#book.withBuild({ build_id: request.retry_of });
      const outcome = first === undefined ? undefined : await readOutcome(this.#parts.store, first.id);
      assertRetry(request, { first, outcome, others: await this.#book.withBuild({ retry_of: request.retry_of }) });
    }
    await this.#calls.golden(request.platform);
    const nowS = this.#nowS();
    const offer = assertAdmitted(request, {
      live: this.#book.live,
      offers: await this.#calls.offers(),
      spentCents: this.#book.spending.of(request.tenant, nowS),
      billing: this.#parts.provider.capabilities.billing,
      limits: this.#parts.settings.limits,
    });
    const { clock, random, secret } = this.#parts;
    const id = `lease-${uuid7(clock.nowMs(), random.bytes(10)).replaceAll("-", "")}`;
    const { repo, target, platform } = request;
    const lease = newLease(
      {
        ...{ id, buildId: request.build_id, retryOf: request.retry_of, key: { repo, target, platform }, tenant: request.tenant },
        mayPull: request.may_pull ?? [],
        ...{ tier: request.tier, ttlS: request.ttl_s, authorizedKey: request.ssh_public_key, hostKey: hostKeyOf(secret, id).public },
        offer,
      },
      nowS,
    );
    await this.#book.add(lease);
    this.#worker.hurry(id);
    return { lease: this.#view(lease, true), created: true };
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#woken = new AbortController();
      this.#worker.tick();
      this.#reapIfDue();
      this.#observe();
      await sleep(TICK_MS, this.#woken.signal);
    }
  }

  #reapIfDue(): void {
    const nowMs = this.#parts.clock.nowMs();
    const everyMs = this.#parts.settings.reapEveryS * 1000;
    if (this.#reaping !== undefined || (nowMs < this.#reapAtMs && this.#reapAtMs - nowMs <= everyMs)) return;
    this.#reapAtMs = nowMs + everyMs;
    this.#reaping = this.#reaper
      .pass()
      // Told by the call; the next pass tries again.
      .catch(() => undefined)
      .finally(() => {
        this.#reaping = undefined;
      });
  }

  #observe(): void {
    const byState = Object.fromEntries(LEASE_STATES.map((state) => [state, 0])) as Record<LeaseState, number>;
    for (const { state } of this.#book.live) byState[state] += 1;
    this.#parts.observer.leases(byState);
  }

  async #found(id: string): Promise<LeaseRecord> {
    const lease = await this.#book.find(id);
    if (lease === undefined) throw new TriplaneError("lease_unknown", `there is no lease ${id}`);
    return lease;
  }

  #view(stored: LeaseRecord, withAccess = false): Lease {
    const nowS = this.#nowS();
    const lease = asOf(stored, nowS);
    const { provider, settings, registryAccess } = this.#parts;
    const access = withAccess && lease.state === "ready" ? registryAccess?.(lease, nowS) : undefined;
    return leaseView(lease, nowS, { capabilities: provider.capabilities, heartbeatS: settings.heartbeatS, access });
  }

  #nowS(): number {
    return Math.floor(this.#parts.clock.nowMs() / 1000);
  }
}

function isSameRequest(lease: LeaseRecord, request: SpawnRequest): boolean {
  const { key } = lease;
  const isSameBuild = key.repo === request.repo && key.target === request.target && key.platform === request.platform;
  const isSameSize = lease.tier === request.tier && lease.ttlS === request.ttl_s && lease.tenant === request.tenant;
  const mayPull = request.may_pull ?? [];
  const mayPullSame = lease.mayPull.length === mayPull.length && lease.mayPull.every((name, at) => name === mayPull[at]);
  return isSameBuild && isSameSize && mayPullSame && lease.authorizedKey === request.ssh_public_key && lease.retryOf === request.retry_of;
}
