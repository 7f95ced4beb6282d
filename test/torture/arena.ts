// What faults are inflicted on: the processes of a workspace, the links between them, the disks under them, and the people's machines.
//
// 1. Every connection of a daemon or a seat goes through a link of its own, so that any of them can be cut.
// 2. Where the system allows it, each state lies on a disk of its own. Where not, `disks` is empty and `noDisks` says why.
// 3. Two faults never hold the same part at once: a part is claimed before it is touched.
import { cp, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { World } from "@triplane/cli";
import { atomicWriteFile, sleep } from "@triplane/kit";
import { repositoryDir } from "@triplane/ledger";
import { Cluster } from "../faults/cluster.ts";
import { Claims } from "./claims.ts";
import { LoopDisk, whyNoDisks } from "./disks/loop-disk.ts";
import { runProgram } from "./disks/program.ts";
import { Book } from "./load/book.ts";
import { Seat } from "./load/seat.ts";
import { type LoadStep, SEAT_NAMES, type SeatName, seatOf } from "./load/step.ts";
import { Link } from "./net/link.ts";
import { Namespace, whyNoNamespaces } from "./net/namespace.ts";
import { Tally } from "./tally.ts";

export const DAEMONS = ["nats-server", "orchestrator", "ops-controller", "audit-mirror", "keeper-daemon"] as const;
export type Daemon = (typeof DAEMONS)[number];

export const LINKS = [
  "keeper-daemon to nats-server",
  "ops-controller to nats-server",
  "audit-mirror to nats-server",
  "ops-controller to orchestrator",
  "people to nats-server",
  "people to orchestrator",
  "robots to nats-server",
  "robots to orchestrator",
] as const;
const KEEPERS_LINK = "keeper-daemon to nats-server";
export type LinkName = (typeof LINKS)[number];

export const DISKS = ["nats-server", "ops-controller", "orchestrator", "ledger", "outbox"] as const;
export type DiskName = (typeof DISKS)[number];

/** The program that people call. */
export const TRIPLANE = join(import.meta.dirname, "../../packages/cli/bin/triplane.mjs");

const WORK_MS = 8_000;
// The engine of the stores takes some 70 MiB in advance for each of its logs.
const DISK_MIB = 512;

export class Arena {
  readonly cluster: Cluster;
  readonly claims = new Claims();
  readonly book = new Book();
  readonly tally = new Tally();
  readonly links: ReadonlyMap<LinkName, Link>;
  readonly disks: ReadonlyMap<DiskName, LoopDisk>;
  readonly noDisks: string | undefined;
  readonly seats: ReadonlyMap<SeatName, Seat>;
  /** Digests of messages that no submitter stands behind; the ledger may have a refusal of each. */
  readonly garbage = new Set<string>();

  readonly #namespace: Namespace | undefined;
  /** What was found wrong while the campaign ran, one line each. */
  readonly wrongs: string[] = [];

  private constructor(
    cluster: Cluster,
    links: Map<LinkName, Link>,
    disks: Map<DiskName, LoopDisk>,
    noDisks: string | undefined,
    namespace: Namespace | undefined,
  ) {
    this.#namespace = namespace;
    this.cluster = cluster;
    this.links = links;
    this.disks = disks;
    this.noDisks = noDisks;
    const port = (name: LinkName): number => this.link(name).port;
    this.seats = new Map(
      SEAT_NAMES.map((name) => {
        const ports = { natsPort: port(`${name} to nats-server`), orchestratorPort: port(`${name} to orchestrator`) };
        return [
          name,
          new Seat({ name, cluster, ...ports, onReport: (report) => this.book.take(report), onDeath: (steps) => this.book.drop(steps) }),
        ];
      }),
    );
  }

  static async create(): Promise<Arena> {
    const cluster = await Cluster.create();
    const links = new Map<LinkName, Link>();
    const disks = new Map<DiskName, LoopDisk>();
    let namespace: Namespace | undefined;
    try {
      const { ports } = cluster.world.workspace;
      if ((await whyNoNamespaces()) === undefined) namespace = await Namespace.create();
      for (const name of LINKS) {
        const host = name === KEEPERS_LINK ? namespace?.outside : undefined;
        links.set(name, await Link.open(name, name.endsWith("orchestrator") ? ports.orchestrator : ports.nats, host));
      }
      await leadThroughLinks(cluster.world, links, namespace);
      if (namespace !== undefined) {
        const healthUrl = `http://${namespace.inside}:${ports.keeperHealth}/healthz`;
        cluster.override("keeper-daemon", { prefix: namespace.prefix, healthUrl });
      }
      const noDisks = await whyNoDisks();
      if (noDisks === undefined) await makeDisks(cluster.world, disks);
      return new Arena(cluster, links, disks, noDisks, namespace);
    } catch (error) {
      for (const link of links.values()) await link.close();
      for (const disk of disks.values()) await disk.destroy({ keep: false });
      await cluster.close();
      await namespace?.destroy();
      throw error;
    }
  }

  /** The network of the signing plane, where it has one of its own. */
  get signing(): Namespace {
    if (this.#namespace === undefined) throw new Error("the signing plane has no network of its own here");
    return this.#namespace;
  }

  get world(): World {
    return this.cluster.world;
  }

  link(name: LinkName): Link {
    const link = this.links.get(name);
    if (link === undefined) throw new Error(`there is no link ${name}`);
    return link;
  }

  disk(name: DiskName): LoopDisk {
    const disk = this.disks.get(name);
    if (disk === undefined) throw new Error(`there is no disk ${name}: ${this.noDisks ?? "unknown"}`);
    return disk;
  }

  async start(): Promise<void> {
    await this.cluster.start();
    for (const seat of this.seats.values()) seat.start();
  }

  submit(step: LoadStep): void {
    this.seats.get(seatOf(step.issuer))?.order({ step, ...this.book.order(step) });
  }

  /** Whether the seats have worked off what they were given. */
  get seatsAreIdle(): boolean {
    return [...this.seats.values()].every((seat) => seat.waiting === 0);
  }

  /** Ends every fault that might still be on, whatever happened to the ones who inflicted them, and has everything run. */
  async calm(): Promise<void> {
    for (const link of this.links.values()) link.heal();
    await this.#namespace?.plug();
    for (const disk of this.disks.values()) {
      if (!disk.hasPower) await disk.remount();
      await disk.free();
    }
    await this.#disarm();
    for (const seat of this.seats.values()) {
      seat.signal("SIGCONT");
      seat.start();
    }
    for (const daemon of DAEMONS) {
      await this.cluster.skew(daemon, 0);
      this.cluster.resume(daemon);
      this.cluster.keepRunning(daemon, true);
      if (!this.cluster.isRunning(daemon)) await this.cluster.launch(daemon);
    }
    for (const daemon of DAEMONS) await this.cluster.healthy(daemon, 120_000);
  }

  /**
   * What people do after a loss: everything down, `triplane ledger replay`, everything up, ops without an outcome sent again.
   * Whoever calls this has claimed everything.
   */
  async recover(): Promise<void> {
    for (const seat of this.seats.values()) await seat.kill({ keep: false });
    for (const daemon of DAEMONS.toReversed()) await this.cluster.stop(daemon);
    const { root } = this.world.layout;
    await runProgram(process.execPath, "--disable-warning=ExperimentalWarning", TRIPLANE, "ledger", "replay", "--home", root);
    // The replay writes the configuration of what it starts, without links.
    await leadThroughLinks(this.world, this.links, this.#namespace);
    await this.cluster.start();
    for (const seat of this.seats.values()) seat.start({ resend: true });
    this.tally.add("recoveries by replay");
    // Faults that wait for their turn begin at once, and a workspace that is only ever recovered does no work that could be lost.
    await sleep(WORK_MS);
  }

  async #disarm(): Promise<void> {
    const orders = (await readdir(this.cluster.faults)).filter((name) => /^(any|[a-z]+\.(before|after)-[a-z]+)(\..+)?\.json$/.test(name));
    await Promise.all(orders.map((name) => rm(join(this.cluster.faults, name), { force: true })));
  }

  /** Ends everything, whatever else fails. Where `keepIn` is given, the workspace is copied there before it goes. Returns what could not be ended. */
  async close(keepIn?: string): Promise<readonly string[]> {
    const problems: string[] = [];
    const attempt = async (what: string, work: () => unknown): Promise<void> => {
      try {
        await work();
      } catch (error) {
        problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    for (const link of this.links.values()) link.heal();
    for (const seat of this.seats.values()) await attempt(seat.name, () => seat.kill({ keep: false }));
    for (const daemon of DAEMONS.toReversed()) await attempt(daemon, () => this.cluster.stop(daemon));
    for (const [name, disk] of this.disks) {
      await attempt(`processes on the disk of ${name}`, async () => {
        for (const pid of await disk.holders()) process.kill(pid, "SIGKILL");
      });
      // A disk whose power is still cut gives nothing back.
      await attempt(`the disk of ${name}`, () => disk.destroy({ keep: true }).catch(() => disk.destroy({ keep: false })));
    }
    if (keepIn !== undefined)
      await attempt("keeping the state", async () => {
        await mkdir(keepIn, { recursive: true, mode: 0o700 });
        await cp(this.world.folder, keepIn, { recursive: true, preserveTimestamps: true });
      });
    for (const link of this.links.values()) await attempt(link.name, () => link.close());
    await attempt("the workspace", async () => problems.push(...(await this.cluster.close())));
    await attempt("the network of the signing plane", () => this.#namespace?.destroy());
    return problems;
  }
}

async function leadThroughLinks({ layout }: World, links: ReadonlyMap<LinkName, Link>, namespace: Namespace | undefined): Promise<void> {
  const port = (name: LinkName): number => links.get(name)?.port ?? 0;
  const folders = { "keeper-daemon": layout.keeper, "ops-controller": layout.controller, "audit-mirror": layout.mirror } as const;
  for (const daemon of ["keeper-daemon", "ops-controller", "audit-mirror"] as const) {
    const path = join(folders[daemon], "config.json");
    const config = JSON.parse(await readFile(path, "utf8")) as object;
    const isInside = daemon === "keeper-daemon" && namespace !== undefined;
    const natsUrl = `nats://${isInside ? namespace.outside : "127.0.0.1"}:${port(`${daemon} to nats-server`)}`;
    const orchestratorUrl = `http://127.0.0.1:${port("ops-controller to orchestrator")}`;
    const changed = {
      ...{ ...config, natsUrl },
      ...(daemon === "ops-controller" ? { orchestratorUrl } : {}),
      ...(isInside ? { healthHost: namespace.inside } : {}),
    };
    await atomicWriteFile(path, `${JSON.stringify(changed, undefined, 2)}\n`);
  }
}

async function makeDisks(world: World, disks: Map<DiskName, LoopDisk>): Promise<void> {
  const { layout, workspace, folder } = world;
  const images = join(folder, "disks");
  await mkdir(images, { mode: 0o700 });
  const places: Readonly<Record<DiskName, string>> = {
    "nats-server": layout.natsData,
    "ops-controller": layout.controller,
    orchestrator: layout.orchestrator,
    ledger: repositoryDir(layout.storage, workspace.pins.state.rid),
    outbox: join(layout.root, "outbox"),
  };
  for (const name of DISKS) disks.set(name, await LoopDisk.create(places[name], images, DISK_MIB));
}
