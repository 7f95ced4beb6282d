// The connection of one process to the broker: it breaks, comes back, and carries requests in order.
//
// 1. What was sent before it broke may still arrive; what is answered afterwards does not come back.
// 2. Nothing comes to a process that is dead, and nothing that it had not sent leaves it.
import { type FailureCode, TriplaneError } from "@triplane/contract";
import type { BrokerLink, SimulatedBroker } from "./broker.ts";
import type { Faults, Step } from "./faults.ts";
import type { Planned, SimulatedProcess } from "./scheduler.ts";

export interface LinkOptions {
  readonly broker: SimulatedBroker;
  readonly process: SimulatedProcess;
  readonly faults: Faults;
  /** How long one request may take. */
  readonly timeoutMs: number;
}

const RECONNECT_MS = 250;

export class SimulatedLink implements BrokerLink {
  readonly process: SimulatedProcess;
  readonly broker: SimulatedBroker;
  readonly faults: Faults;
  readonly timeoutMs: number;
  /** Counts connections; what belongs to an older one is over. */
  #epoch = 0;
  #isUp: boolean;
  #isCut = false;
  #isClosed = false;
  #sentMs = 0;
  #heardMs = 0;
  readonly #broken = new Set<() => void>();
  readonly #mended = new Set<() => void>();

  constructor({ broker, process, faults, timeoutMs }: LinkOptions) {
    this.broker = broker;
    this.process = process;
    this.faults = faults;
    this.timeoutMs = timeoutMs;
    this.#isUp = broker.isUp;
    broker.links.add(this);
    process.onDeath(() => this.#forget());
  }

  /** Cuts the network between process and broker, or heals it. */
  cut(isCut: boolean): void {
    if (this.#isCut === isCut || !this.process.alive) return;
    this.#isCut = isCut;
    this.broker.scheduler.trace(this.process.name, isCut ? "is cut off from the broker" : "reaches the broker again");
    if (isCut) this.#break();
    else this.onBrokerUp();
  }

  close(): void {
    this.#isClosed = true;
    this.#break();
    this.#forget();
  }

  onBrokerDown(): void {
    this.#break();
  }

  onBrokerUp(): void {
    if (this.#isClosed || this.#isCut || this.#isUp || !this.broker.isUp) return;
    const epoch = this.#epoch;
    this.broker.scheduler.plan(RECONNECT_MS + this.faults.delayMs("bus.read", this.process), this.process, () => {
      if (this.#isClosed || this.#isCut || this.#epoch !== epoch || !this.broker.isUp) return;
      this.#isUp = true;
      for (const tell of [...this.#mended]) tell();
    });
  }

  /** Waits until the connection stands; false if it does not in time or the signal fires. */
  whenUp(withinMs: number, signal: AbortSignal | undefined, then: (isUp: boolean) => void): void {
    if (this.#isUp || this.#isClosed) {
      then(this.#isUp);
      return;
    }
    const { scheduler } = this.broker;
    const finish = (): void => {
      timer.cancel();
      this.#mended.delete(finish);
      signal?.removeEventListener("abort", finish);
      then(this.#isUp);
    };
    const timer = scheduler.plan(withinMs, this.process, finish);
    this.#mended.add(finish);
    signal?.addEventListener("abort", finish, { once: true });
  }

  /** Calls back when the connection that stands now breaks; the result takes that back. */
  onBreak(tell: () => void): () => void {
    this.#broken.add(tell);
    return () => this.#broken.delete(tell);
  }

  /** Sends something; it arrives after what was sent before it. */
  send(step: Step, arrive: () => void): void {
    const { scheduler } = this.broker;
    const epoch = this.#epoch;
    // Bytes of a connection that broke may have left before.
    const arrivesLate = this.faults.arrivesLate(this.process);
    this.#sentMs = Math.max(this.#sentMs, scheduler.nowMs + this.faults.delayMs(step, this.process));
    scheduler.plan(this.#sentMs - scheduler.nowMs, undefined, () => {
      if (this.broker.isUp && (this.#epoch === epoch || arrivesLate)) arrive();
    });
  }

  /** Brings something to the process, after what was brought before it. False where the connection no longer stands. */
  bring(step: Step, epoch: number, arrive: () => void): void {
    const { scheduler } = this.broker;
    this.#heardMs = Math.max(this.#heardMs, scheduler.nowMs + this.faults.delayMs(step, this.process));
    scheduler.plan(this.#heardMs - scheduler.nowMs, this.process, () => {
      if (this.#epoch === epoch) arrive();
    });
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Asks the broker. `unanswered` is the failure where the process cannot know whether it happened. */
  request<T>(step: Step, doing: string, unanswered: FailureCode, perform: () => T): Promise<T> {
    const { scheduler } = this.broker;
    const { process, faults } = this;
    return new Promise((resolve, reject) => {
      const fail = (code: FailureCode, why: string): void => reject(new TriplaneError(code, `${doing}: ${why}`));
      const start = (isUp: boolean): void => {
        if (!isUp) {
          fail("bus_unreachable", "no connection");
          return;
        }
        const epoch = this.#epoch;
        let timer: Planned | undefined;
        let isOver = false;
        const finish = (settle: () => void): void => {
          if (isOver) return;
          isOver = true;
          timer?.cancel();
          stopWatching();
          settle();
        };
        const lost = (): void => finish(() => fail(unanswered, "no answer in time"));
        const stopWatching = this.onBreak(() => scheduler.plan(0, process, lost));
        timer = scheduler.plan(this.timeoutMs, process, lost);
        if (faults.loses("request", step, process)) {
          scheduler.plan(faults.delayMs(step, process), process, lost);
          return;
        }
        this.send(step, () => {
          let settle: () => void;
          try {
            const value = perform();
            settle = () => resolve(value);
          } catch (error) {
            settle = () => reject(error);
          }
          faults.at("after", step, process);
          if (!process.alive) return;
          if (faults.loses("answer", step, process)) scheduler.plan(faults.delayMs(step, process), process, lost);
          else this.bring(step, epoch, () => finish(settle));
        });
      };
      faults.at("before", step, process);
      scheduler.act(process, () => this.whenUp(this.timeoutMs, undefined, start));
    });
  }

  #break(): void {
    this.#epoch += 1;
    this.#isUp = false;
    for (const tell of [...this.#broken]) tell();
    this.#broken.clear();
  }

  #forget(): void {
    this.broker.links.delete(this);
    this.#broken.clear();
    this.#mended.clear();
  }
}
