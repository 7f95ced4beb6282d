// The loop: runs what is due, one after another, and shows what was found last.
//
// 1. What is due follows from the history alone: a validator that was down, or that died in the middle, runs what it missed.
// 2. A validation that leaves nothing in the history is tried again after a pause, never at once.
import { type Clock, type TriplaneError, toTriplaneError } from "@triplane/contract";
import { type Logger, sleep } from "@triplane/kit";
import type { HistoryFile } from "../validation/history.ts";
import { dueValidations, lastWholeRunS } from "../validation/schedule.ts";
import type { ValidationName } from "../validation/types.ts";
import type { ShowRuns } from "./metrics.ts";

export interface ValidatorOptions {
  readonly history: HistoryFile;
  readonly show: ShowRuns;
  /** Makes a validation and notes it. Throws where it could not be made at all. */
  readonly validate: (validation: ValidationName, signal: AbortSignal) => Promise<void>;
  readonly firstLookMs: number;
  readonly pollMs: number;
  /** Instead of the periods of the schedule. */
  readonly periodS?: number | undefined;
  readonly retryMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class Validator {
  readonly #options: ValidatorOptions;
  readonly #triedMs = new Map<ValidationName, number>();
  #problem: TriplaneError | undefined;
  #due: readonly ValidationName[] = [];

  constructor(options: ValidatorOptions) {
    this.#options = options;
  }

  /** Why the last look did not get to its end. */
  get problem(): TriplaneError | undefined {
    return this.#problem;
  }

  /** What was due at the last look. */
  get due(): readonly ValidationName[] {
    return this.#due;
  }

  /** Until the signal fires. Never rejects. */
  async run(): Promise<void> {
    const { signal, firstLookMs, pollMs, logger } = this.#options;
    await this.#refresh();
    await sleep(firstLookMs, signal);
    while (!signal.aborted) {
      try {
        await this.look();
        this.#problem = undefined;
      } catch (thrown) {
        this.#problem = toTriplaneError(thrown);
        logger.warn({ err: this.#problem }, "a validation could not be run");
      }
      await sleep(pollMs, signal);
    }
  }

  /** Runs what is due. Throws the first problem, after everything was tried. */
  async look(): Promise<void> {
    const { history, clock, validate, periodS, retryMs, signal, logger } = this.#options;
    const nowMs = clock.nowMs();
    const { runs } = await history.read();
    this.#due = dueValidations(runs, Math.floor(nowMs / 1000), periodS);
    let problem: unknown;
    for (const validation of this.#due) {
      if (signal.aborted) return;
      const triedMs = this.#triedMs.get(validation);
      const leftNothing = triedMs !== undefined && (lastWholeRunS(runs, validation) ?? 0) < Math.floor(triedMs / 1000);
      if (leftNothing && nowMs >= triedMs && nowMs - triedMs < retryMs) continue;
      this.#triedMs.set(validation, nowMs);
      try {
        await validate(validation, signal);
        logger.info({ validation }, "validated");
      } catch (thrown) {
        problem ??= thrown;
      }
    }
    await this.#refresh();
    if (problem !== undefined && !signal.aborted) throw problem;
  }

  async #refresh(): Promise<void> {
    const { history, show, logger } = this.#options;
    try {
      show((await history.read()).runs);
    } catch (thrown) {
      logger.warn({ err: toTriplaneError(thrown) }, "the history of validations could not be read");
    }
  }
}
