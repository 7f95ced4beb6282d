// A program under a supervisor: started, started again when it ended, told to stop.

import { toTriplaneError } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import {
  type Dice,
  type Faults,
  type Scheduler,
  type SimulatedBroker,
  type SimulatedBus,
  type SimulatedProcess,
  simulatedBus,
} from "@triplane/testkit";

/** How often what happened. */
export class Tally {
  readonly counts: Record<string, number> = {};

  count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }
}

/** What an incarnation of a program gets. */
export interface Surroundings {
  readonly process: SimulatedProcess;
  /** Fires when it is told to stop. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  readonly dice: Dice;
  connect(): SimulatedBus;
}

/** Settles when the program ended; it is then started again. */
export type Program = (surroundings: Surroundings) => Promise<void>;

export interface RoleOptions {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly broker: SimulatedBroker;
  readonly faults: Faults;
  readonly dice: Dice;
  /** Of the machine's clock. */
  readonly skewMs: number;
  readonly program: Program;
  /** Counts the codes of failures that it logs or ends with. */
  readonly tally: Tally;
}

export class Role {
  readonly #options: RoleOptions;
  #process: SimulatedProcess | undefined;
  #bus: SimulatedBus | undefined;
  #stopping = new AbortController();
  #starts = 0;

  constructor(options: RoleOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get process(): SimulatedProcess | undefined {
    return this.#process;
  }

  start(afterMs: number): void {
    this.#options.scheduler.plan(afterMs, undefined, () => this.#start());
  }

  /** Starts another beside the one that stands still, as a supervisor does that takes it for dead. The old one goes on when it can. */
  replace(): void {
    this.#process = undefined;
    this.#start();
  }

  kill(): void {
    const { scheduler, dice } = this.#options;
    if (this.#process?.alive !== true) return;
    scheduler.kill(this.#process);
    this.#process = undefined;
    this.start(dice.between(10, 4000));
  }

  /** As SIGTERM: it ends by itself. */
  stop(): void {
    const { scheduler } = this.#options;
    if (this.#process?.alive !== true) return;
    scheduler.trace(this.#process.name, "is told to stop");
    const stopping = this.#stopping;
    scheduler.plan(0, this.#process, () => stopping.abort());
  }

  cut(isCut: boolean): void {
    this.#bus?.link.cut(isCut);
  }

  #start(): void {
    const { name, scheduler, broker, faults, program, skewMs, tally } = this.#options;
    if (this.#process?.alive === true) return;
    this.#starts += 1;
    const process = scheduler.process(`${name}#${this.#starts}`, skewMs);
    const stopping = new AbortController();
    const dice = this.#options.dice.fork(process.name);
    this.#process = process;
    this.#stopping = stopping;
    scheduler.trace(process.name, "starts");
    const logger = loggerOf(scheduler, process, tally);
    const connect = (): SimulatedBus => {
      this.#bus = simulatedBus({ broker, process, faults, random: dice.random, logger });
      return this.#bus;
    };
    const ended = (why: string): void => {
      scheduler.trace(process.name, why);
      scheduler.kill(process);
      if (this.#process !== process) return;
      this.#process = undefined;
      this.start(this.#options.dice.between(10, 2000));
    };
    scheduler.plan(0, process, () => {
      program({ process, signal: stopping.signal, logger, dice, connect }).then(
        () => ended("ended"),
        (error: unknown) => {
          tally.count(toTriplaneError(error).code);
          ended(`ended: ${describe(error)}`);
        },
      );
    });
  }
}

function loggerOf(scheduler: Scheduler, process: SimulatedProcess, tally: Tally): Logger {
  const say = (fields: Readonly<Record<string, unknown>>, message: string): void => {
    const { err, jti } = fields;
    if (err !== undefined) tally.count(toTriplaneError(err).code);
    const about = [...(typeof jti === "string" ? [jti] : []), ...(err === undefined ? [] : [describe(err)])];
    scheduler.trace(process.name, `says: ${[message, ...about].join(" | ")}`);
  };
  const logger: Logger = { debug: () => undefined, info: say, warn: say, error: say, child: () => logger };
  return logger;
}

function describe(thrown: unknown): string {
  const { code, message } = toTriplaneError(thrown);
  return `${code}: ${message}`;
}
