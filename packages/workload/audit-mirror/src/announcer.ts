// Tells a Radicle node that the ledger moved. A convenience: the ledger neither waits for it nor fails with it.
//
// 1. At most one announcement is on its way; whatever was asked for meanwhile is one more after it.
// 2. One that fails is tried again, ever more slowly, until it succeeds or the mirror stops.
import { type Random, type TriplaneError, toTriplaneError } from "@triplane/contract";
import { backoffMs, type CounterMetric, type Logger, sleep } from "@triplane/kit";

export interface AnnouncerOptions {
  announce(signal: AbortSignal): Promise<void>;
  readonly random: Random;
  readonly logger: Logger;
  /** Labelled with `result`: announced or failed. */
  readonly announcements: CounterMetric;
  readonly signal: AbortSignal;
}

const RETRY = { baseMs: 1_000, maxMs: 60_000 } as const;

export class Announcer {
  readonly #options: AnnouncerOptions;
  #wanted = false;
  #running: Promise<void> | undefined;
  #problem: TriplaneError | undefined;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** Why the last attempt failed; undefined while all is announced. */
  get problem(): TriplaneError | undefined {
    return this.#problem;
  }

  /** Has the ledger announced as it is now. Returns at once and never throws. */
  request(): void {
    this.#wanted = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    const { signal, logger, random, announcements } = this.#options;
    for (let failures = 0; this.#wanted && !signal.aborted; ) {
      this.#wanted = false;
      try {
        await this.#options.announce(signal);
        announcements.add({ result: "announced" });
        if (failures > 0) logger.info({ failures }, "the ledger is announced again");
        failures = 0;
        this.#problem = undefined;
      } catch (thrown) {
        if (signal.aborted) return;
        this.#wanted = true;
        failures += 1;
        this.#problem = toTriplaneError(thrown);
        announcements.add({ result: "failed" });
        if (failures === 1) logger.warn({ err: thrown }, "the ledger could not be announced to the Radicle node; it is tried again");
        await sleep(backoffMs(failures, RETRY, random), signal);
      }
    }
  }
}
