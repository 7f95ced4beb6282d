// What goes wrong in one interleaving, and when: drawn from the dice at every step that a process takes toward the outside.
//
// 1. Only so many things go wrong at processes and broker, so that what happened can still be read.
// 2. Every second interleaving aims at one failpoint, however seldom a process comes by there.
// 3. After `calm()` nothing goes wrong any more.
import { FAILPOINTS, type Failpoint } from "@triplane/contract";
import type { Dice, Faults, Lost, SimulatedProcess, Step } from "@triplane/testkit";

export const MISHAPS = ["kill", "hold", "stop", "cut", "broker"] as const;
export type Mishap = (typeof MISHAPS)[number];

/** Steps that change something outside: here it matters when a process dies. */
const CHANGES: ReadonlySet<Step> = new Set<Step>([
  "bus.publish",
  "bus.ack",
  "bus.write",
  "store.commit",
  "ledger.write",
  "ledger.push",
  "driver.effect",
  "http.apply",
]);

interface Profile {
  readonly atChange: number;
  readonly atLook: number;
  readonly losing: number;
  readonly slow: number;
  readonly verySlow: number;
}

export class Weather implements Faults {
  readonly #dice: Dice;
  readonly #profile: Profile;
  readonly #happen: (mishap: Mishap, process: SimulatedProcess) => void;
  readonly #isExposed: (process: SimulatedProcess) => boolean;
  #left: number;
  /** The process dies when it comes by there for that time. */
  readonly #aim: Failpoint | undefined;
  #aimIn: number;
  #isCalm = false;

  constructor(options: {
    readonly dice: Dice;
    /** Makes it happen. */
    readonly happen: (mishap: Mishap, process: SimulatedProcess) => void;
    /** Whether things may go wrong at this process; its messages get lost in any case. */
    readonly isExposed: (process: SimulatedProcess) => boolean;
  }) {
    this.#dice = options.dice;
    this.#happen = options.happen;
    this.#isExposed = options.isExposed;
    const { dice } = options;
    this.#left = dice.between(0, 5);
    this.#aim = dice.chance(0.5) ? dice.pick(FAILPOINTS.filter((name) => !name.startsWith("submitter."))) : undefined;
    this.#aimIn = dice.between(1, 3);
    this.#profile = {
      atChange: dice.pick([0.01, 0.04, 0.12]),
      atLook: dice.pick([0, 0.002, 0.01]),
      losing: dice.pick([0, 0, 0.01, 0.05]),
      slow: dice.pick([0, 0.05, 0.3]),
      verySlow: dice.pick([0, 0, 0.01]),
    };
  }

  calm(): void {
    this.#isCalm = true;
  }

  get isCalm(): boolean {
    return this.#isCalm;
  }

  delayMs(step: Step): number {
    const dice = this.#dice;
    const usualMs = 0.2 + dice.fraction() * 2;
    // A component that starts takes its time in any weather.
    if (step === "driver.effect" && dice.chance(0.1)) return dice.between(50, 4000);
    if (this.#isCalm) return usualMs;
    if (dice.chance(this.#profile.verySlow)) return dice.between(500, 7000);
    if (dice.chance(this.#profile.slow)) return dice.between(5, 400);
    return usualMs;
  }

  loses(_what: Lost, step: Step): boolean {
    if (this.#isCalm) return false;
    // A commit whose outcome is unknown ends the process: as rare as a death.
    return this.#dice.chance(step === "store.commit" ? this.#profile.losing / 10 : this.#profile.losing);
  }

  arrivesLate(): boolean {
    return !this.#isCalm && this.#dice.chance(0.5);
  }

  at(_when: "before" | "after", step: Step, process: SimulatedProcess): void {
    // Who stands still with an apply in hand finds another one in its place when it goes on.
    const mishap = step === "http.apply" && this.#dice.chance(0.7) ? "hold" : undefined;
    this.#strike(CHANGES.has(step) ? this.#profile.atChange : this.#profile.atLook, process, mishap);
  }

  /** A named step inside a process. True where it died there. */
  atFailpoint(process: SimulatedProcess, name: string): boolean {
    if (name === this.#aim && !this.#isCalm && this.#isExposed(process)) {
      this.#aimIn -= 1;
      if (this.#aimIn === 0) this.#happen("kill", process);
    }
    this.#strike(this.#profile.atChange / 2, process, "kill");
    return !process.alive;
  }

  #strike(probability: number, process: SimulatedProcess, mishap?: Mishap): void {
    if (this.#isCalm || this.#left === 0 || !process.alive || !this.#isExposed(process) || !this.#dice.chance(probability)) return;
    this.#left -= 1;
    this.#happen(mishap ?? this.#dice.pick(["kill", "kill", "kill", "hold", "hold", "stop", "cut", "broker"] as const), process);
  }
}
