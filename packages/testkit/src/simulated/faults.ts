// What may go wrong at the borders of a process, as the doubles ask it; and the plain case in which nothing does.
import type { Scheduler, SimulatedProcess } from "./scheduler.ts";

/** What a process asks of the outside. Those in the first row change something there. */
export const STEPS = [
  ...(["bus.publish", "bus.ack", "bus.write", "store.commit", "ledger.write", "ledger.push", "driver.effect", "http.apply"] as const),
  ...(["bus.read", "bus.pull", "store.read", "ledger.read", "http.ask", "repository.read"] as const),
] as const;
export type Step = (typeof STEPS)[number];

/** What can get lost: what was asked, which then never happened, or the answer, although it did. */
export type Lost = "request" | "answer";

export interface Faults {
  /** Milliseconds that one way takes. */
  delayMs(step: Step, process: SimulatedProcess): number;
  loses(what: Lost, step: Step, process: SimulatedProcess): boolean;
  /** Whether what was sent arrives although the connection broke meanwhile. */
  arrivesLate(process: SimulatedProcess): boolean;
  /** `before` nothing has left the process, `after` it happened and the process has no answer yet. May kill or hold the process. */
  at(when: "before" | "after", step: Step, process: SimulatedProcess): void;
}

/** Every way takes a moment and nothing goes wrong. */
export const CALM: Faults = { delayMs: () => 0.1, loses: () => false, arrivesLate: () => false, at: () => undefined };

/**
 * Asks something that lives on the same machine: it happens as a whole or not at all, and not once the process is dead.
 * `ifLost` is what the process gets where the outcome is unknown to it; without it nothing gets lost.
 */
export function localCall<T>(
  world: { readonly scheduler: Scheduler; readonly faults: Faults },
  process: SimulatedProcess,
  step: Step,
  perform: () => T,
  ifLost?: () => Error,
): Promise<T> {
  const { scheduler, faults } = world;
  return new Promise((resolve, reject) => {
    const answer = (settle: () => void): void => void scheduler.plan(faults.delayMs(step, process), process, settle);
    faults.at("before", step, process);
    if (!process.alive) return;
    scheduler.plan(faults.delayMs(step, process), process, () => {
      if (ifLost !== undefined && faults.loses("request", step, process)) return answer(() => reject(ifLost()));
      let settle: () => void;
      try {
        const value = perform();
        settle = () => resolve(value);
        if (ifLost !== undefined && faults.loses("answer", step, process)) settle = () => reject(ifLost());
      } catch (error) {
        settle = () => reject(error);
      }
      faults.at("after", step, process);
      if (process.alive) answer(settle);
    });
  });
}
