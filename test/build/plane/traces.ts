// What runners leave on the machine: whatever there is of a plane's runners, in words; nothing when all of them are gone.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { leftoversOf } from "@triplane/provider-local/testing";
import { z } from "zod";
import { type PlaneNetwork, routedInterfaces } from "./network.ts";

const recordSchema = z.looseObject({ id: z.string() });

/** Remembers the id of every runner that it sees: a cgroup or an interface of one whose record is gone is found by it. */
export class RunnerTraces {
  readonly #folder: string;
  readonly #network: Pick<PlaneNetwork, "prefix">;
  readonly #seen = new Set<string>();
  /** Folders whose record was read. */
  readonly #read = new Set<string>();
  readonly #timer: NodeJS.Timeout;

  constructor(runnersFolder: string, network: Pick<PlaneNetwork, "prefix">) {
    this.#folder = runnersFolder;
    this.#network = network;
    this.#timer = setInterval(() => void this.#look(), 100);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Ids of all runners that there were. */
  get seen(): readonly string[] {
    return [...this.#seen];
  }

  async left(): Promise<readonly string[]> {
    const present = await this.#look();
    const found = [
      ...present.map((name) => `runner ${name}`),
      ...(await routedInterfaces(this.#network)).map((name) => `route over ${name}`),
      ...(await leftoversOf([...this.#seen], this.#folder)),
    ];
    return [...new Set(found)];
  }

  /** Names of the runners that are there. */
  async #look(): Promise<readonly string[]> {
    const names = (await readdir(this.#folder).catch(() => [])).filter((name) => !name.startsWith("."));
    for (const name of names) {
      if (this.#read.has(name)) continue;
      const text = await readFile(join(this.#folder, name, "runner.json"), "utf8").catch(() => "{}");
      const record = recordSchema.safeParse(JSON.parse(text));
      if (!record.success) continue;
      this.#seen.add(record.data.id);
      this.#read.add(name);
    }
    return names;
  }
}
