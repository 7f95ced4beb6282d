// Tells submitters what became of their ops.
//
// 1. The ledger waits for no answer: one that could not be told leaves its record's entry and waits in the outbox as an entry of its own.
// 2. Such an entry goes when the broker confirmed the answer, or would never take it; a submitter that hears nothing sends again.
import type { Bus } from "@triplane/bus";
import { type Answer, type FailureCode, type Random, subjects, type TriplaneError, toTriplaneError } from "@triplane/contract";
import { backoffMs, type Logger, sleep } from "@triplane/kit";
import type { Records } from "./adapters/store-records.ts";
import type { OutboxRow } from "./rows.ts";

type RecordRow = Extract<OutboxRow, { kind: "audit" }>;
type AnswerRow = Extract<OutboxRow, { kind: "answer" }>;

export interface AnswersOptions {
  readonly workspace: string;
  readonly bus: Pick<Bus, "publish">;
  readonly records: Pick<Records, "outbox" | "published">;
  readonly logger: Logger;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** What passes by itself, or when somebody has mended the broker. */
const PASSING: readonly FailureCode[] = ["bus_unreachable", "publish_unconfirmed", "stream_full", "stream_missing"];
const BATCH = 100;
/** In case something waits that nobody told of. */
const LOOK_EVERY_MS = 60_000;
const RETRY = { baseMs: 500, maxMs: 30_000 } as const;

export class Answers {
  readonly #options: AnswersOptions;
  #wake = new AbortController();

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  /** Answers for a record, once. Returns what to keep in the outbox where that failed and may not fail again. */
  async tell(row: RecordRow): Promise<AnswerRow | undefined> {
    if (row.answer_to === undefined) return undefined;
    const { principal, jti } = row.answer_to;
    const answer: Answer = { jti, stage: "outcome", record: row.record };
    const waiting: AnswerRow = { kind: "answer", position: row.position, answer_to: row.answer_to, text: JSON.stringify(answer) };
    const why = await this.#publish(waiting);
    if (why === undefined) return undefined;
    this.#options.logger.warn({ err: why, jti, principal }, "the answer could not be published; the record was");
    return passes(why) ? waiting : undefined;
  }

  /** An answer is in the outbox since a moment ago. */
  offer(): void {
    this.#wake.abort();
  }

  /** Tells what waits, first of all what an earlier process left, until the signal fires. Rejects only where the database fails. */
  async run(): Promise<void> {
    const { signal, random } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      this.#wake = new AbortController();
      const { left, failed } = await this.flush();
      failures = failed ? failures + 1 : 0;
      if (failed) await sleep(backoffMs(failures, RETRY, random), signal);
      else if (!left) await sleep(LOOK_EVERY_MS, signal, this.#wake.signal);
    }
  }

  /** One pass over what waits. */
  async flush(): Promise<{ readonly left: boolean; readonly failed: boolean }> {
    const { records, logger } = this.#options;
    const entries = await records.outbox("answer", BATCH);
    const whys = await Promise.all(entries.map(({ row }) => (row.kind === "answer" ? this.#publish(row) : undefined)));
    const settled = entries.filter((_, index) => !passes(whys[index]));
    if (settled.length > 0) await records.published(settled.map(({ id }) => id));
    const err = whys.find(passes);
    if (err !== undefined) logger.warn({ err, waiting: entries.length - settled.length }, "answers wait for the broker");
    return { left: entries.length === BATCH, failed: err !== undefined };
  }

  /** Why the broker did not confirm it; undefined where it did. */
  async #publish({ answer_to, text }: AnswerRow): Promise<TriplaneError | undefined> {
    const { bus, workspace } = this.#options;
    try {
      await bus.publish(subjects(workspace).answer(answer_to.principal, answer_to.jti), text);
      return undefined;
    } catch (error) {
      return toTriplaneError(error);
    }
  }
}

function passes(why: TriplaneError | undefined): boolean {
  return why !== undefined && PASSING.includes(why.code);
}
