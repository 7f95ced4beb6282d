// Runners on this machine as the pool sees them.
//
// 1. A runner exists from the rename that puts its record in place until the rename that takes it away; list and find read nothing but records and cgroups.
// 2. One process works on a folder of runners at a time; several providers of one process take turns.
import { rm } from "node:fs/promises";
import { type Clock, type Random, TriplaneError, toTriplaneError } from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";
import type { CallBudget, Capabilities, Image, Offer, Provider, Server, ServerSpec } from "@triplane/vm-pool";
import { RUNNER_USER } from "./golden/recipe.ts";
import { GoldenStore } from "./golden/store.ts";
import { inTurn } from "./in-turn.ts";
import { RunnerCgroups } from "./machine/cgroup.ts";
import { readHierarchies } from "./machine/hierarchy.ts";
import { checkedName, newRunnerId, RUNNER_ID_PATTERN } from "./names.ts";
import { runnerNeeds } from "./needs.ts";
import { upperFiles, writeUpper } from "./runner-files.ts";
import { type KnownRunner, RunnerFolders } from "./runner-folder.ts";
import { type BuildUpStep, makeRunnerFolders, RunnerMachine } from "./runner-machine.ts";
import { type RunnerRecord, serverLabelsSchema, writeRecord } from "./runner-record.ts";
import { type LocalSettings, type ResolvedSettings, type RunnerSize, resolveSettings, scaledMib } from "./settings.ts";

const LOCATION = "local";
const SSH_PORT = 22;
/** A runner without an address that is older was left by somebody who died. */
const STARTING_FOR_S = 60;

export interface LocalProviderOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** Runs after each step of a create: where tests let a process die. */
  afterStep?(step: BuildUpStep): Promise<void>;
}

/** Throws `provider_failed` naming all that is missing on this machine, `config_invalid` for wrong settings. */
export async function openLocalProvider(settings: LocalSettings, options: LocalProviderOptions = {}): Promise<Provider> {
  const resolved = resolveSettings(settings);
  const needs = await runnerNeeds(resolved.runnersFolder);
  if (needs.length > 0) {
    throw new TriplaneError("provider_failed", `runners on this machine need ${needs.join(", ")}`, {
      hint: "Provide what is missing, or configure another provider for builds.",
    });
  }
  const provider = new LocalProvider(resolved, new RunnerCgroups(await readHierarchies()), options);
  await provider.sweep();
  return provider;
}

class LocalProvider implements Provider {
  readonly capabilities: Capabilities = { name: "local", currency: undefined, billing: "none" };
  readonly #settings: ResolvedSettings;
  readonly #options: LocalProviderOptions;
  readonly #golden: GoldenStore;
  readonly #folders: RunnerFolders;
  readonly #machine: RunnerMachine;

  constructor(settings: ResolvedSettings, cgroups: RunnerCgroups, options: LocalProviderOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#golden = new GoldenStore(settings.goldenFolder);
    this.#folders = new RunnerFolders(settings.runnersFolder);
    this.#machine = new RunnerMachine(cgroups, settings);
  }

  async offers(): Promise<readonly Offer[]> {
    const platform = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
    return this.#settings.sizes
      .toSorted((a, b) => a.memoryMib - b.memoryMib)
      .map(({ type, cpus, memoryMib }) => ({ type, cpus, memoryMib, location: LOCATION, platform, centsPerHour: 0 }));
  }

  async create(spec: ServerSpec, signal: AbortSignal): Promise<Server> {
    const name = checkedName(spec.name);
    const offered = this.#settings.sizes.find(({ type }) => type === spec.offer.type);
    if (offered === undefined) throw new TriplaneError("provider_unavailable", `there is no size ${spec.offer.type.slice(0, 64)} here`);
    if ((await this.#golden.get(spec.image)) === undefined) {
      throw new TriplaneError("provider_failed", "there is no such golden root", {
        hint: "Make one, see docs/how-to/run-builds-on-this-machine.md.",
      });
    }
    if (signal.aborted) throw new TriplaneError("provider_failed", "was given up before it began");
    const size = { ...offered, memoryMib: scaledMib(offered.memoryMib, this.#settings.scale) };
    return await this.#alone(name, () => this.#create(spec, size, signal));
  }

  async #create(spec: ServerSpec, size: RunnerSize, signal: AbortSignal): Promise<Server> {
    const prepared = await this.#folders.begin();
    const id = newRunnerId((this.#options.random ?? systemRandom).bytes(6));
    const record: RunnerRecord = {
      ...{ id, name: spec.name, labels: serverLabelsSchema.parse(spec.labels), image: spec.image },
      ...{ offer: { type: size.type, location: LOCATION }, memoryMib: size.memoryMib, createdAtS: this.#nowS() },
    };
    try {
      await makeRunnerFolders(prepared);
      await writeUpper(`${prepared}/upper`, await upperFiles(spec, size.memoryMib, this.#settings));
      await writeRecord(prepared, record);
      await this.#after("prepared");
      if (!(await this.#folders.commit(prepared, spec.name)))
        throw new TriplaneError("provider_name_taken", `${spec.name} is there already`);
    } catch (error) {
      await rm(prepared, { recursive: true, force: true });
      throw toTriplaneError(error, "provider_failed");
    }
    const folder = this.#folders.of(spec.name);
    try {
      await this.#after("recorded");
      await this.#checkMemory(size);
      const place = { id, folder, name: spec.name, root: this.#golden.rootOf(spec.image), size };
      const address = await this.#machine.buildUp(place, (step) => this.#after(step), signal);
      const done = { ...record, address };
      await writeRecord(folder, done);
      await this.#after("announced");
      return await this.#server({ folder, record: done });
    } catch (error) {
      await this.#remove({ folder, record }).catch((cause: unknown) => {
        throw new TriplaneError("provider_unknown_outcome", "a runner that could not be started could not be removed", { cause });
      });
      throw toTriplaneError(error, "provider_failed");
    }
  }

  async find(name: string): Promise<Server | undefined> {
    const runner = await this.#folders.get(checkedName(name));
    return runner === undefined ? undefined : await this.#server(runner);
  }

  async list(pool: string): Promise<readonly Server[]> {
    await this.sweep();
    const runners = (await this.#folders.all()).filter(({ record }) => record.labels.pool === pool);
    return await Promise.all(runners.map((runner) => this.#server(runner)));
  }

  async destroy(id: string): Promise<void> {
    if (!RUNNER_ID_PATTERN.test(id)) return;
    const known = (await this.#folders.all()).find(({ record }) => record.id === id);
    if (known === undefined) return await this.#machine.takeDown(id);
    await this.#alone(known.record.name, async () => {
      const still = await this.#folders.get(known.record.name);
      if (still?.record.id === id) await this.#remove(still);
    });
    await this.sweep();
  }

  async images(labels: Readonly<Record<string, string>>): Promise<readonly Image[]> {
    return await this.#golden.images(labels);
  }

  budget(): CallBudget | undefined {
    return undefined;
  }

  async sweep(): Promise<void> {
    await this.#folders.sweep();
  }

  async #remove({ folder, record }: KnownRunner): Promise<void> {
    await writeRecord(folder, { ...record, ending: true });
    await this.#machine.takeDown(record.id);
    await this.#folders.remove(record.name);
  }

  /** All runners together, this one among them. Two that come at once may both be refused, never both be let in. */
  async #checkMemory(size: RunnerSize): Promise<void> {
    const taken = (await this.#folders.all()).reduce((sum, { record }) => sum + record.memoryMib, 0);
    if (taken > this.#settings.memoryMib) {
      throw new TriplaneError(
        "provider_unavailable",
        `${size.memoryMib} MiB do not fit: runners would have ${taken} of ${this.#settings.memoryMib} MiB`,
      );
    }
  }

  async #server({ record }: KnownRunner): Promise<Server> {
    const user = this.#settings.loginAsRoot === true ? "root" : RUNNER_USER;
    const address = record.address === undefined ? undefined : { host: record.address, port: SSH_PORT, user };
    return {
      ...{ id: record.id, name: record.name, labels: record.labels, offer: record.offer, createdAtS: record.createdAtS },
      state: await this.#stateOf(record),
      address,
    };
  }

  async #stateOf(record: RunnerRecord): Promise<Server["state"]> {
    if (record.ending === true) return "ending";
    if (record.address !== undefined) return (await this.#machine.isAlive(record.id)) ? "running" : "stopped";
    return this.#nowS() - record.createdAtS < STARTING_FOR_S ? "starting" : "stopped";
  }

  #alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    return inTurn(this.#folders.of(name), work);
  }

  async #after(step: BuildUpStep): Promise<void> {
    await this.#options.afterStep?.(step);
  }

  #nowS(): number {
    return Math.floor((this.#options.clock ?? systemClock).nowMs() / 1000);
  }
}
