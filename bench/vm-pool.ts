// Measures the pool in this process, with a real database, over a simulated Hetzner project.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Lease, nowSeconds, type SpawnRequest } from "@triplane/contract";
import { silentLogger, sleep, systemClock, systemRandom } from "@triplane/kit";
import { type SimulatedHcloud, simulatedHcloud } from "@triplane/orchestrator/testing";
import { hcloudProvider } from "@triplane/provider-hcloud";
import { openStore } from "@triplane/store";
import {
  CURRENT_GOLDEN,
  DEFAULT_SETTINGS,
  POOL_TABLES,
  type PoolObserver,
  type Provider,
  type ServerLabels,
  VmPool,
} from "@triplane/vm-pool";

const POOL = "w1";
const NEVER = new AbortController().signal;
const nothing = (): void => undefined;

interface Place extends AsyncDisposable {
  readonly cloud: SimulatedHcloud;
  readonly provider: Provider;
  /** Starts a pool over the cloud; `passed` is called after each pass of the reaper. */
  start(passed?: () => void): Promise<VmPool>;
}

async function place(folder: string): Promise<Place> {
  const cloud = await simulatedHcloud(folder, { serverLimit: 5000 });
  const { token, endpoint } = cloud;
  const provider = hcloudProvider({ token, endpoint, clock: systemClock, random: systemRandom, logger: silentLogger, pollMs: 20 });
  const migrations = [{ version: 1, description: "pool", tables: POOL_TABLES }];
  const store = await openStore({ url: `rocksdb://${join(folder, "store")}`, migrations });
  const limits = { leases: 100, leasesPerTenant: 100, centsPerTenantMonth: undefined };
  const observer: PoolObserver = {
    leases: nothing,
    orphans: nothing,
    spawned: nothing,
    ended: nothing,
    reaped: nothing,
    providerFailed: nothing,
  };
  return {
    ...{ cloud, provider },
    start: (passed = nothing) =>
      VmPool.start({
        ...{ provider, store, clock: systemClock, random: systemRandom, secret: randomBytes(32), probe: async () => "ready" },
        settings: { ...DEFAULT_SETTINGS, pool: POOL, limits, golden: CURRENT_GOLDEN, orphanGraceS: 1_000_000, probeEveryS: 0.1 },
        observer: { ...observer, orphans: passed },
      }),
    [Symbol.asyncDispose]: async () => {
      await store.close();
      await cloud[Symbol.asyncDispose]();
    },
  };
}

export interface ReaperCost {
  readonly servers: number;
  readonly passCalls: number;
  readonly listCalls: number;
  readonly passMs: number;
  readonly listMs: number;
}

export async function measureReaper(servers: number, folder: string): Promise<ReaperCost> {
  await using at = await place(folder);
  for (let number = 0; number < servers; number += 1) {
    const lease = `lease-${number.toString(16).padStart(32, "0")}`;
    const expires = String(nowSeconds(systemClock) + 1_000_000);
    const labels: ServerLabels = { "managed-by": "triplane", pool: POOL, lease, tenant: "default", tier: "cx22", expires };
    await at.cloud.addServer(lease, { ...labels });
  }
  // Once before, so that neither pays for the first connection.
  await at.provider.list(POOL, NEVER);
  at.cloud.forget();
  const before = performance.now();
  await at.provider.list(POOL, NEVER);
  const [listMs, listCalls] = [performance.now() - before, at.cloud.calls()];
  at.cloud.forget();
  const passed = Promise.withResolvers<readonly [ms: number, calls: number]>();
  const starting = performance.now();
  const pool = await at.start(() => passed.resolve([performance.now() - starting, at.cloud.calls()]));
  const [passMs, passCalls] = await passed.promise;
  await pool.stop();
  return { servers, passCalls, listCalls, passMs, listMs };
}

export interface ManyLeases {
  readonly count: number;
  readonly oneMs: number;
  readonly manyMs: number;
  readonly failed: number;
  readonly left: number;
}

export async function measureManyLeases(count: number, folder: string): Promise<ManyLeases> {
  await using at = await place(folder);
  const pool = await at.start();
  let failed = 0;
  const round = async (name: string, size: number): Promise<number> => {
    const before = performance.now();
    const ends = await Promise.all(Array.from({ length: size }, (_, number) => lease(pool, `${name}.${number}`)));
    const ms = performance.now() - before;
    failed += ends.filter(({ state }) => state !== "ready").length;
    for (const { lease_id } of ends) await pool.release(lease_id);
    while (pool.list().leases.length > 0) await sleep(20);
    return ms;
  };
  await round("warm", 1);
  const oneMs = await round("one", 1);
  const manyMs = await round("many", count);
  await pool.stop();
  return { count, oneMs, manyMs, failed, left: (await at.cloud.servers()).length };
}

/** From the request until it is ready, or failed. */
async function lease(pool: VmPool, buildId: string): Promise<Lease> {
  const request: SpawnRequest = {
    ...{ build_id: buildId, repo: "acme/api", target: "", platform: "linux/amd64", tier: "cx22", ttl_s: 600, tenant: "default" },
    ssh_public_key: `ssh-ed25519 ${"A".repeat(68)}`,
  };
  const { lease_id } = (await pool.spawn(request)).lease;
  for (;;) {
    const now = await pool.heartbeat(lease_id);
    if (now.state !== "creating" && now.state !== "booting") return now;
    await sleep(10);
  }
}
