// The keeper's loops: pending ops, approvals, and a tick for the policy, expiries and reviews that others opened.
//
// 1. Without a policy in force nothing is taken off a stream. `no-fail-open`
// 2. A message is acked by the core's last effect only, or taken off as poisoned after it was recorded. `persist-before-ack`
// 3. Pending messages are decided on in the order of their stream. What fails stays in line and holds up those behind it.
// 4. What waits for people is known from the review stream; at start and whenever the policy moves, all of it is examined.
import { Backlog, type Bus, PendingLine, type WorkConsumer, type WorkMessage } from "@triplane/bus";
import {
  type Clock,
  CONSUMERS,
  digestOf,
  JTI_PATTERN,
  nowSeconds,
  type Random,
  streamNames,
  subjects,
  TriplaneError,
  timeOfUuid7,
  toTriplaneError,
  verifyApproval,
} from "@triplane/contract";
import { backoffMs, type Logger, noTracer, sleep, type Tracer } from "@triplane/kit";
import type { Alarms } from "./alarms.ts";
import { type Desk, isTransient, type Looked } from "./desk.ts";
import type { KeeperMetrics } from "./metrics.ts";
import type { Worked } from "./pass.ts";
import type { PolicyFollower } from "./policy-follower.ts";
import { readReviewItem } from "./review-item.ts";

export interface KeeperLoopOptions {
  readonly workspace: string;
  readonly bus: Bus;
  readonly desk: Desk;
  readonly follower: PolicyFollower;
  readonly alarms: Alarms;
  readonly metrics: KeeperMetrics;
  /** Unless given, nothing is traced. */
  readonly tracer?: Tracer | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Time between two looks at the policy repository and at expiries. */
  readonly pollMs: number;
  /** Time between two readings of the whole review stream. */
  readonly rescanMs: number;
  /** Pending messages that are held while others are worked off; few of them make every order of deliveries likely. */
  readonly maxHeld?: number;
}

/** Deliveries after which a message that fails for a reason of its own is taken off. */
const POISON_AFTER = 10;
const WAIT_MS = 1000;
/** Messages that are worked off at once, and that are held while others are. Together below the consumer's max_ack_pending. */
const MAX_BATCH = 64;
const MAX_HELD = 128;
const RETRY = { baseMs: 200, maxMs: 10_000 } as const;

export class KeeperLoop {
  readonly #options: KeeperLoopOptions;
  /** Open reviews: jti to when time alone may change something about it, seconds since 1970. */
  readonly #open = new Map<string, number>();
  /** How often a pending message was tried, by its number in the stream. */
  readonly #attempts = new Map<number, number>();
  readonly #backlog: Backlog;
  #scannedAtMs: number | undefined;
  /** The policy's problem that was alarmed last, so that each is told once. */
  #toldProblem: TriplaneError | undefined;

  constructor(options: KeeperLoopOptions) {
    this.#options = options;
    const { bus, clock, metrics } = options;
    this.#backlog = new Backlog({
      ...{ bus, stream: streamNames(options.workspace).pending, durable: CONSUMERS.pending, clock },
      ...{ depth: metrics.pending, oldest: metrics.oldestPending },
    });
  }

  get openReviews(): number {
    return this.#open.size;
  }

  /** Runs until the signal fires. Rejects only where a consumer is missing or refused. */
  async run(): Promise<void> {
    const { bus, workspace } = this.#options;
    const names = streamNames(workspace);
    const [pending, approvals] = await Promise.all([
      bus.consumer(names.pending, CONSUMERS.pending),
      bus.consumer(names.review, CONSUMERS.approval),
    ]);
    await this.tick();
    await Promise.all([this.#consumePending(pending), this.#consumeApprovals(approvals), this.#ticks()]);
  }

  /** One look at the policy, then at every review that may have changed by it or by time. Never throws. */
  async tick(): Promise<void> {
    const { follower, metrics, clock, rescanMs } = this.#options;
    const refreshed = await follower.refresh();
    await this.#tellPolicy(refreshed);
    if (follower.inForce !== undefined) {
      const nowMs = clock.nowMs();
      try {
        const isStale = this.#scannedAtMs === undefined || nowMs - this.#scannedAtMs >= rescanMs;
        if (isStale) await this.#scan();
        for (const [jti, dueS] of [...this.#open]) {
          if (isStale || refreshed === "changed" || dueS <= nowSeconds(clock)) await this.#lookAgain(jti);
        }
        if (isStale) this.#scannedAtMs = nowMs;
      } catch (error) {
        this.#options.logger.warn({ err: error, workspace: this.#options.workspace }, "the reviews could not be examined");
      }
    }
    await this.#backlog.look();
    metrics.openReviews.set(this.#open.size);
    metrics.oldestReview.set(Math.max(0, ...[...this.#open.keys()].map((jti) => this.#sinceSignedS(jti))));
    metrics.policyInForce.set(follower.inForce === undefined ? 0 : 1);
    if (follower.verifiedAtMs !== undefined) metrics.policyAge.set((clock.nowMs() - follower.verifiedAtMs) / 1000);
    if (follower.contactAtMs !== undefined) metrics.policyContactAge.set((clock.nowMs() - follower.contactAtMs) / 1000);
  }

  #sinceSignedS(jti: string): number {
    return Math.max(0, this.#options.clock.nowMs() - timeOfUuid7(jti)) / 1000;
  }

  /** Works off one pending message; a failure gives it back. */
  async takePending(message: WorkMessage): Promise<void> {
    const [left] = await this.takeAllPending([message]);
    await this.#options.desk.settled();
    left?.retryLater(backoffMs(left.deliveries, RETRY, this.#options.random));
  }

  /** Works off pending messages in their order; returns those that have to be tried again. */
  async takeAllPending(messages: readonly WorkMessage[]): Promise<readonly WorkMessage[]> {
    const { desk, follower, logger, workspace } = this.#options;
    const inForce = follower.inForce;
    if (inForce === undefined) {
      logger.warn({ workspace }, "no policy is in force; what is pending waits");
      return messages;
    }
    const left: WorkMessage[] = [];
    for (const handled of await desk.workAll(messages, inForce)) {
      const { message } = handled;
      if (handled.as === "worked") this.#tellWorked(message, handled.worked);
      const isDone = handled.as === "worked" || (handled.as === "failed" && (await this.#isPoisoned(message, handled.error)));
      if (isDone) this.#attempts.delete(message.streamSeq);
      else left.push(message);
    }
    return left;
  }

  #tellWorked(message: WorkMessage, worked: Worked): void {
    const { metrics, tracer = noTracer, clock, logger, workspace } = this.#options;
    const { verdict, code, waits } = worked.intake;
    metrics.decisions.add({ verdict });
    metrics.intakeSeconds.observe(Math.max(0, clock.nowMs() - message.storedAtMs) / 1000);
    // Looked at by the next tick, which then knows when it is due.
    if (waits === true && worked.op !== undefined) this.#open.set(worked.op.claims.jti, nowSeconds(clock));
    const op = worked.op?.claims;
    if (op !== undefined && verdict !== "repeat") {
      const times = { startMs: message.storedAtMs, endMs: clock.nowMs() };
      tracer.span({ jti: op.jti, name: "keeper.decide", ...times, failed: code !== undefined, attributes: { verdict, code } });
    }
    logger.info(
      { workspace, jti: op?.jti, digest: worked.digest, kind: op?.op, target: op?.target, verdict, code },
      "took in a pending message",
    );
  }

  /** Examines the review that an approval is about, then acks it. */
  async takeApproval(message: WorkMessage): Promise<void> {
    const { logger, workspace, alarms } = this.#options;
    await this.#settle(message, async () => {
      const jti = message.subject.slice(subjects(workspace).approval("").length);
      const digest = digestOf(message.raw);
      try {
        if (message.text === undefined || !JTI_PATTERN.test(jti)) throw new TriplaneError("token_malformed", "not an approval");
        const approval = verifyApproval(message.text);
        const looked = await this.#look(jti);
        const counted = looked?.decision?.countedApprovals.some((each) => each.token.digest === approval.token.digest) ?? false;
        logger.info({ workspace, jti, signer: approval.claims.iss, counted, state: looked?.state ?? "closed" }, "took in an approval");
      } catch (thrown) {
        const error = toTriplaneError(thrown);
        if (isTransient(error.code) || error.code === "internal") throw error;
        // Evidence: the message itself stays on the stream.
        await alarms.raise({
          code: error.code,
          message: `an approval was not accepted: ${error.message}`,
          subject: digest,
          throttle: "approval",
        });
      }
      if (!(await message.ackConfirmed())) logger.warn({ workspace, jti }, "the ack is unconfirmed; the approval may come again");
    });
  }

  async #look(jti: string): Promise<Looked | undefined> {
    const { desk, follower, metrics, tracer = noTracer, clock, logger, workspace, alarms } = this.#options;
    const inForce = follower.inForce;
    if (inForce === undefined) throw new TriplaneError("unavailable", "no policy is in force");
    let looked: Looked | undefined;
    try {
      looked = await desk.look(jti, inForce);
    } catch (thrown) {
      const error = toTriplaneError(thrown);
      if (error.code !== "chain_broken") throw error;
      this.#open.delete(jti);
      await alarms.raise({ code: error.code, message: error.message, subject: jti, throttle: `item ${jti}` });
      return undefined;
    }
    if (looked?.state === "waits") {
      this.#open.set(jti, dueOf(looked));
      return looked;
    }
    this.#open.delete(jti);
    if (looked?.verdict !== undefined) {
      metrics.decisions.add({ verdict: looked.verdict });
      const { verdict, code } = looked;
      const times = { startMs: timeOfUuid7(jti), endMs: clock.nowMs() };
      tracer.span({ jti, name: "keeper.review", ...times, failed: code !== undefined, attributes: { verdict, code } });
      metrics.reviewSeconds.observe(this.#sinceSignedS(jti), { verdict: looked.verdict });
      logger.info({ workspace, jti, verdict: looked.verdict, code: looked.code }, "a review ended");
    }
    return looked;
  }

  /** A review that fails for a reason of its own does not hold up the others. */
  async #lookAgain(jti: string): Promise<void> {
    const { logger, workspace } = this.#options;
    try {
      await this.#look(jti);
    } catch (thrown) {
      const error = toTriplaneError(thrown);
      if (isTransient(error.code)) throw error;
      logger.error({ err: error, workspace, jti }, "a review could not be examined");
    }
  }

  async #scan(): Promise<void> {
    const { bus, workspace, alarms } = this.#options;
    const names = subjects(workspace);
    const last = await bus.lastOfEach(streamNames(workspace).review, names.reviewAll);
    const open = new Map<string, number>();
    for (const message of last) {
      const jti = message.subject.slice(names.review("").length);
      try {
        const { item, op } = readReviewItem(message.text, jti);
        if (item.state === "open") open.set(jti, op.claims.exp);
      } catch (thrown) {
        const error = toTriplaneError(thrown);
        await alarms.raise({ code: error.code, message: error.message, subject: jti, throttle: `item ${jti}` });
      }
    }
    for (const [jti, dueS] of open) this.#open.set(jti, dueS);
  }

  async #ticks(): Promise<void> {
    const { signal, pollMs } = this.#options;
    while (!signal.aborted) {
      await sleep(pollMs, signal);
      if (!signal.aborted) await this.tick();
    }
  }

  /** Pending messages, in the order of the stream and as many at once as are there. */
  async #consumePending(consumer: WorkConsumer): Promise<void> {
    const { bus, signal, follower, logger, workspace, random, clock, desk } = this.#options;
    const state = () => bus.consumerState(streamNames(workspace).pending, CONSUMERS.pending);
    const line = new PendingLine({ consumer, state, clock, max: this.#options.maxHeld ?? MAX_HELD, ahead: true });
    let failures = 0;
    while (!signal.aborted) {
      if (follower.inForce === undefined) {
        await line.giveBack(WAIT_MS);
        await sleep(WAIT_MS, signal);
        continue;
      }
      try {
        const messages = await line.take({ waitMs: WAIT_MS, signal });
        this.#backlog.came(messages);
        const left = new Set(await this.takeAllPending(messages.slice(0, MAX_BATCH)));
        for (const message of messages.slice(0, MAX_BATCH)) if (!left.has(message)) line.done(message);
        failures = left.size === 0 ? 0 : failures + 1;
      } catch (error) {
        failures += 1;
        logger.warn({ err: error, workspace, failures }, "the stream could not be read");
      }
      if (failures > 0) await sleep(backoffMs(failures, RETRY, random), signal);
    }
    await line.giveBack(0);
    await desk.settled();
  }

  async #consumeApprovals(consumer: WorkConsumer): Promise<void> {
    const { signal, follower, logger, workspace, random } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      if (follower.inForce === undefined) {
        await sleep(WAIT_MS, signal);
        continue;
      }
      try {
        const message = await consumer.next({ waitMs: WAIT_MS, signal });
        if (message !== undefined) await this.takeApproval(message);
        failures = 0;
      } catch (error) {
        failures += 1;
        logger.warn({ err: error, workspace, failures }, "the stream could not be read");
        await sleep(backoffMs(failures, RETRY, random), signal);
      }
    }
  }

  /** Runs `work`; what fails is given back. */
  async #settle(message: WorkMessage, work: () => Promise<void>): Promise<void> {
    const { logger, workspace, random } = this.#options;
    try {
      await work();
    } catch (error) {
      const { streamSeq, deliveries } = message;
      logger.warn({ err: error, workspace, streamSeq, deliveries }, "a message could not be worked off and is given back");
      message.retryLater(backoffMs(deliveries, RETRY, random));
    }
  }

  /** Takes a message off that failed too often for a reason of its own. Never throws. */
  async #isPoisoned(message: WorkMessage, thrown: unknown): Promise<boolean> {
    const { logger, workspace, follower, desk, metrics } = this.#options;
    const error = toTriplaneError(thrown);
    const { streamSeq, deliveries } = message;
    const attempts = Math.max(deliveries, (this.#attempts.get(streamSeq) ?? 0) + 1);
    this.#attempts.set(streamSeq, attempts);
    const fields = { err: error, workspace, streamSeq, attempts };
    const inForce = follower.inForce;
    if (isTransient(error.code) || attempts < POISON_AFTER || inForce === undefined) {
      logger.warn(fields, "a message could not be worked off and is tried again");
      return false;
    }
    logger.error(fields, "a message failed too often and is taken off");
    try {
      await desk.poison(message, inForce, `failed ${attempts} times: ${error.message}`);
    } catch (failure) {
      logger.warn({ ...fields, err: failure }, "the refusal of a message that fails could not be published");
      return false;
    }
    metrics.decisions.add({ verdict: "poisoned" });
    return true;
  }

  async #tellPolicy(refreshed: "same" | "changed" | "failed"): Promise<void> {
    const { follower, alarms, logger, workspace } = this.#options;
    if (refreshed === "changed") logger.info({ workspace, policy: follower.inForce?.ref }, "the policy is in force");
    const { problem } = follower;
    const before = this.#toldProblem;
    this.#toldProblem = problem;
    if (problem === undefined || (before?.code === problem.code && before.message === problem.message)) return;
    const consequence = follower.inForce === undefined ? "nothing is taken in" : `commit ${follower.inForce.ref.commit} stays in force`;
    await alarms.raise({ code: problem.code, message: `the policy cannot be followed, ${consequence}: ${problem.message}` });
  }
}

/** When an op that waits has to be looked at again although nobody says anything, in seconds since 1970. */
function dueOf({ decision, op }: Looked): number {
  if (decision?.verdict !== "review") return op.claims.exp;
  return decision.unopposed?.runsAtS ?? decision.closesAtS;
}
