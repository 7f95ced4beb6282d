// Publishes the outbox: each entry until the broker confirmed it, then the entry goes.
//
// 1. The bytes were signed and stored before; publishing again sends the same bytes.
// 2. Records of one target go out one after the other, in order; alarms go beside or behind them and never hold them up.
// 3. An entry leaves the outbox only after the broker confirmed it; entries that were confirmed together leave by one commit.
// 4. The answer to the submitter holds nothing up: where it fails, it waits in an entry of its own.
import type { Bus } from "@triplane/bus";
import { failpoint, type Random, subjects } from "@triplane/contract";
import { backoffMs, type Logger, sleep } from "@triplane/kit";
import type { OutboxEntry, Records } from "./adapters/store-records.ts";
import type { Answers } from "./answers.ts";
import type { ControllerMetrics } from "./metrics.ts";
import { OutboxQueue } from "./outbox-queue.ts";
import type { OutboxRow } from "./rows.ts";

export interface PublisherOptions {
  readonly workspace: string;
  readonly bus: Pick<Bus, "publish">;
  readonly records: Records;
  readonly answers: Pick<Answers, "tell" | "offer">;
  readonly metrics: ControllerMetrics;
  readonly logger: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
}

interface Pass {
  readonly sent: number;
  readonly failed: boolean;
}

const BATCH = 100;
/** In case something came into the outbox that nobody told of. */
const LOOK_EVERY_MS = 5000;
const RETRY = { baseMs: 100, maxMs: 10_000 } as const;

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #queue = new OutboxQueue();
  #wake = new AbortController();
  #failures = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Passes in a row with a publication that failed; 0 where all is well. */
  get failures(): number {
    return this.#failures;
  }

  /** Entries that are in the outbox since a moment ago: they need not be read from there. */
  offer(entries: readonly OutboxEntry[]): void {
    this.#queue.add(entries);
    this.#wake.abort();
  }

  /** Runs until the signal fires. Rejects only where the database fails. */
  async run(): Promise<void> {
    const { signal, random } = this.#options;
    while (!signal.aborted) {
      const { sent, failed } = this.#queue.isComplete ? await this.#publishOffered() : await this.flush();
      if (failed) await sleep(backoffMs(this.#failures, RETRY, random), signal);
      else if (sent === 0) await this.#rest();
    }
  }

  /** One pass over what is stored, one after the other. */
  async flush(): Promise<Pass> {
    const { records, metrics } = this.#options;
    // What was offered until now is stored: it is found there.
    this.#queue.forget();
    const audits = await this.#publishAll(await records.outbox("audit", BATCH));
    const alarms = await this.#publishAll(await records.outbox("alarm", BATCH));
    const pass = { sent: audits.sent + alarms.sent, failed: audits.failed || alarms.failed };
    this.#failures = pass.failed ? this.#failures + 1 : 0;
    if (pass.sent === 0 && !pass.failed) this.#queue.markComplete();
    metrics.outboxDepth.set(await records.outboxDepth());
    return pass;
  }

  /** One pass over what was offered, side by side as far as nothing depends on the other. */
  async #publishOffered(): Promise<Pass> {
    const pass = await this.#publishTogether(this.#queue.take(BATCH));
    this.#failures = pass.failed ? this.#failures + 1 : 0;
    // What failed is read from the database, and goes one after the other.
    if (pass.failed) this.#queue.forget();
    this.#options.metrics.outboxDepth.set(this.#queue.size);
    return pass;
  }

  /** Until something is offered, or it is time to look whether nobody told of something. */
  async #rest(): Promise<void> {
    const wake = new AbortController();
    this.#wake = wake;
    if (this.#queue.size > 0) return;
    await sleep(LOOK_EVERY_MS, this.#options.signal, wake.signal);
    if (!wake.signal.aborted) this.#queue.forget();
  }

  /** Stops at the first that fails, so that the order stays. */
  async #publishAll(entries: readonly OutboxEntry[]): Promise<Pass> {
    let sent = 0;
    for (const entry of entries) {
      const pass = await this.#publishTogether([entry]);
      sent += pass.sent;
      if (pass.failed) return { sent, failed: true };
    }
    return { sent, failed: false };
  }

  async #publishTogether(entries: readonly OutboxEntry[]): Promise<Pass> {
    if (entries.length === 0) return { sent: 0, failed: false };
    const { records, answers, logger } = this.#options;
    failpoint("controller.before-publish");
    const results = await Promise.allSettled(entries.map(({ row }) => this.#publish(row)));
    failpoint("controller.after-publish");
    const sent: string[] = [];
    const unanswered: OutboxEntry[] = [];
    for (const [index, { id }] of entries.entries()) {
      const result = results[index];
      if (result?.status === "fulfilled") {
        sent.push(id);
        if (result.value !== undefined) unanswered.push({ id, row: result.value });
      } else logger.warn({ err: result?.reason, id, failures: this.#failures + 1 }, "a message of the outbox could not be published");
    }
    if (sent.length > 0) {
      failpoint("controller.before-mark");
      await records.published(sent, unanswered);
      failpoint("controller.after-mark");
    }
    if (unanswered.length > 0) answers.offer();
    return { sent: sent.length, failed: sent.length < entries.length };
  }

  /** Returns what has to wait in its place. */
  async #publish(row: OutboxRow): Promise<OutboxRow | undefined> {
    const { bus, workspace, answers } = this.#options;
    const on = subjects(workspace);
    if (row.kind === "audit") {
      await bus.publish(on.audit, row.record);
      return await answers.tell(row);
    }
    if (row.kind === "alarm") await bus.publish(on.alarm, row.text);
    return undefined;
  }
}
