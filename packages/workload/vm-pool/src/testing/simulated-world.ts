// One interleaving of the pool in virtual time: launchers that come, die and forget; a pool that is killed at its steps and starts again with a
// wrong clock; a cloud that loses answers, runs out and does not boot. What must hold is looked at while it runs and at its end.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { FAILPOINT_CHANNEL, type Lease, TIER_SIZES, TIERS, type Tier, tierAbove } from "@triplane/contract";
import { assertHighest, assertId, assertListOptions, assertTable, assertWrites, tablesOf } from "@triplane/store";
import { type Dice, dice, type Faults, Scheduler, SimulatedDatabase, type SimulatedProcess, useVirtualTimers } from "@triplane/testkit";
import type { LeaseRecord } from "../engine/lease.ts";
import { DEFAULT_SETTINGS, type PoolSettings } from "../engine/settings.ts";
import { POOL_TABLES } from "../lease-rows.ts";
import { VmPool } from "../pool.ts";
import type { PoolObserver, PoolParts, ProbeResult } from "../ports.ts";
import type { ServerLabels } from "../provider.ts";
import { type CloudFault, SimulatedCloud } from "./simulated-cloud.ts";

const START_MS = Date.UTC(2026, 0, 5, 9);
const POOL = "pool-a";
const SECRET = new Uint8Array(32).fill(7);
/** Until everything that was asked for has come and gone. */
const STORM_MS = 15 * 60_000;
/** The longest lease, the longest late create, a grace, two passes of the reaper, and what failing destroys wait. */
const CALM_MS = 25 * 60_000;
/** How long the pool may take to release a lease whose time is over: its database may fail a few times. */
const LATE_S = 60;

export const SIMULATED_SETTINGS: PoolSettings = {
  ...DEFAULT_SETTINGS,
  pool: POOL,
  limits: { leases: 8, leasesPerTenant: 6, centsPerTenantMonth: undefined },
  golden: { golden: "current" },
};

export interface WorldOptions {
  readonly seed: string;
  readonly launchers: number;
  /** For proofs that it would be noticed: changes what the pool is made of. */
  readonly spoil?: (parts: PoolParts) => PoolParts;
}

export interface Outcome {
  readonly seed: string;
  /** What does not hold; nothing when all is well. */
  readonly broken: readonly string[];
  readonly failpoints: ReadonlySet<string>;
  readonly deaths: number;
  readonly servers: number;
  readonly readyLeases: number;
  readonly ends: Readonly<Record<string, number>>;
  readonly hash: string;
}

interface Launcher {
  readonly buildId: string;
  readonly retryOf?: string;
  /** Ends its run out of memory, and tries again: once as it may, and in ways that it may not. */
  readonly isGreedy?: boolean;
  readonly tier: Tier;
  readonly ttlS: number;
  readonly startsAtMs: number;
  /** Of the build, from ready on. */
  readonly buildMs: number;
  /** Silent from then on, as after SIGKILL. */
  readonly diesAtMs: number;
  lease: Lease | undefined;
  readyAtMs: number | undefined;
  isDone: boolean;
}

export class SimulatedWorld {
  readonly #dice: Dice;
  readonly #scheduler = new Scheduler({ startMs: START_MS });
  readonly #cloud: SimulatedCloud;
  readonly #database: SimulatedDatabase;
  readonly #options: WorldOptions;
  readonly #broken: string[] = [];
  readonly #failpoints = new Set<string>();
  readonly #ends: Record<string, number> = {};
  readonly #launchers: readonly Launcher[];
  #process: SimulatedProcess | undefined;
  #pool: VmPool | undefined;
  #deaths = 0;
  #ready = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#dice = dice(options.seed);
    const weather = this.#dice.fork("weather");
    const boots = this.#dice.fork("boots");
    this.#cloud = new SimulatedCloud({
      clock: this.#scheduler.clock(weather.between(-600_000, 600_000)),
      bootMs: () => (boots.chance(0.1) ? Number.POSITIVE_INFINITY : boots.between(1000, 120_000)),
      weather: (call) => (this.#isCalm ? undefined : faultOf(call, weather)),
      later: (act) => this.#scheduler.plan(weather.between(0, 50_000), undefined, act),
      // The pool has to know its own also where a provider tells too much.
      listsEverything: this.#dice.chance(0.5),
    });
    const faults: Faults = {
      delayMs: () => weather.between(1, 20) / 10,
      loses: (_what, step) => !this.#isCalm && step === "store.commit" && weather.chance(0.01),
      arrivesLate: () => false,
      at: () => undefined,
    };
    const rules = { assertHighest, assertId, assertListOptions, assertTable, assertWrites, tablesOf };
    const migrations = [{ version: 1, description: "pool", tables: POOL_TABLES }];
    this.#database = new SimulatedDatabase({ rules, scheduler: this.#scheduler, faults, migrations });
    const people = this.#dice.fork("launchers");
    this.#launchers = Array.from({ length: options.launchers }, (_, index) => launcher(index, people));
  }

  async run(): Promise<Outcome> {
    const restore = useVirtualTimers(this.#scheduler);
    const onStep = (name: unknown): void => this.#atFailpoint(String(name));
    subscribe(FAILPOINT_CHANNEL, onStep);
    try {
      this.#strangers();
      this.#startPool();
      for (const each of this.#launchers) this.#scheduler.plan(each.startsAtMs, undefined, () => this.#drive(each));
      if (this.#dice.chance(0.3)) this.#scheduler.plan(this.#dice.below(STORM_MS), undefined, () => this.#kill());
      if (this.#dice.chance(0.2)) this.#scheduler.plan(this.#dice.below(STORM_MS), undefined, () => this.#pullThePlug());
      await this.#scheduler.runUntil(() => false, STORM_MS + CALM_MS);
      this.#judge();
    } finally {
      unsubscribe(FAILPOINT_CHANNEL, onStep);
      if (this.#process !== undefined) this.#scheduler.kill(this.#process);
      restore();
    }
    return {
      ...{ seed: this.#options.seed, broken: this.#broken, failpoints: this.#failpoints, deaths: this.#deaths },
      ...{ servers: this.#cloud.history.length, readyLeases: this.#ready, ends: this.#ends, hash: this.#scheduler.hash },
    };
  }

  get #isCalm(): boolean {
    return this.#scheduler.elapsedMs > STORM_MS;
  }

  /** What the pool must not touch, and what an earlier pool left. */
  #strangers(): void {
    this.#cloud.stranger("somebody-elses");
    const provider = this.#cloud.provider();
    const add = (pool: string, lease: string) => {
      const labels: ServerLabels = { "managed-by": "triplane", pool, lease, tenant: "t", tier: "cx22", expires: "1900000000" };
      const offer = { type: "s2", location: "a", cpus: 2, memoryMib: 4096, platform: "linux/amd64", centsPerHour: 1 } as const;
      const spec = {
        name: lease,
        labels,
        offer,
        image: "golden-1",
        authorizedKey: "",
        hostKey: { private: "", public: "" },
        deadManAtS: 0,
      };
      // What the weather does to this one does not matter.
      provider.create(spec, new AbortController().signal).catch(() => undefined);
    };
    add("pool-b", `lease-${"b".repeat(32)}`);
    if (this.#dice.chance(0.5)) add(POOL, `lease-${"a".repeat(32)}`);
  }

  #startPool(): void {
    const skewMs = this.#dice.chance(0.3) ? this.#dice.between(-120_000, 120_000) : 0;
    const process = this.#scheduler.process("pool", skewMs);
    this.#process = process;
    this.#pool = undefined;
    this.#scheduler.plan(1, process, () => {
      void this.#openPool(process).then((pool) => {
        if (process.alive) this.#pool = pool;
      });
    });
  }

  async #openPool(process: SimulatedProcess): Promise<VmPool> {
    const ways = this.#dice.fork(`ways ${this.#deaths}`);
    const parts: PoolParts = {
      provider: this.#cloud.provider((_call, act) => this.#travel(process, ways, act)),
      store: await this.#database.open(process),
      ...{ clock: process.clock, random: ways.random, settings: SIMULATED_SETTINGS, secret: SECRET, observer: this.#observer() },
      probe: ({ host }, hostKey) => this.#travel(process, ways, () => this.#probed(host, hostKey)),
    };
    return await VmPool.start(this.#options.spoil?.(parts) ?? parts);
  }

  /** There and back. What has left the process arrives, also where the process dies meanwhile. */
  #travel<T>(process: SimulatedProcess, ways: Dice, act: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#scheduler.plan(ways.between(1, 3000), undefined, () => {
        const value = act();
        this.#scheduler.plan(ways.between(1, 3000), process, () => resolve(value));
      });
    });
  }

  #probed(host: string, hostKey: string): ProbeResult {
    const shown = this.#cloud.hostKeyAt(host);
    return shown === undefined ? "not-yet" : shown === hostKey ? "ready" : "wrong-key";
  }

  #observer(): PoolObserver {
    const nothing = (): void => undefined;
    return {
      ...{ leases: nothing, orphans: nothing, reaped: nothing, providerFailed: nothing },
      spawned: () => (this.#ready += 1),
      ended: (lease: LeaseRecord) => {
        if (this.#cloud.machines.some(({ name }) => name === lease.id)) this.#broken.push(`${lease.id} ended while its runner was there`);
        const end = lease.end?.code ?? "given back";
        this.#ends[end] = (this.#ends[end] ?? 0) + 1;
      },
    };
  }

  /** A launcher's turn, again and again until it is done: it asks, waits, builds, gives back, or dies. */
  #drive(each: Launcher): void {
    const { elapsedMs } = this.#scheduler;
    this.#assertOneServerEach();
    if (each.isDone || elapsedMs > each.diesAtMs) return;
    const [pool, process] = [this.#pool, this.#process];
    if (pool !== undefined && process?.alive === true)
      this.#scheduler.plan(1, process, () => {
        this.#act(each, pool).catch(() => undefined);
      });
    this.#scheduler.plan(5000, undefined, () => this.#drive(each));
  }

  async #act(each: Launcher, pool: VmPool): Promise<void> {
    const { elapsedMs } = this.#scheduler;
    if (each.lease === undefined) {
      each.lease = (await pool.spawn(requestOf(each))).lease;
      return;
    }
    const isBuilt = each.readyAtMs !== undefined && elapsedMs > each.readyAtMs + each.buildMs;
    const lease = isBuilt ? await pool.release(each.lease.lease_id) : await pool.heartbeat(each.lease.lease_id);
    if (lease.state === "ready") {
      if ((this.#process?.clock.nowMs() ?? 0) > (lease.expires_at + LATE_S) * 1000)
        this.#broken.push(`${lease.lease_id} is ready after its time`);
      each.readyAtMs ??= elapsedMs;
      if (lease.host === undefined || this.#cloud.hostKeyAt(lease.host) !== lease.host_key) this.#suspectKey(lease);
    }
    if (isBuilt && each.isGreedy === true) this.#retry(each);
    if (isBuilt || lease.state === "gone" || lease.state === "failed") each.isDone = true;
  }

  /** `oom-retry-bounded`: of these one may pass. */
  #retry(first: Launcher): void {
    const { elapsedMs } = this.#scheduler;
    const again = (number: number, tier: Tier): Launcher => ({
      ...{ buildId: first.buildId.replace(/1$/, String(number)), retryOf: first.buildId, tier, ttlS: first.ttlS, buildMs: first.buildMs },
      ...{ startsAtMs: elapsedMs, diesAtMs: elapsedMs + 300_000, lease: undefined, readyAtMs: undefined, isDone: false },
    });
    const above = tierAbove(first.tier) ?? first.tier;
    for (const each of [again(2, above), again(3, above), again(4, first.tier), again(5, tierAbove(above) ?? first.tier)])
      this.#drive(each);
  }

  /** Right, unless somebody ended the server a moment ago. */
  #suspectKey(lease: Lease): void {
    if (this.#cloud.machines.some(({ name }) => name === lease.lease_id))
      this.#broken.push(`${lease.lease_id} is ready and shows another key`);
  }

  #atFailpoint(name: string): void {
    const process = this.#process;
    if (this.#scheduler.current !== process || process?.alive !== true) return;
    this.#failpoints.add(name);
    if (!this.#isCalm && this.#dice.chance(0.04)) this.#kill();
  }

  #kill(): void {
    if (this.#process?.alive !== true) return;
    this.#scheduler.kill(this.#process);
    this.#deaths += 1;
    this.#scheduler.plan(this.#dice.between(100, 60_000), undefined, () => this.#startPool());
  }

  #pullThePlug(): void {
    const [machine] = this.#cloud.machines.filter(({ labels }) => labels?.pool === POOL);
    if (machine !== undefined) this.#cloud.pullThePlug(machine.name);
  }

  #assertOneServerEach(): void {
    const names = this.#cloud.machines.flatMap(({ labels }) => labels?.lease ?? []);
    if (new Set(names).size !== names.length) this.#broken.push("a lease has two servers");
  }

  #judge(): void {
    const left = this.#cloud.machines;
    for (const { name, labels } of left) if (labels?.pool === POOL) this.#broken.push(`${name} was never destroyed`);
    if (!left.some(({ name }) => name === "somebody-elses")) this.#broken.push("a stranger's server was destroyed");
    const others = this.#cloud.history.filter(({ labels }) => labels?.pool === "pool-b").length;
    if (left.filter(({ labels }) => labels?.pool === "pool-b").length !== others) this.#broken.push("another pool's server was destroyed");
    const rows = this.#database.rows("leases");
    for (const [id, row] of rows) {
      if (row["state"] !== "gone" && row["state"] !== "failed") this.#broken.push(`${id} is still ${row["state"]}`);
      if (row["server_id"] !== null) this.#broken.push(`${id} is over and has the server ${row["server_id"]}`);
    }
    for (const { name, memoryMib, labels } of this.#cloud.history) {
      const tier = rows.get(name)?.["tier"];
      if (labels?.pool !== POOL || tier === undefined) continue;
      if (memoryMib < TIER_SIZES[tier as Tier].memoryMib) this.#broken.push(`${name} has ${memoryMib} MiB, less than ${tier}`);
    }
    const retried = [...rows.values()].map((row) => row["retry_of"]).filter((build) => build !== null);
    if (new Set(retried).size !== retried.length) this.#broken.push("a build was retried twice");
    for (const row of rows.values()) {
      const first = [...rows.values()].find((each) => each["build_id"] === row["retry_of"]);
      const isHigher = TIERS.indexOf(row["tier"] as Tier) > TIERS.indexOf(first?.["tier"] as Tier);
      if (first !== undefined && !isHigher) this.#broken.push(`${row["build_id"]} retries on ${row["tier"]}, which is no tier up`);
    }
    const builds = [...rows.values()].map((row) => row["build_id"]);
    if (new Set(builds).size !== builds.length) this.#broken.push("a build id has two leases");
  }
}

function faultOf(call: string, weather: Dice): CloudFault | undefined {
  if (!weather.chance(0.15)) return undefined;
  if (call === "create") return weather.pick(["unavailable", "busy", "failed", "lose-request", "lose-answer", "answer-late", "limit"]);
  return weather.pick(call === "destroy" ? ["busy", "failed", "lose-request", "lose-answer"] : ["busy", "failed", "lose-request"]);
}

function launcher(index: number, people: Dice): Launcher {
  const startsAtMs = people.below(STORM_MS / 2);
  return {
    ...{ buildId: `b${index}.1`, tier: people.pick(TIERS), ttlS: people.between(60, 600), startsAtMs, buildMs: people.between(0, 300_000) },
    diesAtMs: people.chance(0.3) ? startsAtMs + people.below(300_000) : Number.POSITIVE_INFINITY,
    isGreedy: people.chance(0.3),
    ...{ lease: undefined, readyAtMs: undefined, isDone: false },
  };
}

function requestOf({ buildId, retryOf, tier, ttlS }: Launcher) {
  return {
    ...(retryOf === undefined ? {} : { retry_of: retryOf }),
    ...{ build_id: buildId, tier, ttl_s: ttlS, repo: "acme/api", target: "", platform: "linux/amd64" as const, tenant: "default" },
    ssh_public_key: "ssh-ed25519 AAAA",
  };
}
