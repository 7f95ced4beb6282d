// Virtual time: a queue of events that run one after another, each on behalf of a process that may be dead or stand still.
//
// 1. An event runs at its time, alone: the next one starts when nothing that it woke has anything left to do.
// 2. What a dead process planned does not run; what a process that stands still planned runs when it goes on.
// 3. Nothing here looks at the real time or at real randomness: the same events come in the same order.
import type { Clock } from "@triplane/contract";

/** One incarnation of a program: from its start to its death. */
export interface SimulatedProcess {
  readonly name: string;
  readonly alive: boolean;
  /** Virtual time until which it stands still. */
  readonly stillUntilMs: number;
  /** Its own clock, which may be wrong. */
  readonly clock: Clock;
  /** Runs when it dies. */
  onDeath(tell: () => void): void;
}

export interface Planned {
  cancel(): void;
}

export interface TraceLine {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
}

export interface SchedulerOptions {
  /** Virtual time at the start, milliseconds since 1970. */
  readonly startMs: number;
  /** Keeps every line, for people. The hash is made in any case. */
  readonly keepTrace?: boolean;
}

/** Events between two looks at the condition of a run. */
const LOOK_EVERY = 16;

interface Event {
  atMs: number;
  order: number;
  readonly process: Process | undefined;
  readonly run: () => void;
  cancelled: boolean;
}

class Process implements SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  alive = true;
  stillUntilMs = 0;
  readonly #atDeath: (() => void)[] = [];

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.clock = clock;
  }

  onDeath(tell: () => void): void {
    this.#atDeath.push(tell);
  }

  die(): void {
    this.alive = false;
    for (const tell of this.#atDeath) tell();
  }
}

export class Scheduler {
  readonly #queue: Event[] = [];
  readonly #keepTrace: boolean;
  readonly #startMs: number;
  readonly lines: TraceLine[] = [];
  #nowMs: number;
  #order = 0;
  #hash = 0x811c9dc5;
  #events = 0;
  #current: Process | undefined;
  /** Told whenever something is planned; lets events run by themselves outside of a simulation. */
  onPlan: (() => void) | undefined;

  constructor(options: SchedulerOptions) {
    this.#nowMs = options.startMs;
    this.#startMs = options.startMs;
    this.#keepTrace = options.keepTrace === true;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Virtual time that has passed. */
  get elapsedMs(): number {
    return this.#nowMs - this.#startMs;
  }

  /** Events that ran. */
  get events(): number {
    return this.#events;
  }

  /** The process on whose behalf code runs now. */
  get current(): SimulatedProcess | undefined {
    return this.#current;
  }

  /** Over every line so far: two runs with one hash did the same. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  clock(skewMs = 0): Clock {
    return { nowMs: () => Math.floor(this.#nowMs + skewMs) };
  }

  process(name: string, skewMs = 0): SimulatedProcess {
    return new Process(name, this.clock(skewMs));
  }

  /** From now on nothing of the process runs, and nothing that it asks for happens. */
  kill(process: SimulatedProcess): void {
    if (!(process instanceof Process) || !process.alive) return;
    this.trace(process.name, "dies");
    process.die();
  }

  /** Stops the process for a while, as SIGSTOP does: it does not know. */
  hold(process: SimulatedProcess, forMs: number): void {
    if (!(process instanceof Process) || !process.alive) return;
    process.stillUntilMs = Math.max(process.stillUntilMs, this.#nowMs + forMs);
    this.trace(process.name, `stands still for ${Math.round(forMs)} ms`);
  }

  /** Acts on behalf of a process: at once, or when it goes on if it stands still. */
  act(process: SimulatedProcess, run: () => void): void {
    if (process.stillUntilMs > this.#nowMs) this.plan(0, process, run);
    else if (process.alive) run();
  }

  plan(afterMs: number, process: SimulatedProcess | undefined, run: () => void): Planned {
    const event: Event = {
      atMs: this.#nowMs + Math.max(0, afterMs),
      order: this.#order++,
      process: process instanceof Process ? process : undefined,
      run,
      cancelled: false,
    };
    this.#push(event);
    this.onPlan?.();
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  trace(who: string, what: string): void {
    const atMs = this.elapsedMs;
    let hash = this.#hash ^ Math.round(atMs * 1000);
    for (let index = 0; index < what.length; index += 1) hash = Math.imul(hash ^ what.charCodeAt(index), 0x01000193);
    for (let index = 0; index < who.length; index += 1) hash = Math.imul(hash ^ who.charCodeAt(index), 0x01000193);
    this.#hash = hash;
    if (this.#keepTrace) this.lines.push({ atMs, who, what });
  }

  /** Runs the next event. False where none is left. */
  async step(): Promise<boolean> {
    const event = this.#next();
    if (event === undefined) return false;
    this.#run(event);
    await settled();
    this.#current = undefined;
    return true;
  }

  /** Runs events until the condition holds or virtual time passes the limit; says whether it holds. It is looked at now and then. */
  async runUntil(condition: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.#nowMs + withinMs;
    for (let count = 0; this.#nowMs < endMs; count += 1) {
      if (count % LOOK_EVERY === 0 && condition()) return true;
      const event = this.#next();
      if (event === undefined) break;
      this.#run(event);
      // What belongs to no process wakes none: it only plans.
      if (event.process === undefined) continue;
      await settled();
      this.#current = undefined;
    }
    return condition();
  }

  /** The next event that is due; the time moves on to it. */
  #next(): Event | undefined {
    for (;;) {
      const event = this.#pop();
      if (event === undefined) return undefined;
      const { process } = event;
      if (event.cancelled || process?.alive === false) continue;
      this.#nowMs = Math.max(this.#nowMs, event.atMs);
      if (process === undefined || process.stillUntilMs <= this.#nowMs) return event;
      event.atMs = process.stillUntilMs;
      event.order = this.#order++;
      this.#push(event);
    }
  }

  #run(event: Event): void {
    this.#events += 1;
    this.#current = event.process;
    event.run();
  }

  // A binary heap by time, then by order of planning.
  #push(event: Event): void {
    const queue = this.#queue;
    let at = queue.length;
    queue.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = queue[parent];
      if (above === undefined || !isBefore(event, above)) break;
      queue[at] = above;
      at = parent;
    }
    queue[at] = event;
  }

  #pop(): Event | undefined {
    const queue = this.#queue;
    const first = queue[0];
    const last = queue.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let at = 0;
    for (;;) {
      const left = queue[2 * at + 1];
      const right = queue[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const least = isRight ? right : left;
      if (!isBefore(least, last)) break;
      queue[at] = least;
      at = 2 * at + (isRight ? 2 : 1);
    }
    queue[at] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Ticks run when no microtask is left: everything that an event woke has then come to its next wait. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
