// A whole workspace as `triplane up` would run it, each daemon a process of its own, for as long as a row measures.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { askHealth, childEnvironment, type ProcessSpec, planeStages, World } from "@triplane/cli";
import { freePort, sleep, systemClock, systemRandom } from "@triplane/kit";

/** What a load needs of a workspace. */
export interface Place {
  readonly world: World;
  /** Ops that its operator has issued so far. */
  issued: number;
  /** Records in the ledger, as the mirror tells. */
  recorded(): Promise<number>;
}

export interface WorkspaceOptions {
  readonly signal: AbortSignal;
  /** A module that node loads before each daemon. */
  readonly imports?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const READY_MS = 60_000;
const GRACE_MS = 20_000;

export class Workspace implements Place, AsyncDisposable {
  readonly world: World;
  issued = 0;
  /** Where nats-server answers about itself. */
  readonly natsMonitor: string;
  readonly #options: WorkspaceOptions;
  readonly #running = new Map<string, ChildProcess>();

  private constructor(world: World, natsMonitor: string, options: WorkspaceOptions) {
    this.world = world;
    this.natsMonitor = natsMonitor;
    this.#options = options;
  }

  /** Everything but desired-sync, which submits by itself. */
  static async start(options: WorkspaceOptions): Promise<Workspace> {
    const { signal } = options;
    const world = await World.create({ clock: systemClock, random: systemRandom, signal }, () => undefined);
    const workspace = new Workspace(world, `http://127.0.0.1:${await freePort()}`, options);
    try {
      for (const plane of ["workload", "signing"] as const)
        for (const stage of await planeStages(plane, world.layout, world.workspace)) await workspace.#startStage(stage);
      return workspace;
    } catch (error) {
      await workspace.close();
      throw error;
    }
  }

  /** Process id by daemon. */
  get processes(): ReadonlyMap<string, number> {
    return new Map([...this.#running].map(([name, child]) => [name, child.pid ?? 0]));
  }

  async recorded(): Promise<number> {
    return await recordedIn(this.world);
  }

  async close(): Promise<void> {
    for (const [name, child] of [...this.#running].toReversed()) {
      this.#running.delete(name);
      await end(child);
    }
    await this.world.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #startStage(stage: readonly ProcessSpec[]): Promise<void> {
    for (const spec of stage) this.#running.set(spec.name, this.#spawn(spec));
    for (const spec of stage) {
      await this.#ready(spec);
      await spec.afterReady?.();
    }
  }

  #spawn(spec: ProcessSpec): ChildProcess {
    mkdirSync(dirname(spec.log), { recursive: true, mode: 0o700 });
    const log = openSync(spec.log, "a", 0o600);
    const [program, ...args] = spec.argv;
    const imports = (this.#options.imports ?? []).map((module) => `--import=${module}`);
    const argv =
      spec.name === "nats-server" ? [...args, "--http_port", new URL(this.natsMonitor).port] : [...imports, ...args, "--log-level", "warn"];
    try {
      const env = { ...childEnvironment(process.env), ...this.#options.env, BENCH_DAEMON: spec.name };
      return spawn(program, argv, { cwd: this.world.layout.root, env, stdio: ["ignore", log, log] });
    } finally {
      closeSync(log);
    }
  }

  async #ready(spec: ProcessSpec): Promise<void> {
    const deadlineMs = performance.now() + READY_MS;
    while (!(await askHealth(spec.healthUrl, 1_000)).ok) {
      const child = this.#running.get(spec.name);
      if (child?.exitCode !== null || performance.now() > deadlineMs || this.#options.signal.aborted)
        throw new Error(`${spec.name} is not ready; the end of its log:\n${(await readFile(spec.log, "utf8")).slice(-2000)}`);
      await sleep(50);
    }
  }
}

/** Records in a workspace's ledger, by the mirror's gauge. */
export async function recordedIn(world: World): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${world.workspace.ports.mirrorHealth}/metrics`, { signal: AbortSignal.timeout(10_000) });
  const [, value] = /^triplane_mirror_ledger_records(?:\{[^}]*\})? (\d+)$/m.exec(await response.text()) ?? [];
  return Number(value ?? 0);
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  await gone;
  clearTimeout(late);
}

/** Where a module of this folder is, for `imports`. */
export function moduleBeside(name: string): string {
  return join(import.meta.dirname, name);
}
