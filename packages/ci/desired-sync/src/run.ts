// The loop: looks at the desired repository, performs what the service decides, and keeps the outbox moving.
//
// 1. An op is in the outbox before it is remembered, and remembered before it is sent.
import { type Clock, type Random, type SigningKey, type TriplaneError, toTriplaneError } from "@triplane/contract";
import { backoffMs, type Logger, sleep } from "@triplane/kit";
import type { OpDraft, OpStage, Outbox, OutboxOp, Submitter } from "@triplane/submitter";
import type { SyncMetrics } from "./metrics.ts";
import type { DesiredSource, StateStore, WorkspaceVersion } from "./ports.ts";
import { nextAction } from "./service.ts";
import type { SyncState } from "./state.ts";

const KIND = "desired.apply";
const TARGET = "workspace";

export interface SyncOptions {
  readonly workspace: string;
  readonly source: DesiredSource;
  readonly store: StateStore;
  readonly outbox: Outbox;
  readonly submitter: Submitter;
  readonly workspaceVersion: WorkspaceVersion;
  readonly key: SigningKey;
  /** Scope of the automation's grant. */
  readonly scope: string;
  readonly expiresInS: number;
  readonly maxAttempts: number;
  readonly pollMs: number;
  /** Time between two sendings of what has no outcome. */
  readonly resendMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: SyncMetrics;
  readonly signal: AbortSignal;
}

export class DesiredSync {
  readonly #options: SyncOptions;
  #state: SyncState | undefined;
  #problem: TriplaneError | undefined;
  #resentAtMs: number | undefined;

  constructor(options: SyncOptions) {
    this.#options = options;
  }

  /** What is remembered. */
  get state(): SyncState | undefined {
    return this.#state;
  }

  /** What was wrong the last time it looked. */
  get problem(): TriplaneError | undefined {
    return this.#problem;
  }

  /** Runs until the signal fires. Never rejects. */
  async run(): Promise<void> {
    const { signal, pollMs, random, logger, workspace, metrics, clock } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.look();
        failures = 0;
        metrics.looks.add({ result: "done" });
        metrics.lastLook.set(clock.nowMs() / 1000);
      } catch (thrown) {
        failures += 1;
        metrics.looks.add({ result: "failed" });
        this.#problem = toTriplaneError(thrown);
        logger.warn({ err: this.#problem, workspace, failures }, "the desired state could not be followed");
      }
      await sleep(failures === 0 ? pollMs : backoffMs(failures, { baseMs: pollMs, maxMs: 60_000 }, random), signal);
    }
  }

  /** One look: at most one op is signed, and what waits is sent. Throws what stands in the way. */
  async look(): Promise<void> {
    const { source, store, outbox, maxAttempts, logger, workspace, metrics } = this.#options;
    const state = await store.read();
    this.#state = state;
    const head = await source.approvedHead();
    const unsettled = await outbox.pending();
    const waiting = unsettled.filter(({ claims }) => claims.op === KIND && claims.args["commit"] === head).at(-1);
    const stage = state?.commit === head && state.status === "open" ? await this.#stage(state.jti) : undefined;
    const action = nextAction({ head, state, waiting: waiting?.entry.jti, stage, maxAttempts });
    switch (action.do) {
      case "nothing":
        break;
      case "sign": {
        const op = await this.#sign(head);
        await this.#remember({ commit: head, jti: op.entry.jti, attempts: action.attempt, status: "open" });
        metrics.ops.add({ result: "signed" });
        logger.info({ workspace, jti: op.entry.jti, commit: head, attempt: action.attempt }, "signed an op for the approved head");
        await this.#send(op);
        break;
      }
      case "send": {
        await this.#remember(action.state);
        if (waiting !== undefined) await this.#send(waiting);
        break;
      }
      case "end":
        await this.#remember(action.state);
        if (action.state.status !== "open") metrics.ops.add({ result: action.state.status });
        logger.info(
          { workspace, jti: action.state.jti, commit: head, status: action.state.status, code: action.state.code },
          "the op has ended",
        );
        break;
    }
    await this.#resend();
    metrics.openOp.set(this.#state?.status === "open" ? 1 : 0);
    metrics.unsettled.set(unsettled.length);
    this.#problem = undefined;
  }

  async #sign(commit: string): Promise<OutboxOp> {
    const { outbox, key, scope, expiresInS, workspaceVersion } = this.#options;
    const draft: OpDraft = {
      op: KIND,
      target: TARGET,
      scope,
      args: { commit },
      expected_state_version: await workspaceVersion(),
      reason: `desired state at ${commit}`,
      expiresInS,
    };
    return await outbox.prepare(draft, key);
  }

  async #stage(jti: string): Promise<OpStage | undefined> {
    const { outbox, submitter } = this.#options;
    return (await outbox.find(jti)) === undefined ? undefined : await submitter.stage(jti);
  }

  async #remember(state: SyncState): Promise<void> {
    await this.#options.store.write(state);
    this.#state = state;
  }

  /** What is sent now is not sent again in the same look: each time is a message of its own for the keeper. */
  async #send(op: OutboxOp): Promise<void> {
    await this.#options.submitter.send(op);
    this.#resentAtMs = this.#options.clock.nowMs();
  }

  async #resend(): Promise<void> {
    const { clock, resendMs, submitter } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#resentAtMs !== undefined && nowMs - this.#resentAtMs < resendMs) return;
    this.#resentAtMs = nowMs;
    await submitter.resendAll();
  }
}
