// Builds a runner up on this machine and takes it down again.
//
// 1. Everything that is made is named by the runner's id or lies in its folder, and is known from the record on: whoever starts next can take it down.
// 2. Each helper runs inside the runner's cgroup: once that is removed nobody builds on, also not a process that outlived its orchestrator.
// 3. The root's mount and the network belong to the runner's namespaces alone, and go with its last process.
import { chmod, mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { findTool } from "@triplane/kit";
import { heldCapabilities, runnerCapabilities } from "./machine/capabilities.ts";
import type { RunnerCgroups } from "./machine/cgroup.ts";
import { containerConfig } from "./machine/container.ts";
import { exec } from "./machine/exec.ts";
import { attach, detach, type Helper } from "./machine/network.ts";
import type { ResolvedSettings, RunnerSize } from "./settings.ts";

const LIBEXEC = join(import.meta.dirname, "..", "libexec");
const PROCESSES = 8192;

/** The steps after each of which a process may die. */
export const BUILD_UP_STEPS = ["prepared", "recorded", "fenced", "created", "started", "connected", "announced"] as const;
export type BuildUpStep = (typeof BUILD_UP_STEPS)[number];

export interface RunnerPlace {
  readonly id: string;
  /** The runner's own folder. */
  readonly folder: string;
}

/** What lies beside the record in a runner's folder, but for the upper layer's files. */
export async function makeRunnerFolders(folder: string): Promise<void> {
  for (const name of ["upper", "work", "root", "runc", "buildkit"]) {
    await mkdir(join(folder, name), { recursive: true });
    await chmod(join(folder, name), name === "upper" || name === "root" ? 0o755 : 0o711);
  }
}

export class RunnerMachine {
  readonly #cgroups: RunnerCgroups;
  readonly #settings: ResolvedSettings;
  #runcPath: Promise<string> | undefined;

  constructor(cgroups: RunnerCgroups, settings: ResolvedSettings) {
    this.#cgroups = cgroups;
    this.#settings = settings;
  }

  /** Starts the runner; its address. `root` is the golden root. */
  async buildUp(
    place: RunnerPlace & { readonly name: string; readonly root: string; readonly size: RunnerSize },
    after: (step: BuildUpStep) => Promise<void>,
    signal: AbortSignal,
  ): Promise<string> {
    const { id, folder } = place;
    const runc = await this.#runc();
    const config = containerConfig({
      ...{ hostName: place.name, cgroup: `/${id}/runner`, buildkitFolder: join(folder, "buildkit") },
      capabilities: runnerCapabilities(await heldCapabilities()),
    });
    await writeFile(join(folder, "config.json"), JSON.stringify(config));
    await this.#cgroups.make(id, { memoryMib: place.size.memoryMib, cpus: place.size.cpus, processes: PROCESSES });
    await after("fenced");
    const join_ = (programArguments: readonly string[]): readonly string[] => [
      join(LIBEXEC, "join"),
      this.#cgroups.fence(id),
      ...programArguments,
    ];
    const helper: Helper = (...programArguments) => exec("/bin/sh", join_(programArguments), { signal });
    await this.#createContainer(place, join_(["unshare", "--mount", "--propagation", "private", "--", "/bin/sh"]), runc, signal);
    await after("created");
    const pid = Number((await readFile(join(folder, "pid"), "utf8")).trim());
    if (!Number.isSafeInteger(pid) || pid <= 1) throw new TriplaneError("provider_failed", "runc wrote no process id");
    // Its daemons start while it is connected: they listen on whatever comes.
    await helper(runc, "--root", join(folder, "runc"), "start", id);
    await after("started");
    const address = await attach(id, pid, folder, { range: this.#settings.range, forward: this.#settings.forward }, helper);
    await after("connected");
    return address;
  }

  /** Idempotent; everything but the folder. */
  async takeDown(id: string): Promise<void> {
    await this.#cgroups.remove(id);
    await detach(id);
  }

  async isAlive(id: string): Promise<boolean> {
    return (await this.#cgroups.runnerProcesses(id)).length > 0;
  }

  #runc(): Promise<string> {
    this.#runcPath ??= findTool("runc").then(({ path }) => path);
    return this.#runcPath;
  }

  /** Its output goes into a file: what it leaves running keeps it open. */
  async #createContainer(
    place: RunnerPlace & { readonly root: string },
    inNamespace: readonly string[],
    runc: string,
    signal: AbortSignal,
  ): Promise<void> {
    const path = join(place.folder, "log");
    const log = await open(path, "a", 0o600);
    try {
      await exec("/bin/sh", [...inNamespace, join(LIBEXEC, "create-container"), place.root, place.folder, runc, place.id], {
        outputTo: log.fd,
        signal,
      });
    } catch (error) {
      const said = (await readFile(path, "utf8").catch(() => "")).trim().split("\n").at(-1) ?? "";
      throw new TriplaneError("provider_failed", `the runner's container could not be made: ${said.slice(0, 300)}`, { cause: error });
    } finally {
      await log.close();
    }
  }
}
