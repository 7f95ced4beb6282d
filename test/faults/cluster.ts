// A real workspace as processes that the test supervises itself, each loaded with the arming module, so that it can order faults.
//
//   await using cluster = await Cluster.create({ overrides: { "ops-controller": { config: { leaseTtlMs: 1500 } } } });
//   await cluster.start();
//   const order = await cluster.arm("ops-controller", "controller.after-ack");
//   … cluster.world.submit(…) …
//   await order.fired();                       // fails if nobody got there
//
// 1. A process that ends by itself is started again after a short pause, as supervisors do; `keepRunning(name, false)` stops that.
// 2. Every end of a process is in `deaths`; one that the cluster asked for is `expected`.
// 3. `close` leaves no process and no file. A cluster ends with the process group of its test, too.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { askHealth, childEnvironment, type ProcessSpec, planeStages, World } from "@triplane/cli";
import { systemClock, systemRandom } from "@triplane/kit";
import {
  ARMING_MODULE,
  type Armable,
  allFired,
  eventually,
  FAULTS_DIR_VARIABLE,
  FAULTS_NAME_VARIABLE,
  type FaultOrder,
  type Fired,
  firedOrder,
  giveOrder,
  skewClock,
  takeBackOrder,
} from "@triplane/testkit";

/** In the order in which they start. */
export const PROCESSES = ["nats-server", "orchestrator", "ops-controller", "audit-mirror", "keeper-daemon", "desired-sync"] as const;
/** Names of the processes above, and of those that `add` made. */
export type ProcessName = (typeof PROCESSES)[number] | (string & {});

/** What differs from the process that `triplane up` would start. */
export interface Overrides {
  /** Members of the daemon's configuration file that are replaced; `undefined` takes one out. */
  readonly config?: { readonly [option: string]: unknown };
  /** Modules that node loads before the daemon, ahead of the arming one. */
  readonly imports?: readonly string[];
  readonly extraArgv?: readonly string[];
  readonly env?: { readonly [variable: string]: string };
  /** False starts it as an installation does, deaf to orders; the variables are there all the same. */
  readonly armed?: boolean;
  /** Put before the whole command, like `["ip", "netns", "exec", "signing"]`. */
  readonly prefix?: readonly string[];
  /** Other than from the configuration; for a daemon that is reached through something. */
  readonly healthUrl?: string;
}

export interface ClusterOptions {
  readonly overrides?: { readonly [process: string]: Overrides };
  readonly signal?: AbortSignal;
}

export interface Death {
  readonly name: string;
  readonly pid: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly atMs: number;
  /** The cluster ended it. */
  readonly expected: boolean;
}

export interface Order {
  /** The proof that it was carried out; rejects where it never was. */
  fired(timeoutMs?: number): Promise<Fired>;
}

interface Member {
  readonly spec: ProcessSpec;
  overrides: Overrides;
  child: ChildProcess | undefined;
  /** Somebody wants it to run. */
  wanted: boolean;
  keep: boolean;
  expectEnd: boolean;
  failures: number;
  startedMs: number;
  timer: NodeJS.Timeout | undefined;
}

const PAUSE_MS = { first: 100, most: 2_000 } as const;
// Who ran this long has recovered: the next pause is short again.
const STEADY_MS = 5_000;
const READY_MS = 60_000;
const GRACE_MS = 25_000;

export class Cluster implements AsyncDisposable {
  /** The home and its people: submit, plan, read the ledger. Its planes stay down, the cluster runs the processes instead. */
  readonly world: World;
  /** The control folder of the arming module. */
  readonly faults: string;
  readonly deaths: Death[] = [];
  readonly #members = new Map<string, Member>();
  #closing = false;

  private constructor(world: World) {
    this.world = world;
    this.faults = join(world.folder, "faults");
  }

  /** Keys, identities, repositories, configuration files; nothing runs yet. */
  static async create(options: ClusterOptions = {}): Promise<Cluster> {
    const signal = options.signal ?? new AbortController().signal;
    const world = await World.create({ clock: systemClock, random: systemRandom, signal }, () => undefined);
    const cluster = new Cluster(world);
    await mkdir(cluster.faults, { mode: 0o700 });
    for (const plane of ["workload", "signing", "ci"] as const)
      for (const spec of (await planeStages(plane, world.layout, world.workspace)).flat())
        cluster.#members.set(spec.name, newMember(spec, options.overrides?.[spec.name] ?? {}));
    return cluster;
  }

  /** Starts and waits until all of these are healthy. Everything but desired-sync, which submits by itself, unless told otherwise. */
  async start(names: readonly ProcessName[] = PROCESSES.filter((name) => name !== "desired-sync")): Promise<void> {
    const stages = [["nats-server"], ["orchestrator"], names.filter((name) => name !== "nats-server" && name !== "orchestrator")];
    for (const stage of stages) {
      const chosen = stage.filter((name) => names.includes(name));
      for (const name of chosen) await this.#launch(name);
      await Promise.all(chosen.map((name) => this.healthy(name)));
      for (const name of chosen) await this.#member(name).spec.afterReady?.();
    }
  }

  /** Makes streams, consumers and buckets that are missing, as the first start does. */
  async provision(): Promise<void> {
    await this.#member("nats-server").spec.afterReady?.();
  }

  /** One more process, made as another is: a second controller, say. It needs a health port and folders of its own in `overrides`. */
  add(name: string, like: ProcessName, overrides: Overrides): void {
    const { spec } = this.#member(like);
    this.#members.set(name, newMember({ ...spec, name, log: join(dirname(spec.log), `${name}.log`) }, overrides));
  }

  /** Replaces what differs; from the next start on. */
  override(name: ProcessName, overrides: Overrides): void {
    this.#member(name).overrides = overrides;
  }

  overridesOf(name: ProcessName): Overrides {
    return this.#member(name).overrides;
  }

  /** SIGKILL; it is started again like any other that ends, unless `keepRunning(name, false)`. Resolves when it is gone. */
  async kill(name: ProcessName): Promise<void> {
    const member = this.#member(name);
    const { child } = member;
    if (child === undefined || hasEnded(child)) return;
    member.expectEnd = true;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** SIGTERM, and SIGKILL for one that does not end in time; it stays down. */
  async stop(name: ProcessName, graceMs = GRACE_MS): Promise<void> {
    const member = this.#member(name);
    member.wanted = false;
    clearTimeout(member.timer);
    const { child } = member;
    if (child === undefined || hasEnded(child)) return;
    member.expectEnd = true;
    const gone = once(child, "exit");
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), graceMs);
    await gone;
    clearTimeout(late);
  }

  /** SIGSTOP. */
  pause(name: ProcessName): void {
    this.#member(name).child?.kill("SIGSTOP");
  }

  /** SIGCONT. */
  resume(name: ProcessName): void {
    this.#member(name).child?.kill("SIGCONT");
  }

  /** Stops it if it runs, and starts it, with other overrides where they are given. Resolves when it is healthy. */
  async restart(name: ProcessName, overrides?: Overrides): Promise<void> {
    if (overrides !== undefined) this.override(name, overrides);
    await this.stop(name);
    await this.#launch(name);
    await this.healthy(name);
  }

  /** Starts one that is down, without waiting for its health. */
  async launch(name: ProcessName): Promise<void> {
    await this.#launch(name);
  }

  /** Whether one that ends is started again. True unless told otherwise. */
  keepRunning(name: ProcessName, keep: boolean): void {
    const member = this.#member(name);
    member.keep = keep;
    if (!keep) clearTimeout(member.timer);
    else if (member.wanted && (member.child === undefined || hasEnded(member.child))) this.#again(name, member);
  }

  isRunning(name: ProcessName): boolean {
    const { child } = this.#member(name);
    return child !== undefined && !hasEnded(child);
  }

  pid(name: ProcessName): number | undefined {
    return this.isRunning(name) ? this.#member(name).child?.pid : undefined;
  }

  logOf(name: ProcessName): string {
    return this.#member(name).spec.log;
  }

  /** Names of the processes that somebody wants to run. */
  get wanted(): readonly string[] {
    return [...this.#members].filter(([, member]) => member.wanted).map(([name]) => name);
  }

  /** Resolves when the process says that it is well. Rejects with the end of its log. */
  async healthy(name: ProcessName, timeoutMs = READY_MS): Promise<void> {
    const member = this.#member(name);
    const url = member.overrides.healthUrl ?? member.spec.healthUrl;
    try {
      await eventually(async () => this.isRunning(name) && (await askHealth(url, 1_000)).ok, { timeoutMs, intervalMs: 100 });
    } catch (cause) {
      const log = await readFile(member.spec.log, "utf8").catch(() => "");
      throw new Error(`${name} is not healthy; the end of its log:\n${log.slice(-4000)}`, { cause });
    }
  }

  /** Orders a fault at a failpoint; a kill unless told otherwise. Takes effect at once, in the process that runs now or a later one. */
  async arm(name: ProcessName, failpoint: Armable, order: Partial<FaultOrder> = {}): Promise<Order> {
    await giveOrder(this.faults, failpoint, { action: "kill", ...order }, name);
    return {
      fired: (timeoutMs = 60_000) =>
        eventually(() => firedOrder(this.faults, failpoint, name), { timeoutMs, what: `${name} reaching ${failpoint}` }),
    };
  }

  async disarm(name: ProcessName, failpoint: Armable): Promise<void> {
    await takeBackOrder(this.faults, failpoint, name);
  }

  /** Every order that was carried out, oldest first. */
  async fired(): Promise<readonly Fired[]> {
    return await allFired(this.faults);
  }

  /** Sets the wall clock of a running daemon off. nats-server has no such clock to set. */
  async skew(name: ProcessName, offsetMs: number): Promise<void> {
    await skewClock(this.faults, offsetMs, name);
  }

  /** Resolves with the death of that very process. */
  async death(pid: number, timeoutMs = 30_000): Promise<Death> {
    return await eventually(() => this.deaths.find((death) => death.pid === pid), { timeoutMs, what: `the end of process ${pid}` });
  }

  /** Environment and arguments for a child of the test's own that is to be armed under this name. */
  armed(name: string): { readonly nodeArguments: readonly string[]; readonly env: Record<string, string> } {
    return {
      nodeArguments: ["--disable-warning=ExperimentalWarning", `--import=${ARMING_MODULE}`],
      env: { ...childEnvironment(process.env), [FAULTS_DIR_VARIABLE]: this.faults, [FAULTS_NAME_VARIABLE]: name },
    };
  }

  /** Stops everything and removes the folder. Returns what could not be ended. */
  async close(): Promise<readonly string[]> {
    this.#closing = true;
    const down = ["desired-sync", "keeper-daemon", "audit-mirror", "ops-controller", "orchestrator", "nats-server"];
    const added = [...this.#members.keys()].filter((name) => !down.includes(name));
    await Promise.all([...added, ...down.slice(0, 4)].map((name) => this.stop(name)));
    await this.stop("orchestrator");
    await this.stop("nats-server");
    return await this.world.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #member(name: ProcessName): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`the cluster has no process ${name}`);
    return member;
  }

  async #launch(name: string): Promise<void> {
    const member = this.#member(name);
    if (member.child !== undefined && !hasEnded(member.child)) return;
    clearTimeout(member.timer);
    member.wanted = true;
    const argv = await this.#command(name, member);
    const [program, ...args] = argv;
    if (program === undefined || this.#closing || !member.wanted) return;
    await mkdir(dirname(member.spec.log), { recursive: true, mode: 0o700 });
    const log = openSync(member.spec.log, "a", 0o600);
    const env = { ...this.armed(name).env, ...member.overrides.env };
    // In the test's process group: whoever ends that ends this as well.
    const child = spawn(program, args, { cwd: this.world.layout.root, env, stdio: ["ignore", log, log] });
    closeSync(log);
    member.child = child;
    member.expectEnd = false;
    member.startedMs = performance.now();
    child.once("error", () => undefined);
    child.once("exit", (code, signal) => {
      this.deaths.push({ name, pid: child.pid ?? 0, code, signal, atMs: Date.now(), expected: member.expectEnd });
      this.#again(name, member);
    });
  }

  #again(name: string, member: Member): void {
    if (!member.wanted || !member.keep || this.#closing) return;
    member.failures = performance.now() - member.startedMs > STEADY_MS ? 0 : member.failures + 1;
    const pauseMs = Math.min(PAUSE_MS.first * 2 ** Math.max(0, member.failures - 1), PAUSE_MS.most);
    clearTimeout(member.timer);
    member.timer = setTimeout(() => void this.#launch(name), pauseMs);
  }

  async #command(name: string, { spec, overrides }: Member): Promise<readonly string[]> {
    const { prefix = [], extraArgv = [], imports = [], config } = overrides;
    if (name === "nats-server") return [...prefix, ...spec.argv, ...extraArgv];
    const [node, ...rest] = spec.argv;
    const configAt = rest.indexOf("--config") + 1;
    if (config !== undefined) {
      const merged = { ...(JSON.parse(await readFile(rest[configAt] ?? "", "utf8")) as object), ...config };
      rest[configAt] = join(this.faults, `${name}.config.json`);
      await writeFile(rest[configAt], JSON.stringify(merged), { mode: 0o600 });
    }
    const modules = imports.map((path) => `--import=${path}`);
    const arming = overrides.armed === false ? [] : this.armed(name).nodeArguments;
    return [...prefix, node, ...modules, ...arming, ...rest, ...extraArgv];
  }
}

function newMember(spec: ProcessSpec, overrides: Overrides): Member {
  const none = { child: undefined, timer: undefined };
  return { spec, overrides, ...none, wanted: false, keep: true, expectEnd: false, failures: 0, startedMs: 0 };
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
