// A cloud in memory: servers that boot in their time, offers that run out, answers that get lost. It outlives the pools that use it.
import { type Clock, TriplaneError } from "@triplane/contract";
import type { CallBudget, Capabilities, Image, Offer, Provider, Server, ServerLabels, ServerSpec } from "../provider.ts";

export type CloudCall = "offers" | "create" | "find" | "list" | "destroy" | "images";

/** What a call may meet. The last three are losses on the way: the cloud knows nothing of them. */
export type CloudFault = "unavailable" | "limit" | "busy" | "denied" | "failed" | "lose-request" | "lose-answer" | "answer-late";

/** How a call travels: the act happens in the cloud, its outcome comes back. The default takes no time. */
export type Travel = <T>(call: CloudCall, act: () => T) => Promise<T>;

export interface SimulatedCloudOptions {
  /** The cloud's own clock. */
  readonly clock: Clock;
  readonly offers?: readonly Offer[];
  readonly images?: readonly Image[];
  /** From acceptance to running; Infinity never boots. Asked once for each server. */
  readonly bootMs?: (name: string) => number;
  readonly capabilities?: Capabilities;
  /** What the next call of a kind meets, where nothing was ordered. */
  readonly weather?: (call: CloudCall, about: string) => CloudFault | undefined;
  /** Whether a request that got lost arrives late all the same: the act is handed over, to be done at some time or never. */
  readonly later?: (act: () => void) => void;
  readonly budget?: () => CallBudget | undefined;
  /** Breaks the promise of `list`: also strangers' servers are in it. */
  readonly listsEverything?: boolean;
}

interface Machine {
  readonly id: string;
  readonly name: string;
  readonly labels: ServerLabels | undefined;
  readonly hostKey: string;
  readonly memoryMib: number;
  readonly offer: { readonly type: string; readonly location: string };
  readonly createdAtMs: number;
  readonly runsAtMs: number;
  readonly host: string;
}

/** Resolves tiers as a cloud does that never sold types of their names. */
export const SIMULATED_OFFERS: readonly Offer[] = [
  { type: "s2", location: "a", cpus: 2, memoryMib: 4096, platform: "linux/amd64", centsPerHour: 1 },
  { type: "s2", location: "b", cpus: 2, memoryMib: 4096, platform: "linux/amd64", centsPerHour: 1.25 },
  { type: "s4", location: "a", cpus: 4, memoryMib: 8192, platform: "linux/amd64", centsPerHour: 2 },
  { type: "s8", location: "b", cpus: 8, memoryMib: 16_384, platform: "linux/amd64", centsPerHour: 4 },
  { type: "s16", location: "a", cpus: 16, memoryMib: 32_768, platform: "linux/amd64", centsPerHour: 8 },
];

const GOLDEN: Image = {
  id: "golden-1",
  createdAtS: 1_767_500_000,
  labels: { "managed-by": "triplane", golden: "current" },
  platform: "linux/amd64",
};

const CODES = {
  unavailable: "provider_unavailable",
  limit: "provider_limit",
  busy: "provider_busy",
  denied: "provider_denied",
  failed: "provider_failed",
} as const;

export class SimulatedCloud {
  readonly #options: SimulatedCloudOptions;
  readonly #machines = new Map<string, Machine>();
  readonly #ordered: { readonly call: CloudCall; readonly fault: CloudFault; readonly about: RegExp }[] = [];
  #number = 0;
  /** Every server that ever was, in order of its making. */
  readonly history: Machine[] = [];
  readonly calls: Record<CloudCall, number> = { offers: 0, create: 0, find: 0, list: 0, destroy: 0, images: 0 };

  constructor(options: SimulatedCloudOptions) {
    this.#options = options;
  }

  /** What is there now, whoever made it. */
  get machines(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  /** The next `times` calls of this kind meet the fault; `about` restricts it to names, ids and offers (`type location`). */
  order(call: CloudCall, fault: CloudFault, times = 1, about: RegExp = /./): void {
    for (let time = 0; time < times; time += 1) this.#ordered.push({ call, fault, about });
  }

  /** A server of somebody else in the account. */
  stranger(name: string): string {
    return this.#add(name, undefined, "", { type: "s2", location: "a", memoryMib: 4096 }).id;
  }

  /** Ends a server as somebody would who is not the pool. */
  pullThePlug(name: string): void {
    const machine = this.#named(name);
    if (machine !== undefined) this.#machines.delete(machine.id);
  }

  /** The host key that the server at an address shows, once it runs. */
  hostKeyAt(host: string): string | undefined {
    const machine = this.machines.find((each) => each.host === host);
    return machine !== undefined && this.#isRunning(machine) ? machine.hostKey : undefined;
  }

  /** A client of this cloud. */
  provider(travel: Travel = async (_call, act) => act()): Provider {
    const capabilities = this.#options.capabilities ?? { name: "simulated", currency: "EUR", billing: "hour" };
    const call = <T>(kind: CloudCall, about: string, signal: AbortSignal, act: () => T): Promise<T> =>
      this.#call(travel, kind, about, signal, act);
    return {
      capabilities,
      offers: (signal) => call("offers", "", signal, () => this.#options.offers ?? SIMULATED_OFFERS),
      create: (spec, signal) => call("create", aboutSpec(spec), signal, () => this.#create(spec)),
      find: (name, signal) => call("find", name, signal, () => this.#seen(this.#named(name))),
      list: (pool, signal) => call("list", pool, signal, () => this.#list(pool)),
      destroy: (id, signal) => call("destroy", this.#machines.get(id)?.name ?? id, signal, () => void this.#machines.delete(id)),
      images: (labels, signal) => call("images", "", signal, () => this.#images(labels)),
      budget: () => this.#options.budget?.(),
    };
  }

  async #call<T>(travel: Travel, kind: CloudCall, about: string, signal: AbortSignal, act: () => T): Promise<T> {
    if (signal.aborted) throw new TriplaneError("provider_failed", `${kind} was given up before it began`);
    const unknown = () => new TriplaneError("provider_unknown_outcome", `the answer to ${kind} ${about} did not come`);
    const outcome = await travel(kind, (): { readonly value: T } | { readonly thrown: unknown } => {
      this.calls[kind] += 1;
      const fault = this.#faultOf(kind, about);
      if (fault === "lose-request") return { thrown: unknown() };
      if (fault === "answer-late") {
        this.#options.later?.(() => {
          try {
            act();
          } catch {
            // Nobody waits for this answer any more.
          }
        });
        return { thrown: unknown() };
      }
      if (fault !== undefined && fault !== "lose-answer")
        return { thrown: new TriplaneError(CODES[fault], `the simulated cloud says ${fault} to ${kind} ${about}`) };
      try {
        const value = act();
        return fault === "lose-answer" ? { thrown: unknown() } : { value };
      } catch (thrown) {
        return { thrown };
      }
    });
    if ("thrown" in outcome) throw outcome.thrown;
    return outcome.value;
  }

  #faultOf(kind: CloudCall, about: string): CloudFault | undefined {
    const at = this.#ordered.findIndex(({ call, about: pattern }) => call === kind && (about === "" || pattern.test(about)));
    if (at >= 0) return this.#ordered.splice(at, 1)[0]?.fault;
    return this.#options.weather?.(kind, about);
  }

  #create(spec: ServerSpec): Server {
    const offer = (this.#options.offers ?? SIMULATED_OFFERS).find(
      ({ type, location }) => type === spec.offer.type && location === spec.offer.location,
    );
    if (offer === undefined) throw new TriplaneError("provider_unavailable", `there is no ${spec.offer.type} in ${spec.offer.location}`);
    if (!(this.#options.images ?? [GOLDEN]).some(({ id }) => id === spec.image))
      throw new TriplaneError("provider_failed", `there is no image ${spec.image}`);
    for (const [key, value] of Object.entries(spec.labels))
      if (!/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(value))
        throw new TriplaneError("provider_failed", `${key}=${value} is no label`);
    if (this.#named(spec.name) !== undefined) throw new TriplaneError("provider_name_taken", `there is a server ${spec.name}`);
    return this.#server(this.#add(spec.name, spec.labels, spec.hostKey.public, offer));
  }

  #add(name: string, labels: ServerLabels | undefined, hostKey: string, offer: Pick<Offer, "type" | "location" | "memoryMib">): Machine {
    this.#number += 1;
    const createdAtMs = this.#options.clock.nowMs();
    const machine: Machine = {
      ...{ id: String(1000 + this.#number), name, labels, hostKey, memoryMib: offer.memoryMib },
      ...{ offer: { type: offer.type, location: offer.location }, createdAtMs, host: `10.0.${this.#number >> 8}.${this.#number & 255}` },
      runsAtMs: createdAtMs + (this.#options.bootMs?.(name) ?? 1000),
    };
    this.#machines.set(machine.id, machine);
    this.history.push(machine);
    return machine;
  }

  #named(name: string): Machine | undefined {
    return this.machines.find((machine) => machine.name === name);
  }

  #isRunning(machine: Machine): boolean {
    return this.#options.clock.nowMs() >= machine.runsAtMs;
  }

  #list(pool: string): readonly Server[] {
    const listed = this.#options.listsEverything === true ? this.machines : this.machines.filter(({ labels }) => labels?.pool === pool);
    return listed.map((machine) => this.#server(machine));
  }

  #seen(machine: Machine | undefined): Server | undefined {
    return machine === undefined ? undefined : this.#server(machine);
  }

  #server(machine: Machine): Server {
    const { id, name, labels, offer, createdAtMs, host } = machine;
    const isRunning = this.#isRunning(machine);
    return {
      ...{ id, name, labels, offer, createdAtS: Math.floor(createdAtMs / 1000) },
      ...(isRunning ? { state: "running", address: { host, port: 22, user: "build" } } : { state: "starting", address: undefined }),
    };
  }

  #images(labels: Readonly<Record<string, string>>): readonly Image[] {
    return (this.#options.images ?? [GOLDEN])
      .filter((image) => Object.entries(labels).every(([key, value]) => image.labels[key] === value))
      .toSorted((a, b) => b.createdAtS - a.createdAtS);
  }
}

function aboutSpec({ name, offer }: ServerSpec): string {
  return `${name} ${offer.type} ${offer.location}`;
}
