// A running workspace with everything that validations look at: planes, a build plane in a simulated cloud, Prometheus, and a copy of the
// provisioning folder. Its parts are broken one at a time.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Sources, sourcesOfHome } from "@triplane/checker";
import { surroundingsOf, World } from "@triplane/cli";
import type { Clock } from "@triplane/contract";
import { findTool, freePort, systemClock, systemRandom } from "@triplane/kit";
import { type CheckReport, runValidation, type Surroundings, VALIDATIONS } from "@triplane/reflection";
import { type FakePart, startFakeGrafana, startFakeLoki, startFakeVector } from "@triplane/testkit";
import { type Cloud, startCloud } from "../build/plane/cloud.ts";
import { type PlaneOrchestrator, poolAccess, startOrchestrator } from "../build/plane/orchestrator.ts";
import { Program } from "../build/plane/program.ts";
import { ROOT } from "../e2e/installation.ts";

export const POOL = "builds";
type ScriptSource = Surroundings["scripts"];
const run = promisify(execFile);

export class WatchedSystem implements AsyncDisposable {
  readonly world: World;
  readonly sources: Sources;
  readonly cloud: Cloud;
  readonly grafana: FakePart;
  readonly registry: FakeRegistry;
  readonly provisioning: string;
  readonly #prometheus: Prometheus;
  readonly #scripts = new Map<string, ReturnType<Extract<ScriptSource, { where: string }>["read"]>>();
  readonly #stack: AsyncDisposableStack;
  /** Added to the clock of whoever validates. */
  laterByS = 0;
  dryRuns = false;

  private constructor(parts: Parts, stack: AsyncDisposableStack) {
    this.world = parts.world;
    this.sources = parts.sources;
    this.cloud = parts.cloud;
    this.grafana = parts.grafana;
    this.registry = parts.registry;
    this.provisioning = parts.provisioning;
    this.#prometheus = parts.prometheus;
    this.#stack = stack;
  }

  static async start(signal: AbortSignal): Promise<WatchedSystem> {
    await using stack = new AsyncDisposableStack();
    const world = await World.create({ clock: systemClock, random: systemRandom, signal }, () => undefined);
    stack.defer(async () => void (await world.destroy()));
    await world.bringUp("workload");
    await Promise.all([world.bringUp("signing"), world.bringUp("ci")]);
    const place = async (name: string): Promise<string> => {
      const folder = join(world.folder, name);
      await mkdir(folder, { recursive: true });
      return folder;
    };
    const cloud = stack.use(await startCloud({ folder: await place("cloud"), signal }));
    const folder = await place("pool");
    const access = await poolAccess(folder, await freePort(), systemRandom);
    const hcloud = ["--hcloud-endpoint", cloud.endpoint, "--hcloud-token-file", cloud.tokenFile];
    // The reaper would put right what the check has to find.
    const pool = ["--vm-pool-provider", "hcloud", "--vm-pool-name", POOL, "--vm-pool-reap-s", "3600", ...hcloud];
    stack.use<PlaneOrchestrator>(await startOrchestrator({ folder, access, options: pool, signal }));
    const registry = await FakeRegistry.start();
    stack.defer(() => registry.close());
    const [grafana, loki, vector] = await Promise.all([startFakeGrafana(), startFakeLoki(), startFakeVector()]);
    for (const part of [grafana, loki, vector]) stack.defer(() => part.close());
    const { ports } = world.workspace;
    const daemons = new Map([
      ["orchestrator", ports.orchestratorHealth],
      ["ops-controller", ports.controllerHealth],
      ["audit-mirror", ports.mirrorHealth],
      ["validator", ports.validatorHealth ?? 0],
      ["keeper-daemon", ports.keeperHealth],
      ["desired-sync", ports.desiredSyncHealth],
    ]);
    const prometheus = stack.use(await Prometheus.start(await place("prometheus"), daemons, signal));
    const provisioning = join(world.folder, "provisioning");
    await cp(join(ROOT, "provisioning"), provisioning, { recursive: true });
    const build = {
      ...{ provider: "hcloud", endpoint: cloud.endpoint, tokenFile: cloud.tokenFile, pool: POOL },
      ...{ orchestratorUrl: access.url, orchestratorTokenFile: access.readerTokenFile },
    };
    const settings = {
      ...{ prometheus: prometheus.url, loki: loki.url, grafana: grafana.url, vector: vector.url, registry: registry.url, build },
    };
    await writeFile(world.layout.validationFile, JSON.stringify(settings));
    const sources = await sourcesOfHome(world.layout.root);
    return new WatchedSystem({ world, sources, cloud, grafana, registry, prometheus, provisioning }, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Every check of every validation, by id. */
  async validate(): Promise<ReadonlyMap<string, CheckReport>> {
    const clock: Clock = { nowMs: () => systemClock.nowMs() + this.laterByS * 1000 };
    const { surroundings } = await surroundingsOf(
      { home: this.world.layout.root, provisioning: this.provisioning },
      {
        ...{ env: process.env, cwd: this.world.folder, clock, random: systemRandom, signal: this.world.options.signal },
        ...{ terminal: false, json: true, progress: () => undefined, emit: () => undefined },
        ...{ readInput: () => Promise.resolve(""), askSecret: () => Promise.resolve(undefined) },
      },
    );
    const scripts = await this.#scriptsOnce(surroundings.scripts);
    // A dry run of each playbook is a test of its own: it takes longer than all the rest.
    const dryRuns = this.dryRuns ? surroundings.dryRuns : { absent: "left out here" };
    const found = new Map<string, CheckReport>();
    for (const name of VALIDATIONS)
      for (const check of (await runValidation(name, { ...surroundings, scripts, dryRuns })).checks) found.set(check.id, check);
    return found;
  }

  /** Nushell starts for each of many scripts: once for each state of the folder, not once for each breakage. */
  async #scriptsOnce(source: ScriptSource): Promise<ScriptSource> {
    if ("absent" in source) return source;
    const files = await readdir(this.provisioning, { recursive: true, withFileTypes: true });
    const stamps = files.filter((file) => file.isFile() && file.name.endsWith(".nu")).map((file) => join(file.parentPath, file.name));
    const stamp = JSON.stringify(await Promise.all(stamps.sort().map(async (file) => [file, await readFile(file, "utf8")])));
    const read = this.#scripts.get(stamp) ?? source.read(this.world.options.signal);
    this.#scripts.set(stamp, read);
    return { where: source.where, read: () => read };
  }

  /** Prometheus looks for a daemon where there is none. */
  async misplace(daemon: string): Promise<void> {
    await this.#prometheus.scrape(daemon, await freePort());
  }

  async putBack(daemon: string): Promise<void> {
    await this.#prometheus.scrape(daemon);
  }

  /** A folder as it is now; the function brings it back. */
  async kept(folder: string): Promise<() => Promise<void>> {
    // Beside nothing that is looked at.
    const copy = await mkdtemp(join(this.world.folder, "kept-"));
    await cp(folder, copy, { recursive: true });
    return async () => {
      await rm(folder, { recursive: true, force: true });
      await cp(copy, folder, { recursive: true });
      await rm(copy, { recursive: true, force: true });
    };
  }

  async git(repository: string, ...args: readonly string[]): Promise<string> {
    const who = ["-c", "user.name=mallory", "-c", "user.email=mallory@example.org", "-c", "commit.gpgsign=false"];
    return (await run("git", ["--git-dir", repository, ...who, ...args])).stdout.trim();
  }
}

type Parts = Pick<WatchedSystem, "world" | "sources" | "cloud" | "grafana" | "registry" | "provisioning"> & {
  readonly prometheus: Prometheus;
};

/** As far as a registry that asks for a token: the real one is in test/build. */
class FakeRegistry {
  readonly url: string;
  readonly #server: Server;
  /** 200: it serves strangers. */
  status = 401;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<FakeRegistry> {
    let registry: FakeRegistry | undefined;
    const server = createServer((request, response) => {
      response.writeHead(request.url === "/v2/" ? (registry?.status ?? 500) : 404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    registry = new FakeRegistry(server, address !== null && typeof address === "object" ? address.port : 0);
    return registry;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

/** The real one, with a job for each daemon. */
class Prometheus implements AsyncDisposable {
  readonly url: string;
  readonly #program: Program;
  readonly #file: string;
  readonly #daemons: ReadonlyMap<string, number>;

  private constructor(program: Program, url: string, file: string, daemons: ReadonlyMap<string, number>) {
    this.#program = program;
    this.url = url;
    this.#file = file;
    this.#daemons = daemons;
  }

  static async start(folder: string, daemons: ReadonlyMap<string, number>, signal: AbortSignal): Promise<Prometheus> {
    const { path } = await findTool("prometheus");
    const file = join(folder, "prometheus.yml");
    await writeFile(file, configuration(daemons));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const flags = [`--config.file=${file}`, `--storage.tsdb.path=${join(folder, "data")}`, `--web.listen-address=127.0.0.1:${port}`];
    const program = await Program.start(
      {
        ...{ name: "prometheus", argv: [path, ...flags, "--web.enable-lifecycle"] as const, log: join(folder, "prometheus.log") },
        ready: async () => (await unhealthyTargets(url)).length === 0,
      },
      signal,
    );
    return new Prometheus(program, url, file, daemons);
  }

  /** At another port, or, without one, where it is; resolves when Prometheus knows how that one is. */
  async scrape(daemon: string, port?: number): Promise<void> {
    await writeFile(this.#file, configuration(port === undefined ? this.#daemons : new Map([...this.#daemons, [daemon, port]])));
    const response = await fetch(`${this.url}/-/reload`, { method: "POST" });
    if (!response.ok) throw new Error(`prometheus does not take its configuration: ${await response.text()}`);
    const deadlineMs = performance.now() + 60_000;
    for (;;) {
      const sick = await unhealthyTargets(this.url);
      if (port === undefined ? sick.length === 0 : sick.length === 1 && sick[0] === `${daemon} down`) return;
      if (performance.now() > deadlineMs) throw new Error(`prometheus says of its targets: ${sick.join(", ")}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program.stop();
  }
}

async function unhealthyTargets(url: string): Promise<readonly string[]> {
  const answer = (await (await fetch(`${url}/api/v1/targets?state=active`)).json()) as {
    data: { activeTargets: { labels: { job: string }; health: string }[] };
  };
  const targets = answer.data.activeTargets;
  if (targets.length === 0) return ["none yet"];
  return targets.filter(({ health }) => health !== "up").map(({ labels, health }) => `${labels.job} ${health}`);
}

function configuration(daemons: ReadonlyMap<string, number>): string {
  const jobs = [...daemons].map(([job_name, port]) => ({ job_name, static_configs: [{ targets: [`127.0.0.1:${port}`] }] }));
  // JSON is YAML.
  return JSON.stringify({ global: { scrape_interval: "1s", scrape_timeout: "1s" }, scrape_configs: jobs });
}
