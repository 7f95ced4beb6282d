// Everything that builds need, for real and on one machine: S3, registry, gateway, orchestrator with its pool, a base image; the pool makes runners
// itself (provider local), or buys them in a simulated cloud that has a real runner behind each server (provider hcloud).
//
//   await using plane = await BuildPlane.start({ random: systemRandom });
//   … run `triplane build` with plane.launcherEnv, look at plane.orchestrator.leases() …
//   assert.deepEqual(await plane.left(), []);
//
// 1. What one start made, the same object ends: every process, the address, the folder, also when the start fails half-way.
// 2. Leaving the scope ends runners that are still there: a test that failed leaves nothing on the machine either.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Random } from "@triplane/contract";
import { freePort, sleep, systemClock } from "@triplane/kit";
import { openLocalProvider } from "@triplane/provider-local";
import { goldenForTests } from "@triplane/provider-local/testing";
import { type BaseImage, pushBaseImage } from "./base-image.ts";
import { type Cloud, startCloud } from "./cloud.ts";
import { assertPlaneNeeds } from "./needs.ts";
import { type PlaneNetwork, takeNetwork } from "./network.ts";
import { type PlaneOrchestrator, poolAccess, QUICK, startOrchestrator } from "./orchestrator.ts";
import { type PlaneRegistry, startPlaneRegistry } from "./registry.ts";
import { RunnerTraces } from "./traces.ts";

/** A runner has an eighth of its tier's memory: 512 MiB of 4 GiB. Then four tiers fit on a small machine. */
const SCALE = 8;
const POOL = "builds";
const LOOK_EVERY_MS = 200;

/** Of the simulator's backer, whose pool has a name of its own. */
const BACKER_POOL = "hcloud-sim";
const BACKER = join(import.meta.dirname, "..", "..", "..", "packages", "workload", "provider-local", "src", "backer.ts");

export const PLANE_PROVIDERS = ["local", "hcloud"] as const;
export type PlaneProvider = (typeof PLANE_PROVIDERS)[number];

export interface PlaneOptions {
  readonly random: Random;
  /** `local` unless told otherwise. */
  readonly provider?: PlaneProvider;
  /** Options of the orchestrator beside, or instead of, those of the local provider. */
  readonly options?: readonly string[];
  /** Told of each part that runs. */
  progress?(part: string): void;
  readonly signal?: AbortSignal;
}

export class BuildPlane implements AsyncDisposable {
  readonly folder: string;
  readonly runnersFolder: string;
  readonly goldenFolder: string;
  readonly network: PlaneNetwork;
  readonly registry: PlaneRegistry;
  readonly orchestrator: PlaneOrchestrator;
  readonly base: BaseImage;
  /** The simulated one, where the pool buys there. */
  readonly cloud: Cloud | undefined;
  readonly #traces: RunnerTraces;
  readonly #parts: AsyncDisposableStack;

  private constructor(parts: PlaneParts, traces: RunnerTraces, stack: AsyncDisposableStack) {
    this.folder = parts.folder;
    this.runnersFolder = parts.runnersFolder;
    this.goldenFolder = parts.goldenFolder;
    this.network = parts.network;
    this.registry = parts.registry;
    this.orchestrator = parts.orchestrator;
    this.base = parts.base;
    this.cloud = parts.cloud;
    this.#traces = traces;
    this.#parts = stack;
  }

  /** Throws `tool_missing` naming all that this machine lacks, `start_failed` for a part that does not come up. */
  static async start({ random, provider = "local", options = [], progress = () => undefined, signal }: PlaneOptions): Promise<BuildPlane> {
    await assertPlaneNeeds();
    await using stack = new AsyncDisposableStack();
    const golden = await goldenForTests();
    progress(`golden root ${golden.record.digest.slice(0, 20)}…`);
    const folder = await mkdtemp(join(tmpdir(), "triplane-builds-"));
    stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const network = stack.use(await takeNetwork(random));
    const runnersFolder = join(folder, "runners");
    const access = await poolAccess(join(folder, "pool"), await freePort(), random);
    const traces = new RunnerTraces(runnersFolder, network);
    stack.defer(() => traces.stop());
    const registry = stack.use(
      await startPlaneRegistry({
        ...{ folder: join(folder, "registry"), host: network.gateway, random, signal },
        orchestrator: { url: access.url, tokenFile: access.readerTokenFile },
      }),
    );
    progress(`S3 (versitygw), ${registry.backend.name}, registry-gateway at ${registry.origin}`);
    const machines: Machines = { folder, runnersFolder, goldenFolder: golden.folder, network, registry: registry.registry };
    stack.defer(() => endRunners(machines));
    const cloud = provider === "hcloud" ? stack.use(await backedCloud(machines, signal)) : undefined;
    if (cloud !== undefined) progress(`hcloud-sim at ${cloud.endpoint}, a runner of this machine behind each of its servers`);
    const orchestrator = stack.use(
      await startOrchestrator({
        ...{ folder: join(folder, "pool"), access, signal },
        options: [
          ...[
            "--vm-pool-provider",
            provider,
            "--vm-pool-name",
            POOL,
            ...(cloud === undefined ? localOptions(machines) : cloudOptions(cloud)),
          ],
          ...["--registry", registry.registry, "--registry-key-file", registry.keyFile],
          ...["--vm-pool-heartbeat-s", String(QUICK.heartbeatS), "--vm-pool-reap-s", String(QUICK.reapS)],
          ...["--vm-pool-boot-s", String(QUICK.bootS), ...options],
        ],
      }),
    );
    progress(`orchestrator with the provider ${provider}, runners in ${network.cidr}`);
    const busybox = join(golden.folder, golden.record.digest, "root", "usr", "bin", "busybox");
    const login = { username: "woodpecker", password: registry.secrets.woodpecker };
    const base = await pushBaseImage({ folder, registry: registry.registry, login, busybox });
    progress(`base image ${base.reference}`);
    const parts = { folder, runnersFolder, goldenFolder: golden.folder, network, registry, orchestrator, base, cloud };
    return new BuildPlane(parts, traces, stack.move());
  }

  /** What a launcher needs to know. */
  get launcherEnv(): Readonly<Record<string, string>> {
    const { url, tokenFile } = this.orchestrator.access;
    return {
      ...{ TRIPLANE_BUILD_ORCHESTRATOR_URL: url, TRIPLANE_BUILD_TOKEN_FILE: tokenFile },
      TRIPLANE_BUILD_MAY_PULL: this.base.repository,
    };
  }

  /** Ids of all runners that there ever were. */
  get runnersSeen(): readonly string[] {
    return this.#traces.seen;
  }

  /** Leases that are not over, orphans, and whatever is on the machine of runners; waits that long for it to become nothing. */
  async left(withinMs = 30_000): Promise<readonly string[]> {
    const giveUpMs = performance.now() + withinMs;
    for (;;) {
      const leases = await this.#leasesLeft();
      const late = performance.now() > giveUpMs;
      // The whole machine is looked at where the pool says that nothing is left, and for the last word.
      if (leases.length === 0 || late) {
        const found = [...leases, ...(await this.#traces.left())];
        if (found.length === 0 || late) return found;
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.disposeAsync();
  }

  async #leasesLeft(): Promise<readonly string[]> {
    const { leases, orphans } = await this.orchestrator.leases();
    return [...leases.map((lease) => `lease ${lease.lease_id} is ${lease.state}`), ...(orphans === 0 ? [] : [`${orphans} orphans`])];
  }
}

type PlaneParts = Pick<
  BuildPlane,
  "folder" | "runnersFolder" | "goldenFolder" | "network" | "registry" | "orchestrator" | "base" | "cloud"
>;

interface Machines extends Pick<BuildPlane, "folder" | "runnersFolder" | "goldenFolder" | "network"> {
  /** `host:port`. */
  readonly registry: string;
}

function localOptions({ runnersFolder, goldenFolder, network, registry }: Machines): readonly string[] {
  const folders = ["--local-runners-dir", runnersFolder, "--local-golden-dir", goldenFolder];
  return [...folders, "--local-network", network.cidr, "--local-scale", String(SCALE), "--local-plain-http", registry];
}

function cloudOptions({ endpoint, tokenFile }: Cloud): readonly string[] {
  return ["--hcloud-endpoint", endpoint, "--hcloud-token-file", tokenFile];
}

async function backedCloud({ folder, runnersFolder, goldenFolder, network, registry }: Machines, signal?: AbortSignal): Promise<Cloud> {
  const env = {
    ...{ TRIPLANE_BACKER_RUNNERS_DIR: runnersFolder, TRIPLANE_BACKER_GOLDEN_DIR: goldenFolder, TRIPLANE_BACKER_NETWORK: network.cidr },
    ...{ TRIPLANE_BACKER_SCALE: String(SCALE), TRIPLANE_BACKER_PLAIN_HTTP: registry },
  };
  return await startCloud({ folder: join(folder, "cloud"), backer: { module: BACKER, env }, signal });
}

/** Whoever made them has ended and left them to the next one, which never comes. */
async function endRunners({ runnersFolder, goldenFolder, network }: Machines): Promise<void> {
  const settings = { runnersFolder, goldenFolder, network: network.cidr, forward: false, plainHttpRegistries: [] };
  const provider = await openLocalProvider(settings, { clock: systemClock });
  const { signal } = new AbortController();
  for (const pool of [POOL, BACKER_POOL]) for (const { id } of await provider.list(pool, signal)) await provider.destroy(id, signal);
}
