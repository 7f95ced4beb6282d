// Applies accepted ops through the orchestrator and records what became of them.
//
// 1. An op leaves the queue only when its result and its outbox row are on disk (`applied-once`: an accepted op is never lost).
// 2. After anything unclear (a restart, a lost answer) the orchestrator is asked what happened before the op is sent again.
// 3. The fencing number of the lease goes with every apply; a stale one ends this controller.
// 4. The newest result that the orchestrator ever gave goes with it as well: one that does not have it any more applies nothing.
import {
  type ApplyResult,
  type Clock,
  type FailureCode,
  failpoint,
  type Op,
  type Random,
  type ResultSeen,
  TriplaneError,
  timeOfUuid7,
  toTriplaneError,
} from "@triplane/contract";
import { backoffMs, type Logger, noTracer, sleep, type Tracer } from "@triplane/kit";
import type { OutboxEntry, Records } from "./adapters/store-records.ts";
import type { Alarms } from "./alarms.ts";
import type { ControllerMetrics } from "./metrics.ts";
import type { Orchestrator } from "./ports.ts";
import type { Positions } from "./positions.ts";
import { type Outcome, outcomeOf, outcomeOfRefusedCall } from "./record.ts";
import type { AcceptedRow } from "./rows.ts";
import { type Queued, runnable } from "./schedule.ts";
import { applyRequestOf, type ControllerService, opOf } from "./service.ts";

export interface ApplierOptions {
  readonly service: ControllerService;
  readonly records: Records;
  readonly orchestrator: Orchestrator;
  readonly positions: Positions;
  readonly alarms: Alarms;
  readonly metrics: ControllerMetrics;
  /** Unless given, nothing is traced. */
  readonly tracer?: Tracer | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly fence: number;
  /** The newest result that the orchestrator has given so far. */
  readonly seen: ResultSeen | undefined;
  /** Ops that may be applied at the same time. */
  readonly parallel: number;
  readonly signal: AbortSignal;
  readonly onOutbox: (entries: readonly OutboxEntry[]) => void;
  /** Nothing can go on: the process must end. */
  readonly onFatal: (error: TriplaneError) => void;
}

const RETRY = { baseMs: 200, maxMs: 10_000 } as const;
const POLL = { baseMs: 50, maxMs: 2000 } as const;
const TELL_AFTER = 5;

/** The orchestrator's word that this call can never succeed. Anything else may be different the next time. */
const FINAL: ReadonlySet<FailureCode> = new Set([
  "request_invalid",
  "jti_reused",
  "kind_unknown",
  "args_invalid",
  "target_unknown",
  "version_conflict",
  "plan_changed",
  "apply_failed",
]);

interface Accepted {
  readonly row: AcceptedRow;
  readonly op: Op;
}

/** What this process accepted itself it need not read again. */
interface Waiting extends Queued {
  readonly accepted?: Accepted;
  /** When it came to this process. */
  readonly sinceMs?: number;
}

export class Applier {
  readonly #options: ApplierOptions;
  /** In order of positions. */
  #queue = new Map<string, Waiting>();
  #lastPosition = 0;
  #seen: ResultSeen | undefined;
  readonly #running = new Map<string, { readonly op: Waiting; readonly done: Promise<void> }>();
  /** Ops that another process accepted, whose first step is to ask. */
  readonly #askFirst = new Set<string>();

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#seen = options.seen;
  }

  get depth(): number {
    return this.#queue.size + this.#running.size;
  }

  /** Seconds since the op that is here longest came; 0 without one. */
  get oldestS(): number {
    const nowMs = this.#options.clock.nowMs();
    let sinceMs = nowMs;
    for (const op of this.#queue.values()) sinceMs = Math.min(sinceMs, op.sinceMs ?? nowMs);
    for (const { op } of this.#running.values()) sinceMs = Math.min(sinceMs, op.sinceMs ?? nowMs);
    return (nowMs - sinceMs) / 1000;
  }

  /** An op that this process verified and accepted. */
  push(row: AcceptedRow, op: Op): void {
    if (this.#running.has(row.subject)) return;
    const { subject, target, position } = row;
    this.#enqueue([{ subject, target, position, accepted: { row, op } }]);
  }

  /** Ops that another process accepted, or may have; those in hand stay as they are. */
  resume(ops: readonly Queued[]): void {
    const others = ops.filter(({ subject }) => !this.#queue.has(subject) && !this.#running.has(subject));
    for (const { subject } of others) this.#askFirst.add(subject);
    this.#enqueue(others);
  }

  #enqueue(ops: readonly Waiting[]): void {
    let isInOrder = true;
    const sinceMs = this.#options.clock.nowMs();
    for (const op of ops) {
      this.#queue.set(op.subject, { ...op, sinceMs });
      isInOrder &&= op.position >= this.#lastPosition;
      this.#lastPosition = Math.max(this.#lastPosition, op.position);
    }
    if (!isInOrder) this.#queue = new Map([...this.#queue].sort(([, a], [, b]) => a.position - b.position));
    this.#pump();
  }

  /** Settles when nothing runs any more; after the signal fired, soon. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
  }

  #pump(): void {
    const { signal, parallel, metrics } = this.#options;
    metrics.queueDepth.set(this.depth);
    if (signal.aborted) return;
    const running = [...this.#running.values()].map(({ op }) => op);
    for (const op of runnable(this.#queue.values(), running, parallel)) {
      this.#queue.delete(op.subject);
      const done = this.#carryOut(op).finally(() => {
        this.#running.delete(op.subject);
        this.#askFirst.delete(op.subject);
        this.#pump();
      });
      this.#running.set(op.subject, { op, done });
    }
  }

  async #carryOut(waiting: Waiting): Promise<void> {
    const { signal, onFatal, clock } = this.#options;
    const startMs = clock.nowMs();
    try {
      const accepted = waiting.accepted ?? (await this.#read(waiting.subject));
      if (accepted === undefined) return;
      const outcome = await this.#untilOutcome(accepted);
      if (outcome !== undefined) await this.#finish(accepted.row, outcome, startMs);
    } catch (thrown) {
      // Whatever this is, the row is still accepted; the next start goes on with it.
      if (!signal.aborted) onFatal(toTriplaneError(thrown));
    }
  }

  /** Undefined where the op has ended. */
  async #read(subject: string): Promise<Accepted | undefined> {
    const row = await this.#options.records.op(subject);
    if (row === undefined) throw new TriplaneError("internal", `op ${subject} was accepted and its row is gone`);
    return row.state === "finished" ? undefined : { row, op: opOf(row) };
  }

  async #finish(row: AcceptedRow, outcome: Outcome, startMs: number): Promise<void> {
    const { service, positions, metrics, tracer = noTracer, logger, onOutbox, clock } = this.#options;
    const finished = service.finish(row, outcome, positions.next());
    failpoint("controller.before-record");
    if (!(await this.#record(finished))) return;
    failpoint("controller.after-record");
    metrics.ops.add({ outcome: outcome.outcome });
    const { code } = outcome;
    const times = { startMs, endMs: clock.nowMs(), failed: outcome.outcome !== "applied" };
    tracer.span({ jti: row.subject, name: "controller.apply", ...times, attributes: { outcome: outcome.outcome, code } });
    metrics.opSeconds.observe(Math.max(0, clock.nowMs() - timeOfUuid7(row.subject)) / 1000, { outcome: outcome.outcome });
    logger.info({ jti: row.subject, target: row.target, outcome: outcome.outcome, code: outcome.code }, "an op ended");
    onOutbox([{ id: finished.row.subject, row: finished.outbox, target: row.target }]);
  }

  /** False where a controller that lost its lease while it applied woke up and recorded the op first: one record is enough. */
  async #record({ row, outbox }: ReturnType<ControllerService["finish"]>): Promise<boolean> {
    const { records, logger } = this.#options;
    try {
      await records.finish(row, outbox);
      return true;
    } catch (error) {
      if (!(error instanceof TriplaneError) || error.code !== "store_conflict" || (await records.op(row.subject))?.state !== "finished")
        throw error;
      logger.warn({ jti: row.subject }, "another controller recorded the op first");
      return false;
    }
  }

  /** Undefined where the controller stops first. */
  async #untilOutcome({ row, op }: Accepted): Promise<Outcome | undefined> {
    const { signal, random, clock, metrics } = this.#options;
    const startedMs = clock.nowMs();
    let ask = this.#askFirst.delete(row.subject);
    let failures = 0;
    let polls = 0;
    while (!signal.aborted) {
      try {
        const result = ask ? await this.#ask(row) : await this.#apply(row, op);
        ask = result !== undefined;
        // An orchestrator that answers, but takes no op, is still failing.
        if (result === undefined) continue;
        failures = 0;
        if (result.status !== "running") {
          metrics.applySeconds.observe(Math.max(0, clock.nowMs() - startedMs) / 1000);
          return outcomeOf(result);
        }
        polls += 1;
        await sleep(backoffMs(polls, POLL, random), signal);
      } catch (thrown) {
        if (signal.aborted) return undefined;
        const error = toTriplaneError(thrown);
        if (error.code === "fencing_stale") throw error;
        if (FINAL.has(error.code)) return outcomeOfRefusedCall(row, error);
        failures += 1;
        ask = true;
        await this.#tellFailure(row, error, failures);
        await sleep(backoffMs(failures, RETRY, random), signal);
      }
    }
    return undefined;
  }

  /** What became of the op; undefined where the orchestrator does not know it. */
  async #ask(row: AcceptedRow): Promise<ApplyResult | undefined> {
    try {
      return this.#heard(row, await this.#options.orchestrator.op(row.subject, this.#options.signal));
    } catch (error) {
      if (error instanceof TriplaneError && error.code === "op_unknown") return undefined;
      throw error;
    }
  }

  async #apply(row: AcceptedRow, op: Op): Promise<ApplyResult> {
    const { orchestrator, fence, signal } = this.#options;
    failpoint("controller.before-apply");
    const result = await orchestrator.apply(applyRequestOf(op, fence, this.#seen), signal);
    failpoint("controller.after-apply");
    return this.#heard(row, result);
  }

  #heard(row: AcceptedRow, result: ApplyResult): ApplyResult {
    if (result.jti !== row.subject) throw new TriplaneError("unavailable", "the orchestrator answered for another op");
    if (result.op_digest !== row.op_digest) throw new TriplaneError("jti_reused", "the orchestrator knows this jti with other bytes");
    const { jti, status, workspace_revision: revision } = result;
    if (status !== "running" && revision >= (this.#seen?.revision ?? 0)) this.#seen = { jti, revision };
    return result;
  }

  async #tellFailure(row: AcceptedRow, error: TriplaneError, failures: number): Promise<void> {
    const { logger, alarms } = this.#options;
    logger.warn({ err: error, jti: row.subject, target: row.target, failures }, "the orchestrator could not be reached for an op");
    // What nobody but a person can mend is told at once.
    const tellAfter = error.code === "state_lost" ? 1 : TELL_AFTER;
    if (failures === tellAfter || failures % 50 === 0)
      await alarms.tell({
        code: error.code,
        message: `op ${row.subject} cannot be applied for now: ${error.message}`,
        subject: row.subject,
      });
  }
}
