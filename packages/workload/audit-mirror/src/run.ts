// The mirror's loop: takes records off the audit stream, commits them in batches, then acks them.
//
// 1. A message is acked only after its record is in the ledger on disk, by this batch or an earlier one (`every-command-lands`, `persist-before-ack`).
// 2. A message that is no record is on disk beside the ledger and alarmed before it is taken off the stream.
// 3. A new key's first record brings the ledger over to it: when everything before it is in the ledger, and the policy names the key.
// 4. After a failed write nothing is assumed: the ledger is opened again and the messages come again.
import { Backlog, type Bus, type WorkConsumer, type WorkMessage } from "@triplane/bus";
import {
  type Alarm,
  type AuditRecord,
  aboutOp,
  type Clock,
  CONSUMERS,
  type Did,
  digestOf,
  failpoint,
  nowSeconds,
  type Random,
  streamNames,
  subjects,
  TriplaneError,
  timeOfUuid7,
  toTriplaneError,
} from "@triplane/contract";
import { backoffMs, type Logger, noTracer, sleep, type Tracer } from "@triplane/kit";
import type { AppendResult, LedgerWriter } from "@triplane/ledger";
import type { MirrorMetrics } from "./metrics.ts";
import type { DecisionChecker, KeepAside, OpenLedger, SuccessionCheck } from "./ports.ts";
import { afterFailedCheck, Batcher, type BatchLimits, examine, type RecordRules } from "./service.ts";

export interface MirrorOptions {
  readonly bus: Bus;
  readonly rules: RecordRules;
  readonly openLedger: OpenLedger;
  readonly checker: DecisionChecker & SuccessionCheck;
  readonly keepAside: KeepAside;
  readonly limits: BatchLimits;
  readonly metrics: MirrorMetrics;
  /** Unless given, nothing is traced. */
  readonly tracer?: Tracer | undefined;
  /** Told after each commit, and when the ledger is opened; undefined = nobody is. */
  readonly announcer?: { request(): void } | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

interface Held {
  readonly message: WorkMessage;
  readonly record: AuditRecord;
}

const IDLE_WAIT_MS = 1000;
/** Most messages of one pull: verifying them keeps everything else in this process waiting. */
const PULL = 64;
/** Time between two looks at what waits on the stream. */
const LOOK_EVERY_MS = 5000;
const RETRY = { baseMs: 250, maxMs: 30_000 } as const;
/** Batches between two packings of what they left. */
const TIDY_EVERY = 32;

export class MirrorLoop {
  readonly #options: MirrorOptions;
  readonly #batch: Batcher<Held>;
  readonly #backlog: Backlog;
  #writer: LedgerWriter | undefined;
  #failures = 0;
  #batches = 0;
  #problem: TriplaneError | undefined;
  /** Why the new key's records wait. */
  #waiting: TriplaneError | undefined;
  #settling: Promise<void> = Promise.resolve();

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#batch = new Batcher(options.limits);
    const { bus, clock, metrics, rules } = options;
    this.#backlog = new Backlog({
      ...{ bus, stream: streamNames(rules.workspace).audit, durable: CONSUMERS.audit, clock },
      ...{ depth: metrics.pending, oldest: metrics.oldestPending },
    });
  }

  /** Why the last write or read failed; undefined while all is well. */
  get problem(): TriplaneError | undefined {
    return this.#problem ?? this.#waiting;
  }

  /** Whose records go in now. */
  get controller(): Did | undefined {
    return this.#writer?.controller;
  }

  get size(): number | undefined {
    return this.#writer?.size;
  }

  /** Takes the ledger's lock. Throws failures of the ledger: a mirror that cannot write does not start. */
  async open(): Promise<void> {
    this.#writer = await this.#options.openLedger();
    this.#report(this.#writer);
    if (this.#writer.size > 0) this.#options.announcer?.request();
  }

  /** Runs until the signal fires; what is held then is committed first. Rejects where the consumer is missing or refused. */
  async run(): Promise<void> {
    const { bus, rules, signal } = this.#options;
    const consumer = await bus.consumer(streamNames(rules.workspace).audit, CONSUMERS.audit);
    const measuring = this.#measureNowAndThen();
    while (!signal.aborted) await this.#round(consumer);
    if (this.#batch.count > 0) await this.#flush();
    await this.#settling;
    await measuring;
    await this.#writer?.close();
  }

  async #measureNowAndThen(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      await this.#backlog.look();
      await sleep(LOOK_EVERY_MS, signal);
    }
  }

  /** One pull, and a commit if the batch is due. Never throws. */
  async #round(consumer: WorkConsumer): Promise<void> {
    const { clock, logger, random, signal, rules } = this.#options;
    try {
      const waitMs = Math.min(this.#batch.dueInMs(clock.nowMs()) ?? IDLE_WAIT_MS, IDLE_WAIT_MS);
      if (waitMs > 0) {
        const max = Math.min(this.#batch.room, PULL);
        const messages = await consumer.batch({ max, waitMs, signal });
        this.#backlog.came(messages);
        for (const message of messages) await this.#take(message);
      }
      if (this.#batch.dueInMs(clock.nowMs()) === 0) await this.#flush();
      this.#failures = 0;
      this.#problem = undefined;
    } catch (thrown) {
      this.#problem = toTriplaneError(thrown);
      this.#failures += 1;
      logger.warn({ err: thrown, workspace: rules.workspace, failures: this.#failures }, "a round of the mirror failed");
      await sleep(backoffMs(this.#failures, RETRY, random), signal);
    }
  }

  async #take(message: WorkMessage): Promise<void> {
    const { rules, checker, clock, random, logger } = this.#options;
    const examined = examine(message, rules);
    if (examined.kind === "invalid") return this.#setAside(message, examined.failure, examined.digest);
    const { record, ...carried } = examined.checked;
    const { subject } = record.claims;
    try {
      await checker.check(record, carried);
    } catch (thrown) {
      const failure = toTriplaneError(thrown);
      if (afterFailedCheck(failure, message.deliveries).action === "set_aside") return this.#setAside(message, failure, subject);
      logger.warn(
        { err: failure, workspace: rules.workspace, ...aboutOp(subject), subject, deliveries: message.deliveries },
        "a record cannot be checked yet",
      );
      message.retryLater(backoffMs(message.deliveries, RETRY, random));
      return;
    }
    if (rules.former !== undefined && !(await this.#isTurnOf(record, message))) return;
    this.#batch.add({ message, record }, record.token.compact.length, clock.nowMs());
  }

  /** Whether the record's key is the one that writes now, or just came to be. What becomes of the message otherwise is settled here. */
  async #isTurnOf(record: AuditRecord, message: WorkMessage): Promise<boolean> {
    const { iss, subject } = record.claims;
    const writer = await this.#ensureWriter();
    if (iss === writer.controller) return true;
    if (iss === writer.successor) return await this.#takeOver(message, iss);
    if (await writer.has(subject)) await message.ackConfirmed();
    else {
      const why = `it was signed by ${iss}, which has handed the ledger over to ${writer.controller}`;
      await this.#setAside(message, new TriplaneError("chain_broken", why), subject);
    }
    return false;
  }

  /** Hands the ledger over before a new key's first record; else the message comes again. */
  async #takeOver(message: WorkMessage, successor: Did): Promise<boolean> {
    const { bus, checker, rules, random, logger } = this.#options;
    if (this.#batch.count > 0) await this.#flush();
    await this.#settling;
    try {
      const { ackFloorSeq } = await bus.consumerState(streamNames(rules.workspace).audit, CONSUMERS.audit);
      if (ackFloorSeq < message.streamSeq - 1) throw new TriplaneError("unavailable", "records before it are not in the ledger yet");
      const grounds = await checker.groundsFor(successor);
      const writer = await this.#ensureWriter();
      const from = writer.controller;
      await writer.handOver(grounds);
      this.#waiting = undefined;
      logger.warn(
        { workspace: rules.workspace, from, to: successor, size: writer.size, policy: grounds.policy.commit },
        "handed the ledger over",
      );
      return true;
    } catch (thrown) {
      this.#waiting = toTriplaneError(thrown);
      logger.warn(
        { err: thrown, workspace: rules.workspace, to: successor },
        "a new key's record waits: the ledger is not handed over yet",
      );
      message.retryLater(backoffMs(message.deliveries, RETRY, random));
      if (this.#waiting.code === "git_failed") await this.#reopen();
      return false;
    }
  }

  /** What a failed write left is unknown until the ledger is opened again. */
  async #reopen(): Promise<void> {
    await this.#writer?.close();
    this.#writer = undefined;
  }

  async #flush(): Promise<void> {
    const { logger, metrics, rules, clock, random } = this.#options;
    await this.#settling;
    const held = this.#batch.take();
    const startedMs = clock.nowMs();
    try {
      const writer = await this.#ensureWriter();
      const result = await writer.append(held.map((item) => item.record));
      metrics.commitSeconds.observe((clock.nowMs() - startedMs) / 1000);
      metrics.records.add({ result: "committed" }, held.length - result.skipped.length);
      metrics.records.add({ result: "known" }, result.skipped.length);
      this.#report(writer);
      logger.info(
        {
          workspace: rules.workspace,
          commit: result.commit,
          size: result.size,
          records: held.length,
          known: result.skipped.length,
        },
        "committed a batch",
      );
      this.#tellRecorded(held, result);
    } catch (thrown) {
      for (const { message } of held) message.retryLater(backoffMs(message.deliveries, RETRY, random));
      await this.#reopen();
      throw thrown;
    }
    this.#batch.committed(clock.nowMs());
    this.#options.announcer?.request();
    // The next batch is collected while the broker confirms.
    this.#settling = this.#settle(held);
    void this.#tidy();
  }

  /** A line for each op, so that whoever looks for a jti finds the end of its way. */
  #tellRecorded(held: readonly Held[], { commit, skipped }: AppendResult): void {
    const { logger, metrics, rules, clock } = this.#options;
    const { workspace } = rules;
    const known = new Set(skipped);
    for (const { message, record } of held) {
      const { subject, outcome } = record.claims;
      if (known.has(subject)) continue;
      this.#trace(subject, outcome, message.storedAtMs);
      metrics.recordSeconds.observe(Math.max(0, clock.nowMs() - message.storedAtMs) / 1000);
      logger.info({ workspace, ...aboutOp(subject), subject, outcome, commit }, "an op is in the ledger");
    }
  }

  /** This step, and the op's whole way: nobody else sees both its ends. */
  #trace(subject: string, outcome: string, storedAtMs: number): void {
    const { jti } = aboutOp(subject);
    if (jti === undefined) return;
    const { tracer = noTracer, clock } = this.#options;
    const endMs = clock.nowMs();
    tracer.span({ jti, name: "mirror.commit", startMs: storedAtMs, endMs });
    tracer.span({ jti, name: "op", startMs: timeOfUuid7(jti), endMs, failed: outcome !== "applied", attributes: { outcome } });
  }

  /** Never rejects: an ack that is not confirmed is no harm, the record comes again and is known. */
  async #settle(held: readonly Held[]): Promise<void> {
    const { logger, rules } = this.#options;
    failpoint("mirror.before-ack");
    try {
      const acked = await Promise.all(held.map(({ message }) => message.ackConfirmed()));
      if (acked.includes(false)) logger.warn({ workspace: rules.workspace }, "some acks are unconfirmed; those records may come again");
    } catch (error) {
      logger.warn({ err: error, workspace: rules.workspace }, "a batch could not be acked; its records come again");
    }
    failpoint("mirror.after-ack");
  }

  async #ensureWriter(): Promise<LedgerWriter> {
    this.#writer ??= await this.#options.openLedger();
    return this.#writer;
  }

  async #tidy(): Promise<void> {
    this.#batches += 1;
    if (this.#batches % TIDY_EVERY !== 0) return;
    try {
      await this.#writer?.tidy();
    } catch (error) {
      this.#options.logger.warn({ err: error, workspace: this.#options.rules.workspace }, "the ledger could not be packed");
    }
  }

  async #setAside(message: WorkMessage, failure: TriplaneError, subject: string): Promise<void> {
    const { keepAside, bus, clock, rules, metrics, logger } = this.#options;
    const digest = digestOf(message.raw);
    await keepAside({
      digest,
      code: failure.code,
      message: failure.message,
      streamSeq: message.streamSeq,
      atMs: clock.nowMs(),
      bytes: message.raw,
    });
    const text = failure.message.slice(0, 1000);
    const alarm: Alarm = {
      at: nowSeconds(clock),
      source: "audit-mirror",
      code: failure.code,
      message: `a message of the audit stream is no record and was set aside as ${digest}: ${text}`,
      subject,
    };
    const body = JSON.stringify(alarm);
    await bus.publish(subjects(rules.workspace).alarm, body);
    await message.terminate(`set aside: ${failure.code}`);
    metrics.records.add({ result: "set_aside" });
    metrics.alarms.add({ code: failure.code });
    logger.error(
      { err: failure, workspace: rules.workspace, ...aboutOp(subject), digest, streamSeq: message.streamSeq },
      "set a message aside",
    );
  }

  #report(writer: LedgerWriter): void {
    const { metrics } = this.#options;
    metrics.size.set(writer.size);
    if (writer.checkpoint !== undefined) metrics.checkpointTime.set(writer.checkpoint.timeMs / 1000);
  }
}
