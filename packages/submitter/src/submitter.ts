// Sends ops from the outbox and waits for their outcome (`every-command-lands`: an op leaves the outbox only with its outcome).
//
// 1. An op is on disk before it is sent; it may be sent any number of times, always the same bytes.
// 2. The ops of a key are sent in the order of their numbers; if one cannot be sent, those after it wait.
// 3. A number refused as wrong teaches the outbox the right one; only `submitAndWait` signs again.
import type { Bus } from "@triplane/bus";
import {
  type Clock,
  failpoint,
  type Random,
  type Signer,
  streamNames,
  subjects,
  TriplaneError,
  timeOfUuid7,
  toTriplaneError,
} from "@triplane/contract";
import { backoffMs, type Logger, noTracer, sleep, type Tracer } from "@triplane/kit";
import type { OpOutcome, OutboxOp } from "./entry.ts";
import type { OpDraft, Outbox } from "./outbox.ts";
import { type OpStage, readAnswer, type Trust } from "./outcome.ts";

export interface SubmitterOptions extends Trust {
  readonly outbox: Outbox;
  /** A connection as this operator. */
  readonly bus: Bus;
  readonly workspace: string;
  /** Whose answers to read; the name by which the policy knows the key. */
  readonly principal: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Unless given, nothing is traced. */
  readonly tracer?: Tracer;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Told of every change of stage. */
  readonly onStage?: (stage: OpStage) => void;
}

export interface ResendReport {
  /** Sent again; still without outcome. */
  readonly sent: readonly OutboxOp[];
  /** Had an outcome waiting; now held. */
  readonly finished: readonly OutboxOp[];
}

const POLL = { baseMs: 60, maxMs: 1500 } as const;
const RESEND_EVERY_MS = 30_000;
const MAX_ROUNDS = 3;
const MAX_TRACED = 1024;

export class Submitter {
  readonly #options: SubmitterOptions;
  readonly #pending: string;
  /** Ops whose first sending was told. */
  readonly #traced = new Set<string>();

  constructor(options: SubmitterOptions) {
    this.#options = options;
    this.#pending = subjects(options.workspace).pending;
  }

  /** Signs, stores, sends. Throws what a publish throws; the op is then in the outbox and `resendAll` sends it. */
  async submit(draft: OpDraft, key: Signer): Promise<OutboxOp> {
    return this.send(await this.#options.outbox.prepare(draft, key));
  }

  /** Stores and sends an op that was signed elsewhere. Doing it twice is harmless. */
  async submitSigned(compact: string): Promise<OutboxOp> {
    return this.send(await this.#options.outbox.adopt(compact));
  }

  /** Submits and waits. Where the keeper expected another number of the key, signs again with that one, once or twice. */
  async submitAndWait(draft: OpDraft, key: Signer, options: WaitOptions): Promise<{ readonly op: OutboxOp; readonly outcome: OpOutcome }> {
    for (let round = 1; ; round += 1) {
      const op = await this.submit(draft, key);
      const outcome = await this.waitForOutcome(op.entry.jti, options);
      if (outcome.code !== "sequence_gap" || outcome.expected_seq === undefined || round === MAX_ROUNDS) return { op, outcome };
      this.#options.logger.info({ jti: op.entry.jti, expected: outcome.expected_seq }, "the keeper expected another number; signing again");
    }
  }

  /** Sends an op of the outbox, after those of its key with smaller numbers that were never confirmed. */
  async send(op: OutboxOp): Promise<OutboxOp> {
    for (const earlier of await this.#options.outbox.unsentBefore(op)) await this.#publish(earlier);
    await this.#publish(op);
    this.#trace(op.entry.jti);
    return op;
  }

  /** Looks for the outcome of everything without one and sends the rest again, key by key in order. */
  async resendAll(): Promise<ResendReport> {
    const sent: OutboxOp[] = [];
    const finished: OutboxOp[] = [];
    for (const op of await this.#options.outbox.pending()) {
      const stage = await this.stage(op.entry.jti);
      if (stage.stage === "outcome") finished.push(op);
      else {
        await this.#publish(op);
        sent.push(op);
      }
    }
    return { sent, finished };
  }

  /** Where an op of this outbox is. An outcome is verified and kept. Throws `op_unknown`. */
  async stage(jti: string): Promise<OpStage> {
    const op = await this.#options.outbox.find(jti);
    if (op === undefined) throw new TriplaneError("op_unknown", `no op ${jti} is in the outbox`);
    if (op.entry.outcome !== undefined) return { stage: "outcome", outcome: op.entry.outcome };
    const { bus, workspace, principal, outbox } = this.#options;
    const message = await bus.last(streamNames(workspace).answer, subjects(workspace).answer(principal, jti));
    if (message === undefined) return { stage: "sent" };
    const stage = this.#read(message.text ?? "", op);
    if (stage.stage === "outcome") await outbox.finish(op, stage.outcome);
    return stage;
  }

  /** Waits for the outcome, sending the op again now and then. Throws `outcome_timeout`, `op_unknown`. */
  async waitForOutcome(jti: string, options: WaitOptions): Promise<OpOutcome> {
    const { clock, random, outbox, logger } = this.#options;
    const deadlineMs = clock.nowMs() + options.timeoutMs;
    let resendAtMs = clock.nowMs() + RESEND_EVERY_MS;
    let told: string | undefined;
    for (let attempt = 1; ; attempt += 1) {
      const stage = await this.#stageOrSent(jti);
      if (stage.stage !== told) options.onStage?.(stage);
      told = stage.stage;
      if (stage.stage === "outcome") return stage.outcome;
      const nowMs = clock.nowMs();
      if (nowMs >= deadlineMs || options.signal?.aborted === true)
        throw new TriplaneError("outcome_timeout", `op ${jti} has no outcome yet (${stage.stage})`, {
          details: { jti, stage: stage.stage },
        });
      if (nowMs >= resendAtMs) {
        resendAtMs = nowMs + RESEND_EVERY_MS;
        const op = await outbox.find(jti);
        if (op !== undefined)
          await this.send(op).catch((error: unknown) => logger.warn({ jti, err: error }, "the op could not be sent again"));
      }
      await sleep(Math.min(backoffMs(attempt, POLL, random), Math.max(deadlineMs - nowMs, 1)), options.signal);
    }
  }

  /** While the broker is away the answer is only late. */
  async #stageOrSent(jti: string): Promise<OpStage> {
    try {
      return await this.stage(jti);
    } catch (error) {
      const failure = toTriplaneError(error);
      if (failure.code !== "bus_unreachable") throw failure;
      this.#options.logger.warn({ jti, err: failure }, "the answer could not be read; trying again");
      return { stage: "sent" };
    }
  }

  /** An answer that does not prove itself is no answer: anybody with that credential could have written it. */
  #read(text: string, op: OutboxOp): OpStage {
    try {
      return readAnswer(text, op, this.#options);
    } catch (error) {
      this.#options.logger.warn({ jti: op.entry.jti, err: error }, "an answer does not prove itself and is ignored");
      return { stage: "sent" };
    }
  }

  #trace(jti: string): void {
    const { tracer = noTracer, clock } = this.#options;
    if (tracer === noTracer || this.#traced.has(jti)) return;
    if (this.#traced.size >= MAX_TRACED) this.#traced.clear();
    this.#traced.add(jti);
    tracer.span({ jti, name: "op.submit", startMs: timeOfUuid7(jti), endMs: clock.nowMs() });
  }

  async #publish(op: OutboxOp): Promise<void> {
    failpoint("submitter.before-publish");
    await this.#options.bus.publish(this.#pending, op.entry.op);
    failpoint("submitter.after-publish");
    await this.#options.outbox.markSent(op);
  }
}
