// Plans and applies ops: the one place where targets change.
//
// 1. applied-once: one row per jti before any effect; a second apply with the same jti gets the first result.
// 2. A target changes only from the version that the op expected, and only as the plan that was signed says.
// 3. A lower fencing number than the highest seen changes nothing.
// 4. A caller that was given a result which is not here changes nothing: it was lost since, and what else was is not known.
// 5. An op that was running when the process ended is finished at the next start; its result is written once.
import {
  type ApplyRequest,
  type ApplyResult,
  type Clock,
  canonicalJson,
  type Digest,
  digestOf,
  type FailureCode,
  failpoint,
  nowSeconds,
  type Plan,
  type PlanRequest,
  type ResultSeen,
  type TargetState,
  TriplaneError,
  toTriplaneError,
  type WorkspaceState,
} from "@triplane/contract";
import type { ConvergeResult, Driver, InstanceHealth } from "./drivers/driver.ts";
import type { EventDraft } from "./events.ts";
import { evidenceOf, type StepOutcome } from "./evidence.ts";
import { ALL_TARGETS, TargetLocks } from "./locks.ts";
import { type JsonRecord, type TargetRecord, WORKSPACE_TARGET } from "./model.ts";
import type { IntendedChange, OpRow } from "./op-row.ts";
import type { Change } from "./plan.ts";
import { Planner, type PlannerParts, type Prepared } from "./planner.ts";
import type { Records } from "./records.ts";

export interface ServiceParts extends PlannerParts {
  readonly records: Records;
  readonly driver: Driver;
  readonly clock: Clock;
  /** Aborts when the process stops: what runs then stays running for the next start. */
  readonly signal: AbortSignal;
  /** What was accepted cannot be carried on: the process must end and start again. */
  readonly onFatal: (error: unknown) => void;
  readonly onFinished?: (row: OpRow, result: ApplyResult, durationMs: number) => void;
}

interface InFlight {
  readonly opDigest: Digest;
  readonly request: Pick<ApplyRequest, "jti" | "op_digest" | "target" | "expected_state_version">;
  readonly result: Promise<ApplyResult>;
}

export class OrchestratorService {
  readonly #parts: ServiceParts;
  readonly #planner: Planner;
  readonly #locks = new TargetLocks();
  readonly #inFlight = new Map<string, InFlight>();
  #isEnding = false;
  /** Whether a caller's newest result was found here. */
  #isWhole = false;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    this.#planner = new Planner(parts);
  }

  /** What the op would do now. Throws `kind_unknown`, `args_invalid`, `target_unknown`, or what the desired source throws. */
  async plan(request: PlanRequest): Promise<Plan> {
    const prepared = await this.#planner.prepare(request);
    return prepared.plan;
  }

  /**
   * Applies an op, or returns what the same op came to. Settles when the op is finished; it goes on also if nobody waits.
   * Throws `fencing_stale`, `state_lost`, `jti_reused`, and `unavailable` where nothing was decided yet.
   */
  async apply(request: ApplyRequest): Promise<ApplyResult> {
    try {
      await this.#assertNothingLost(request.seen);
      await this.#parts.records.fence(request.fence);
      const running = this.#inFlight.get(request.jti);
      if (running !== undefined) {
        assertSameOp(request, running.opDigest);
        return await running.result;
      }
      return await this.#track(request, this.#applyNew(request));
    } catch (error) {
      // Revision, fence and numbers in memory may then not be what is stored, and every later commit would fail on that.
      if (error instanceof TriplaneError && error.code === "store_commit_unknown") this.#end(error);
      throw error;
    }
  }

  /**
   * A database that was put back to an earlier state, or whose newest commits were lost with the end of a damaged log, opens like any
   * other; what was applied since would be applied again, and its versions given out twice (`applied-once`, ADR-052). Commits follow one
   * another, so where the newest result is, everything before it is as well; and none goes while this process has the database.
   */
  async #assertNothingLost(seen: ResultSeen | undefined): Promise<void> {
    if (seen === undefined) return;
    const { records } = this.#parts;
    if (this.#isWhole && seen.revision <= records.revision) return;
    const found = (await records.op(seen.jti))?.result?.workspace_revision;
    if (found !== seen.revision)
      throw new TriplaneError(
        "state_lost",
        `the orchestrator's database is at revision ${records.revision} and lacks the result of ${seen.jti}, which it gave out at revision ${seen.revision}`,
        {
          hint: "Stop the workspace, move the orchestrator's database away, and run `triplane ledger replay`: the ledger has what is missing.",
          details: { revision: records.revision, seen: seen.revision },
        },
      );
    this.#isWhole = true;
  }

  /** The op's result, or how far it is. Throws `op_unknown`. */
  async op(jti: string): Promise<ApplyResult> {
    const row = await this.#parts.records.op(jti);
    if (row?.result !== undefined) return row.result;
    const request = this.#inFlight.get(jti)?.request ?? (row === undefined ? undefined : requestOf(row));
    if (request === undefined) throw new TriplaneError("op_unknown", `no op with jti ${jti} is known here`);
    return {
      ...{ jti, op_digest: request.op_digest, status: "running", target: request.target },
      ...{ state_version_before: request.expected_state_version, state_version_after: request.expected_state_version },
      ...{ workspace_revision: this.#parts.records.revision, evidence: {} },
    };
  }

  async target(target: string): Promise<TargetState> {
    const record = await this.#parts.records.target(target);
    return this.#targetState(record ?? { target, version: 0, state: undefined });
  }

  async state(): Promise<WorkspaceState> {
    const { records, workspace } = this.#parts;
    const revision = records.revision;
    const targets = await records.targets();
    const hashed = targets.map(({ target, version, state }) => ({ target, version, state }));
    return {
      workspace,
      revision,
      state_hash: digestOf(canonicalJson(hashed)),
      targets: targets.map((record) => this.#targetState(record)),
    };
  }

  /** Goes on with every op that was running when the process last ended. Returns how many; they finish in the background. */
  async resume(): Promise<number> {
    const rows = await this.#parts.records.runningOps();
    for (const row of rows) {
      this.#track(
        requestOf(row),
        this.#locks.with(lockOf(row.target), () => this.#carryOut(row)),
      ).catch(() => undefined);
    }
    return rows.length;
  }

  /** Settles when nothing is in flight any more. */
  async idle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.allSettled([...this.#inFlight.values()].map(({ result }) => result));
  }

  #track(request: InFlight["request"], result: Promise<ApplyResult>): Promise<ApplyResult> {
    this.#inFlight.set(request.jti, { opDigest: request.op_digest, request, result });
    const forget = (): boolean => this.#inFlight.delete(request.jti);
    result.then(forget, forget);
    return result;
  }

  async #applyNew(request: ApplyRequest): Promise<ApplyResult> {
    return this.#locks.with(lockOf(request.target), async () => {
      const row = await this.#accept(request).catch((error: unknown) => this.#knownOr(request, error));
      return row.result ?? this.#carryOut(row);
    });
  }

  /** The row of an op that came before: its jti could not be taken a second time. */
  async #knownOr(request: ApplyRequest, error: unknown): Promise<OpRow> {
    if (error instanceof TriplaneError && error.code === "store_commit_unknown") throw error;
    const known = await this.#parts.records.op(request.jti);
    if (known === undefined) throw error;
    assertSameOp(request, known.opDigest);
    return known;
  }

  /** Decides, under the lock, what the op does; the row is durable when this returns. */
  async #accept(request: ApplyRequest): Promise<OpRow> {
    const { records, signal } = this.#parts;
    if (signal.aborted) throw stopping();
    const version = (await records.target(request.target))?.version ?? 0;
    const conflict = (code: FailureCode, message: string, evidence: JsonRecord) =>
      this.#settleAtOnce(request, version, "conflict", code, { message, ...evidence });

    if (version !== request.expected_state_version) {
      const message = `${request.target} is at version ${version}, the op expected ${request.expected_state_version}`;
      return conflict("version_conflict", message, { expected: request.expected_state_version, actual: version });
    }
    let prepared: Prepared;
    try {
      prepared = await this.#planner.prepare(request);
    } catch (thrown) {
      const error = toTriplaneError(thrown);
      if (error.retry === "later" && error.code !== "quorum_not_reached") throw error;
      return this.#settleAtOnce(request, version, "failed", error.code, { message: error.message });
    }
    if (request.plan !== undefined && request.plan !== prepared.plan.digest) {
      return conflict("plan_changed", "applying would do something else than the plan that was signed", { plan: prepared.plan.digest });
    }
    const row = this.#rowOf(request, version, prepared);
    failpoint("orchestrator.before-intent");
    await records.begin(row, [{ type: "op.accepted", target: row.target, data: { jti: row.jti, op: row.op } }]);
    failpoint("orchestrator.after-intent");
    return row;
  }

  #rowOf(request: ApplyRequest, version: number, prepared?: Prepared): OpRow {
    return {
      jti: request.jti,
      opDigest: request.op_digest,
      op: request.op,
      target: request.target,
      args: request.args,
      fence: request.fence,
      acceptedAtMs: this.#parts.clock.nowMs(),
      stateVersionBefore: version,
      changes: prepared?.changes.map((change) => intended(change, request.jti)) ?? [],
      targetState: prepared?.targetState,
      result: undefined,
    };
  }

  async #settleAtOnce(
    request: ApplyRequest,
    version: number,
    status: "failed" | "conflict",
    code: FailureCode,
    evidence: JsonRecord,
  ): Promise<OpRow> {
    const result: ApplyResult = {
      ...{ jti: request.jti, op_digest: request.op_digest, status, code, target: request.target },
      ...{ state_version_before: version, state_version_after: version },
      ...{ workspace_revision: this.#parts.records.revision, finished_at: nowSeconds(this.#parts.clock), evidence },
    };
    const row = { ...this.#rowOf(request, version), result };
    await this.#parts.records.begin(row, [finishedEvent(row, result)]);
    this.#parts.onFinished?.(row, result, 0);
    return row;
  }

  async #carryOut(row: OpRow): Promise<ApplyResult> {
    try {
      const outcomes: StepOutcome[] = [];
      for (const change of row.changes) outcomes.push({ change, result: await this.#effect(row, change) });
      return await this.#finish(row, outcomes);
    } catch (error) {
      // Interrupted by a stop, the row stays running and the next start goes on with it. Anything else would leave it running for ever.
      if (this.#parts.signal.aborted) throw stopping();
      this.#end(error);
      throw error;
    }
  }

  #end(error: unknown): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#parts.onFatal(error);
  }

  async #effect(row: OpRow, change: IntendedChange): Promise<ConvergeResult> {
    if (this.#parts.signal.aborted) throw stopping();
    failpoint("orchestrator.before-effect");
    const result = await this.#parts.driver.converge({
      ...{ target: change.target, want: change.after, previous: change.before, jti: row.jti },
    });
    failpoint("orchestrator.after-effect");
    return result;
  }

  async #finish(row: OpRow, outcomes: readonly StepOutcome[]): Promise<ApplyResult> {
    const { records, clock } = this.#parts;
    const failed = outcomes.some(({ result }) => !result.ok);
    const durationMs = Math.max(0, clock.nowMs() - row.acceptedAtMs);
    const finishedAtS = nowSeconds(clock);
    const changed: TargetRecord[] = [];
    for (const { change, result } of outcomes) {
      if (!result.ok) continue;
      const state = change.after === undefined ? undefined : { ...change.after, endpoints: result.endpoints };
      await this.#addIfChanged(changed, change.target, state);
    }
    if (!failed && row.targetState !== undefined) await this.#addIfChanged(changed, row.target, row.targetState);
    const versionAfter = changed.find(({ target }) => target === row.target)?.version ?? row.stateVersionBefore;
    const resultAt = (revision: number): ApplyResult => ({
      ...{ jti: row.jti, op_digest: row.opDigest, status: failed ? "failed" : "applied" },
      ...(failed ? { code: "apply_failed" satisfies FailureCode } : {}),
      ...{ target: row.target, state_version_before: row.stateVersionBefore, state_version_after: versionAfter },
      ...{ workspace_revision: revision, finished_at: finishedAtS, evidence: evidenceOf(outcomes, durationMs, changed) },
    });
    const events: EventDraft[] = changed.map(({ target, version }) => ({
      type: "target.changed",
      target,
      data: { jti: row.jti, version },
    }));
    failpoint("orchestrator.before-record");
    const result = await records.finish(row, changed, resultAt, [...events, finishedEvent(row, resultAt(0))]);
    failpoint("orchestrator.after-record");
    this.#parts.onFinished?.(row, result, durationMs);
    return result;
  }

  async #addIfChanged(changed: TargetRecord[], target: string, state: JsonRecord | undefined): Promise<void> {
    const before = await this.#parts.records.target(target);
    if (canonicalJson(before?.state ?? null) === canonicalJson(state ?? null)) return;
    changed.push({ target, version: (before?.version ?? 0) + 1, state });
  }

  #targetState(record: TargetRecord): TargetState {
    const { target, version, state } = record;
    return { target, version, ...(state === undefined ? {} : { state }), health: this.#healthOf(record) };
  }

  #healthOf({ target, version, state }: TargetRecord): InstanceHealth {
    if (version === 0 || target === WORKSPACE_TARGET) return "unknown";
    return state === undefined ? "stopped" : this.#parts.driver.health(target);
  }
}

function lockOf(target: string): string {
  return target === WORKSPACE_TARGET ? ALL_TARGETS : target;
}

function assertSameOp(request: ApplyRequest, opDigest: Digest): void {
  if (request.op_digest !== opDigest) throw new TriplaneError("jti_reused", `another op already has the jti ${request.jti}`);
}

function requestOf(row: OpRow): InFlight["request"] {
  return { jti: row.jti, op_digest: row.opDigest, target: row.target, expected_state_version: row.stateVersionBefore };
}

function intended({ target, action, before, after, renews }: Change, jti: string): IntendedChange {
  return { target, action, before, after: after && { ...after, generation: renews ? jti : (before?.generation ?? jti) } };
}

function finishedEvent(row: OpRow, result: ApplyResult): EventDraft {
  const { status, code } = result;
  return { type: "op.finished", target: row.target, data: { jti: row.jti, op: row.op, status, ...(code === undefined ? {} : { code }) } };
}

function stopping(): TriplaneError {
  return new TriplaneError("unavailable", "the orchestrator is stopping");
}
