// Takes messages off the command stream, one at a time in stream order.
//
// 1. A message is acked or taken off only after what it means is on disk (`persist-before-ack`).
// 2. What is not the message's fault gives it back; only what can never be proven, or fails too often, is taken off as evidence.
import type { WorkMessage } from "@triplane/bus";
import { failpoint, type Random, TriplaneError, toTriplaneError } from "@triplane/contract";
import { backoffMs, type Logger } from "@triplane/kit";
import type { OutboxEntry, Records } from "./adapters/store-records.ts";
import type { Alarms } from "./alarms.ts";
import type { ControllerMetrics } from "./metrics.ts";
import type { Positions } from "./positions.ts";
import type { Queued } from "./schedule.ts";
import { type ControllerService, subjectsOf } from "./service.ts";
import { type Verification, type VerifyContext, verifyMessage } from "./verify.ts";

export interface IntakeOptions {
  readonly verifyContext: VerifyContext;
  readonly service: ControllerService;
  readonly records: Records;
  readonly positions: Positions;
  readonly alarms: Alarms;
  readonly metrics: ControllerMetrics;
  readonly logger: Logger;
  readonly random: Random;
  /** Deliveries after which a message that fails for a reason of its own is taken off. */
  readonly maxDeliveries: number;
  /** An op is durable and may be applied. */
  readonly onAccepted: (op: Queued) => void;
  /** Something is in the outbox. */
  readonly onOutbox: () => void;
}

const RETRY = { baseMs: 200, maxMs: 10_000 } as const;
const WORKING_EVERY_MS = 3000;
/** Deliveries after which somebody should know that the stream stands still. */
const TELL_AFTER = 5;

export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Settles the message. Throws only where the database no longer answers for what it holds. */
  async handle(message: WorkMessage): Promise<void> {
    const working = setInterval(() => message.working(), WORKING_EVERY_MS);
    try {
      failpoint("controller.before-verify");
      const verification = await verifyMessage(message, this.#options.verifyContext);
      failpoint("controller.after-verify");
      await this.#handle(message, verification);
    } catch (thrown) {
      const error = toTriplaneError(thrown);
      if (isFatal(error)) throw error;
      await this.#handleDefect(message, error);
    } finally {
      clearInterval(working);
    }
  }

  async #handle(message: WorkMessage, verification: Verification): Promise<void> {
    switch (verification.kind) {
      case "proven":
        return await this.#takeIn(message, verification);
      case "later":
        return await this.#giveBack(message, verification.reason);
      case "broken":
        return await this.#reject(message, verification.reason);
    }
  }

  async #takeIn(message: WorkMessage, { decision, compact, superseded }: Extract<Verification, { kind: "proven" }>): Promise<void> {
    const { service, records, positions, logger, metrics, onAccepted, onOutbox } = this.#options;
    const known = await records.known(subjectsOf(decision));
    const step = service.takeIn({ decision, compact, superseded, known, streamSeq: message.streamSeq, position: positions.next() });
    const { subject } = step.row;
    failpoint("controller.before-persist");
    if (step.kind === "accept") await records.accept(step.row);
    else if (step.kind === "finish") await records.createFinished(step.row, step.outbox);
    else if (step.kind === "receipt") await records.enqueue(subject, step.outbox);
    failpoint("controller.after-persist");
    failpoint("controller.before-ack");
    const acked = await message.ackConfirmed();
    failpoint("controller.after-ack");
    if (step.kind === "accept") onAccepted({ subject, target: step.row.target, position: step.row.position });
    else if (step.kind !== "in_hand") onOutbox();
    metrics.messages.add({ verdict: step.kind });
    if (step.kind === "finish") metrics.ops.add({ outcome: step.row.outcome });
    logger.info({ jti: decision.op?.claims.jti, subject, verdict: step.kind, streamSeq: message.streamSeq, acked }, "took in a message");
  }

  async #giveBack(message: WorkMessage, reason: TriplaneError): Promise<void> {
    const { logger, random, alarms, metrics } = this.#options;
    const { deliveries, streamSeq } = message;
    metrics.messages.add({ verdict: "later" });
    logger.warn({ err: reason, streamSeq, deliveries }, "a message has to wait and is given back");
    message.retryLater(backoffMs(deliveries, RETRY, random));
    if (deliveries >= TELL_AFTER)
      await alarms.tell({ code: reason.code, message: `the command stream waits at message ${streamSeq}: ${reason.message}` });
  }

  /** Evidence and alarm are on disk before the message goes. No record is signed: there is no op that anybody proved. */
  async #reject(message: WorkMessage, reason: TriplaneError): Promise<void> {
    const { service, records, alarms, metrics, onOutbox, logger } = this.#options;
    const { id, row } = service.reject(message.raw, message.streamSeq, reason);
    const text = alarms.compose({ code: reason.code, message: reason.message, subject: id });
    await records.reject(id, row, text === undefined ? undefined : this.#alarmEntry(id, text));
    await message.terminate(`${reason.code} ${id}`);
    onOutbox();
    metrics.messages.add({ verdict: reason.code });
    logger.error({ err: reason, digest: id, streamSeq: message.streamSeq }, "a message proved nothing and was taken off");
  }

  #alarmEntry(digest: string, text: string): OutboxEntry {
    return { id: `alarm:${digest}`, row: { kind: "alarm", position: this.#options.positions.next(), text } };
  }

  async #handleDefect(message: WorkMessage, error: TriplaneError): Promise<void> {
    if (message.deliveries < this.#options.maxDeliveries) return await this.#giveBack(message, error);
    await this.#reject(message, new TriplaneError("poisoned", `failed ${message.deliveries} times: ${error.message}`, { cause: error }));
  }
}

function isFatal(error: TriplaneError): boolean {
  return error.code === "store_commit_unknown";
}
