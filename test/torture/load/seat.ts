// One seat as the campaign sees it: a process that is started again when it dies, and the orders that wait for it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Cluster } from "../../faults/cluster.ts";
import { SEATS, type SeatName, type SeatOrder, type SeatReport } from "./step.ts";

const MAIN = join(import.meta.dirname, "seat-main.ts");
const RESTART_PAUSE_MS = 300;

export interface SeatOptions {
  readonly name: SeatName;
  readonly cluster: Cluster;
  readonly natsPort: number;
  readonly orchestratorPort: number;
  onReport(report: SeatReport): void;
  /** With the ids of the steps that it had not worked off. */
  onDeath(steps: ReadonlySet<number>): void;
}

export class Seat {
  readonly name: SeatName;
  deaths = 0;
  readonly #options: SeatOptions;
  readonly #waiting: SeatOrder[] = [];
  /** Ids of the steps that the running process works on. */
  readonly #given = new Set<number>();
  #child: ChildProcess | undefined;
  #ready = false;
  #keep = true;
  #timer: NodeJS.Timeout | undefined;
  /** Principals that still have to send again, however often their process dies meanwhile. */
  readonly #toResend = new Set<string>();

  constructor(options: SeatOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Orders that are not worked off. */
  get waiting(): number {
    return this.#waiting.length + this.#given.size + this.#toResend.size;
  }

  /** `resend`: it sends everything again that has no outcome, as people do after a loss. */
  start(options: { readonly resend: boolean } = { resend: false }): void {
    if (this.#child !== undefined) return;
    this.#keep = true;
    const { cluster, natsPort, orchestratorPort, name } = this.#options;
    const { nodeArguments, env } = cluster.armed(name);
    const { layout } = cluster.world;
    const log = openSync(join(layout.logs, `seat-${name}.log`), "a", 0o600);
    if (options.resend) for (const principal of SEATS[this.name]) this.#toResend.add(principal);
    const how = this.#toResend.size > 0 ? "resend" : "go-on";
    const args = [...nodeArguments, MAIN, how, layout.root, String(natsPort), String(orchestratorPort), ...SEATS[name]];
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", log, log, "ipc"] });
    closeSync(log);
    this.#child = child;
    this.#ready = false;
    child.once("error", () => undefined);
    child.on("message", (report: SeatReport) => this.#take(report));
    child.once("exit", () => {
      this.#child = undefined;
      this.#ready = false;
      this.#options.onDeath(new Set(this.#given));
      this.#given.clear();
      if (!this.#keep) return;
      this.deaths += 1;
      this.#timer = setTimeout(() => this.start(), RESTART_PAUSE_MS);
    });
  }

  /** Given at once, or to the process that comes next. What a process held in its memory when it died was never signed, and is gone. */
  order(order: SeatOrder): void {
    if (this.#ready && this.#child?.connected === true) {
      this.#given.add(order.step.id);
      this.#child.send(order, () => undefined);
    } else this.#waiting.push(order);
  }

  /** SIGKILL. It stays down where `keep` is false, until `start`. */
  async kill(options: { readonly keep: boolean } = { keep: true }): Promise<void> {
    this.#keep = options.keep;
    if (!options.keep) clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }

  #take(report: SeatReport): void {
    if (report.told === "ready") {
      this.#ready = true;
      for (const order of this.#waiting.splice(0)) this.order(order);
    } else if (report.told === "resent") this.#toResend.delete(report.issuer);
    else if (report.told === "worked") this.#given.delete(report.id);
    else this.#options.onReport(report);
  }
}
