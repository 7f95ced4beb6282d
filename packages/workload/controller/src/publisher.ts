// Publishes the outbox: each entry until the broker confirmed it, then the entry goes.
//
// 1. The bytes were signed and stored before; publishing again sends the same bytes under the same message id.
// 2. Records go out in order; alarms wait behind them and never hold them up.
// 3. The answer to the submitter is a convenience: it is tried once, and its failure holds nothing up.
import { type Bus, messageIdOf } from "@triplane/bus";
import { type Answer, failpoint, type Random, subjects, toTriplaneError } from "@triplane/contract";
import { backoffMs, type Logger, sleep } from "@triplane/kit";
import type { OutboxEntry, Records } from "./adapters/store-records.ts";
import type { ControllerMetrics } from "./metrics.ts";
import type { OutboxRow } from "./rows.ts";

export interface PublisherOptions {
  readonly workspace: string;
  readonly bus: Pick<Bus, "publish">;
  readonly records: Records;
  readonly metrics: ControllerMetrics;
  readonly logger: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
}

const BATCH = 100;
/** In case a wake-up was missed. */
const LOOK_EVERY_MS = 5000;
const RETRY = { baseMs: 100, maxMs: 10_000 } as const;

export class Publisher {
  readonly #options: PublisherOptions;
  #wake = new AbortController();
  #failures = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Passes in a row with a publication that failed; 0 where all is well. */
  get failures(): number {
    return this.#failures;
  }

  wake(): void {
    this.#wake.abort();
  }

  /** Runs until the signal fires. Rejects only where the database fails. */
  async run(): Promise<void> {
    const { signal, records, metrics, random } = this.#options;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const { sent, failed } = await this.flush();
      metrics.outboxDepth.set(await records.outboxDepth());
      if (failed) await sleep(backoffMs(this.#failures, RETRY, random), signal);
      else if (sent === 0) await sleep(LOOK_EVERY_MS, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  /** One pass over what is there. */
  async flush(): Promise<{ readonly sent: number; readonly failed: boolean }> {
    const { records } = this.#options;
    const audits = await this.#publishAll(await records.outbox("audit", BATCH));
    const alarms = await this.#publishAll(await records.outbox("alarm", BATCH));
    const failed = audits.failed || alarms.failed;
    this.#failures = failed ? this.#failures + 1 : 0;
    return { sent: audits.sent + alarms.sent, failed };
  }

  /** Stops at the first that fails, so that the order stays. */
  async #publishAll(entries: readonly OutboxEntry[]): Promise<{ readonly sent: number; readonly failed: boolean }> {
    const { records, logger } = this.#options;
    let sent = 0;
    for (const { id, row } of entries) {
      try {
        failpoint("controller.before-publish");
        await this.#publish(row);
        failpoint("controller.after-publish");
      } catch (error) {
        logger.warn({ err: error, id, failures: this.#failures + 1 }, "a message of the outbox could not be published");
        return { sent, failed: true };
      }
      failpoint("controller.before-mark");
      await records.published(id);
      failpoint("controller.after-mark");
      sent += 1;
    }
    return { sent, failed: false };
  }

  async #publish(row: OutboxRow): Promise<void> {
    const { bus, workspace } = this.#options;
    const on = subjects(workspace);
    if (row.kind === "alarm") {
      await bus.publish(on.alarm, row.text, { messageId: messageIdOf(row.text) });
      return;
    }
    await bus.publish(on.audit, row.record, { messageId: messageIdOf(row.record) });
    await this.#answer(row);
  }

  async #answer(row: Extract<OutboxRow, { kind: "audit" }>): Promise<void> {
    if (row.answer_to === undefined) return;
    const { bus, workspace, logger } = this.#options;
    const { principal, jti } = row.answer_to;
    const answer: Answer = { jti, stage: "outcome", record: row.record };
    const text = JSON.stringify(answer);
    try {
      await bus.publish(subjects(workspace).answer(principal, jti), text, { messageId: messageIdOf(text) });
    } catch (error) {
      logger.warn({ err: toTriplaneError(error), jti, principal }, "the answer could not be published; the record was");
    }
  }
}
