// Many workspaces on one host: each with its own nats-server, keys, repositories and stores; one process for each kind of daemon.
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { askHealth, childEnvironment, type ProcessSpec, planeStages, World } from "@triplane/cli";
import { sleep, systemClock, systemRandom } from "@triplane/kit";
import type { HostedDaemon } from "./host.ts";
import { end, moduleBeside, type Place, recordedIn } from "./workspace.ts";

const READY_MS = 120_000;

export class ManyWorkspaces implements AsyncDisposable {
  readonly places: Place[] = [];
  readonly #hosts = new Map<string, ChildProcess>();
  readonly #servers: ChildProcess[] = [];
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Makes and starts one more. */
  async add(): Promise<void> {
    const world = await World.create({ clock: systemClock, random: systemRandom, signal: this.#signal }, () => undefined);
    this.places.push({ world, issued: 0, recorded: () => recordedIn(world) });
    for (const plane of ["workload", "signing"] as const)
      for (const all of await planeStages(plane, world.layout, world.workspace)) {
        // No op waits for the validator, and no host serves it.
        const stage = all.filter(({ name }) => name !== "validator");
        for (const spec of stage) this.#start(spec);
        for (const spec of stage) {
          await this.#ready(spec);
          await spec.afterReady?.();
        }
      }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts.values()) {
      if (host.exitCode !== null) continue;
      const gone = once(host, "exit");
      host.disconnect();
      const late = setTimeout(() => host.kill("SIGKILL"), 60_000);
      await gone;
      clearTimeout(late);
    }
    await Promise.all(this.#servers.map(end));
    for (const { world } of this.places) await world.destroy();
  }

  #start(spec: ProcessSpec): void {
    const [program, ...args] = spec.argv;
    if (spec.name === "nats-server") {
      mkdirSync(dirname(spec.log), { recursive: true, mode: 0o700 });
      const log = openSync(spec.log, "a", 0o600);
      this.#servers.push(spawn(program, args, { env: childEnvironment(process.env), stdio: ["ignore", log, log] }));
      closeSync(log);
      return;
    }
    // The daemon's own file comes first; the rest names the configuration.
    this.#host(spec.name as HostedDaemon).send(args.slice(1));
  }

  #host(name: HostedDaemon): ChildProcess {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const log = openSync(join(tmpdir(), `triplane-bench-host-${name}-${process.pid}.log`), "w", 0o600);
    const host = fork(moduleBeside("host.ts"), [name], { env: childEnvironment(process.env), stdio: ["ignore", log, log, "ipc"] });
    closeSync(log);
    this.#hosts.set(name, host);
    return host;
  }

  async #ready(spec: ProcessSpec): Promise<void> {
    const deadlineMs = performance.now() + READY_MS;
    while (!(await askHealth(spec.healthUrl, 2_000)).ok) {
      if (performance.now() > deadlineMs || this.#signal.aborted)
        throw new Error(`${spec.name} of workspace ${this.places.length} is not ready`);
      await sleep(50);
    }
  }
}
