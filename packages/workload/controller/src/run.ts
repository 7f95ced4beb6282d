// The controller's life: lease, database, what was left unfinished, then the loops, until it is told to stop or may not go on.
//
// 1. Nothing is read from the stream and nothing is applied without the lease (`ops-controller-single-workqueue-consumer`).
// 2. What another process left is taken up before the first new message, before any message behind one that never came here, and now and then.
// 3. A lost lease, a stale fence or a database that does not know what it committed ends the process; a new one reads what is there.
import {
  awaitLease,
  Backlog,
  type Bus,
  type Lease,
  type LeaseHolder,
  type LeaseRequest,
  PendingLine,
  type WorkMessage,
} from "@triplane/bus";
import {
  buckets,
  type Clock,
  CONSUMERS,
  type Random,
  type SigningKey,
  streamNames,
  TriplaneError,
  toTriplaneError,
} from "@triplane/contract";
import { backoffMs, type Health, type Logger, sleep, type Tracer } from "@triplane/kit";
import type { Store } from "@triplane/store";
import { type OutboxEntry, Records } from "./adapters/store-records.ts";
import { Alarms } from "./alarms.ts";
import { Answers } from "./answers.ts";
import { Applier } from "./applier.ts";
import { GlassBook } from "./glass/book.ts";
import { Intake } from "./intake.ts";
import type { ControllerMetrics } from "./metrics.ts";
import { PolicyBook } from "./policy-book.ts";
import type { Orchestrator, PolicySource } from "./ports.ts";
import { Positions } from "./positions.ts";
import { Publisher } from "./publisher.ts";
import { assertMayStart } from "./replay/standing.ts";
import { ControllerService } from "./service.ts";
import { TakeUp } from "./take-up.ts";

export interface ControllerOptions {
  readonly workspace: string;
  readonly policyRid: string;
  readonly key: SigningKey;
  readonly bus: Bus;
  readonly source: PolicySource;
  readonly orchestrator: Orchestrator;
  /** Called once the lease is held: a store belongs to one process. */
  readonly openStore: () => Promise<Store>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: ControllerMetrics;
  /** Unless given, nothing is traced. */
  readonly tracer?: Tracer | undefined;
  readonly signal: AbortSignal;
  /** Name of this process in the lease. */
  readonly owner: string;
  readonly leaseTtlMs: number;
  /** Time between two looks at the policy repository. */
  readonly pollMs: number;
  readonly parallel: number;
  readonly maxDeliveries: number;
  /** Messages that are held while others are taken in; few of them make every order of deliveries likely. */
  readonly maxHeld?: number;
}

const WAIT_MS = 1000;
const RETRY = { baseMs: 200, maxMs: 10_000 } as const;
/** Time between two looks at what is accepted and not ended. */
const LOOK_EVERY_MS = 5000;
/** More accepted ops than this wait on the stream instead of here. */
const MAX_QUEUED = 500;
/** How long the store of the controller before may stay locked while that process ends. */
const STORE_PATIENCE_MS = 30_000;
/** Looks of a standby at the lease within the time that it lasts. */
const STANDBY_POLLS = 4;

/** How long to wait while as many are queued as may be. */
const FULL_WAIT_MS = 50;
/** Messages that are taken in by one commit, and that are held meanwhile. Together below the consumer's max_ack_pending. */
const MAX_BATCH = 64;
const MAX_HELD = 192;
/** A part of the consumer's ack wait of ten seconds. */
const KEEP_EVERY_MS = 3000;

interface Inward {
  readonly backlog: Backlog;
  readonly applier: Applier;
  readonly line: PendingLine;
  readonly takeUp: TakeUp;
  readonly intake: Intake;
}

interface Active {
  readonly fence: number;
  readonly book: PolicyBook;
  readonly applier: Applier;
  readonly publisher: Publisher;
}

export class Controller {
  readonly #options: ControllerOptions;
  readonly #failed = new AbortController();
  #active: Active | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
  }

  /** Throws `lease_held` where another controller holds it (`ops-controller-single-workqueue-consumer`). */
  async takeLease(): Promise<Lease> {
    const { bus, workspace } = this.#options;
    try {
      return await bus.acquireLease(buckets(workspace).lease, this.#leaseRequest());
    } catch (thrown) {
      const error = toTriplaneError(thrown);
      if (error.code !== "lease_held") throw error;
      const message = `${error.message}; one ops-controller consumes the commands of ${workspace} (ops-controller-single-workqueue-consumer)`;
      throw new TriplaneError("lease_held", message, { cause: thrown, details: error.details });
    }
  }

  /** Runs until the signal fires; rejects with what ended it otherwise. Without a lease it waits for one as a standby. */
  async run(held?: Lease): Promise<void> {
    const { signal, metrics } = this.#options;
    metrics.active.set(held === undefined ? 0 : 1);
    const lease = held ?? (await this.#waitForLease());
    if (lease === undefined) return;
    metrics.active.set(1);
    try {
      await this.#runActive(lease, AbortSignal.any([signal, lease.lost, this.#failed.signal]));
    } finally {
      await lease.release();
    }
    if (signal.aborted) return;
    throw toTriplaneError(this.#failed.signal.aborted ? this.#failed.signal.reason : lease.lost.reason, "lease_lost");
  }

  health(): Health {
    const { workspace, owner } = this.#options;
    const active = this.#active;
    if (active === undefined) return { ok: true, detail: { workspace, owner, role: "standby" } };
    const { book, publisher, applier, fence } = active;
    const problem = book.problem ?? (publisher.failures > 0 ? "the outbox cannot be published" : undefined);
    return {
      ok: book.head !== undefined && publisher.failures === 0,
      detail: {
        workspace,
        owner,
        role: "active",
        fence,
        policy: book.head?.commit ?? "none in force: nothing is taken in",
        queued: applier.depth,
        ...(problem === undefined ? {} : { problem: problem instanceof TriplaneError ? `${problem.code}: ${problem.message}` : problem }),
      },
    };
  }

  async #runActive(lease: Lease, signal: AbortSignal): Promise<void> {
    const { bus, workspace, logger, clock } = this.#options;
    const store = await this.#openStore(signal);
    if (store === undefined) return;
    try {
      await assertMayStart(store, bus, workspace);
      const { glass, takeUp, intake, applier, publisher, answers, book, alarms } = await this.#assemble(store, lease, signal);
      const consumer = await bus.consumer(streamNames(workspace).cmd, CONSUMERS.cmd);
      logger.info({ workspace, fence: lease.fence, resumed: applier.depth }, "active");
      const state = () => bus.consumerState(streamNames(workspace).cmd, CONSUMERS.cmd);
      const line = new PendingLine({ consumer, state, clock, max: this.#options.maxHeld ?? MAX_HELD, ahead: true });
      const { pending: depth, oldestPending: oldest } = this.#options.metrics;
      const backlog = new Backlog({ bus, stream: streamNames(workspace).cmd, durable: CONSUMERS.cmd, clock, depth, oldest });
      const loops = [
        this.#consume(signal, { backlog, applier, line, takeUp, intake }),
        publisher.run(),
        answers.run(),
        this.#followPolicy(signal, book, alarms),
        this.#lookNowAndThen(signal, takeUp, glass),
        this.#measureNowAndThen(signal, backlog, applier),
      ];
      for (const loop of loops) loop.catch((error: unknown) => this.#fail(toTriplaneError(error)));
      await Promise.allSettled(loops);
      await applier.idle();
      if (!this.#failed.signal.aborted && !lease.lost.aborted) await publisher.flush();
    } finally {
      await store.close();
    }
  }

  async #assemble(store: Store, lease: Lease, signal: AbortSignal) {
    const { workspace, policyRid, key, clock, random, logger, metrics, tracer, bus, source, orchestrator, parallel, maxDeliveries } =
      this.#options;
    const records = new Records(store);
    await records.keepLeaseFence(lease.fence);
    const audience = { workspace, policyRid };
    const service = new ControllerService({ audience, key, clock });
    const positions = new Positions(await records.lastPosition());
    const alarms = new Alarms({ bus, workspace, clock, logger, metrics });
    const book = new PolicyBook({ workspace, source, memory: records, clock });
    const answers = new Answers({ workspace, bus, records, logger, random, signal });
    const publisher = new Publisher({ workspace, bus, records, answers, metrics, logger, random, signal });
    const onOutbox = (entries: readonly OutboxEntry[]) => publisher.offer(entries);
    const shared = { service, records, positions, alarms, metrics, tracer, logger, random, onOutbox };
    const applier = new Applier({
      ...shared,
      orchestrator,
      clock,
      fence: lease.fence,
      seen: await records.seen(),
      parallel,
      signal,
      onFatal: (error) => this.#fail(error),
    });
    const glass = new GlassBook({ records, policy: book, positions, alarms, clock, logger, onOutbox });
    const intake = new Intake({
      ...shared,
      ...{ glass, clock },
      verifyContext: { book, audience },
      maxDeliveries,
      onAccepted: (row, op) => applier.push(row, op),
    });
    await book.refresh();
    this.#active = { fence: lease.fence, book, applier, publisher };
    const takeUp = new TakeUp({ records, positions, applier });
    await takeUp.look();
    await glass.look();
    return { glass, takeUp, intake, applier, publisher, answers, book, alarms };
  }

  async #lookNowAndThen(signal: AbortSignal, takeUp: TakeUp, glass: GlassBook): Promise<void> {
    while (!signal.aborted) {
      await sleep(LOOK_EVERY_MS, signal);
      if (signal.aborted) return;
      await takeUp.look();
      await glass.look();
    }
  }

  async #measureNowAndThen(signal: AbortSignal, backlog: Backlog, applier: Applier): Promise<void> {
    while (!signal.aborted) {
      await backlog.look();
      this.#options.metrics.oldestOp.set(applier.oldestS);
      await sleep(LOOK_EVERY_MS, signal);
    }
  }

  async #consume(signal: AbortSignal, { backlog, applier, line, takeUp, intake }: Inward): Promise<void> {
    const { logger, random } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      if (applier.depth >= MAX_QUEUED) {
        line.keep();
        await sleep(FULL_WAIT_MS, signal);
        continue;
      }
      let messages: readonly WorkMessage[] = [];
      try {
        messages = (await line.take({ waitMs: WAIT_MS, signal })).slice(0, MAX_BATCH);
        backlog.came(messages);
        failures = 0;
      } catch (error) {
        failures += 1;
        logger.warn({ err: error, failures }, "the command stream could not be read");
        await sleep(backoffMs(failures, RETRY, random), signal);
      }
      if (messages.length === 0) continue;
      for (const { streamSeq } of messages) await takeUp.before(streamSeq);
      const { settled, waits } = await intake.handle(messages);
      for (const message of messages.slice(0, settled)) line.done(message);
      if (waits !== undefined) await this.#pause(backoffMs(waits.tries, RETRY, random), line, signal);
    }
    await line.giveBack(0);
  }

  /** The messages that wait stay ours meanwhile. */
  async #pause(ms: number, line: PendingLine, signal: AbortSignal): Promise<void> {
    for (let left = ms; left > 0 && !signal.aborted; left -= KEEP_EVERY_MS) {
      await sleep(Math.min(left, KEEP_EVERY_MS), signal);
      line.keep();
    }
  }

  async #followPolicy(signal: AbortSignal, book: PolicyBook, alarms: Alarms): Promise<void> {
    const { pollMs, logger } = this.#options;
    let told: string | undefined;
    let commit = book.head?.commit;
    while (!signal.aborted) {
      const { problem } = book;
      if (problem !== undefined && problem.message !== told)
        await alarms.tell({ code: problem.code, message: `the policy cannot be followed: ${problem.message}` });
      told = problem?.message;
      await sleep(pollMs, signal);
      if (signal.aborted) return;
      await book.refresh();
      if (book.head?.commit !== commit) logger.info({ policy: book.head }, "the policy is in force");
      commit = book.head?.commit;
    }
  }

  /** The process before may need a moment to end after it lost the lease. */
  async #openStore(signal: AbortSignal): Promise<Store | undefined> {
    const { openStore, clock, logger } = this.#options;
    const giveUpMs = clock.nowMs() + STORE_PATIENCE_MS;
    while (!signal.aborted) {
      try {
        return await openStore();
      } catch (error) {
        if (!(error instanceof TriplaneError) || error.code !== "store_locked" || clock.nowMs() >= giveUpMs) throw error;
        logger.warn({ err: error }, "the store is still held by another process");
        await sleep(WAIT_MS, signal);
      }
    }
    return undefined;
  }

  async #waitForLease(): Promise<Lease | undefined> {
    const { bus, workspace, signal, leaseTtlMs, logger, clock } = this.#options;
    const pollMs = leaseTtlMs / STANDBY_POLLS;
    logger.info({ workspace }, "waiting as a standby");
    let last: { readonly owner: string; readonly signMs: number } | undefined;
    const onHeld = ({ owner, leftMs }: LeaseHolder): void => {
      // A lease is given for its whole time at each renewal, so that its end tells when the holder last gave a sign.
      last = { owner, signMs: clock.nowMs() + leftMs - leaseTtlMs };
    };
    try {
      const lease = await awaitLease(bus, buckets(workspace).lease, this.#leaseRequest(), { pollMs, signal, onHeld });
      if (last === undefined) return lease;
      const afterMs = Math.round(clock.nowMs() - last.signMs);
      const fields = { workspace, from: last.owner, fence: lease.fence, afterMs, boundMs: leaseTtlMs + pollMs };
      logger.warn(
        fields,
        `took over after ${afterMs} ms without a sign of ${last.owner}; at most lease ttl + poll = ${leaseTtlMs + pollMs} ms`,
      );
      return lease;
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  #leaseRequest(): LeaseRequest {
    return { key: "ops-controller", owner: this.#options.owner, ttlMs: this.#options.leaseTtlMs };
  }

  #fail(error: TriplaneError): void {
    if (this.#failed.signal.aborted) return;
    this.#options.logger.error({ err: error }, "the controller cannot go on");
    this.#failed.abort(error);
  }
}
