// Runs the commands of a run until nothing is left that this actor may run.
//
// 1. What is started or has ended is on disk before the next command begins and before anybody is told (`persist-before-ack`).
// 2. Everything that ends while the disk is written goes into the next write: one write for a batch, however many steps there are.
import { join } from "node:path";
import type { Clock } from "@triplane/contract";
import { type CommandResult, runCommand } from "./command.ts";
import { ShellPool } from "./shell-pool.ts";
import { applyRecords, type LaterRecord, type RunRecord, type RunState, stepAt } from "./state.ts";
import type { Evidence, RunActor, RunEvent } from "./types.ts";
import { isFor } from "./view.ts";

export interface Execution {
  readonly actor: RunActor;
  readonly cwd: string;
  /** The run's own. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly jobs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Writes events; returns when they are on disk. */
  append(records: readonly RunRecord[]): Promise<void>;
  onEvent(event: RunEvent): void;
}

/** Seconds that a step has that says nothing about time. */
export const DEFAULT_TIMEOUT_S = 3600;

/** Returns the run as it stands when nothing is left to run, or when the signal has ended what ran. */
export async function execute(begun: RunState, execution: Execution): Promise<RunState> {
  const { actor, clock, signal, jobs } = execution;
  // Listened to by every command, for which a signal made of others is too slow.
  const stopping = new AbortController();
  const ending = stopping.signal;
  const waiting = new Waiting();
  const onAbort = (): void => {
    stopping.abort();
    waiting.wake();
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const shells = new ShellPool({
    ...{ cwd: execution.cwd, env: execution.env, folder: join(execution.folder, "output"), size: Math.min(jobs + 1, begun.unfinished) },
  });
  let state = begun;
  let running = 0;
  let ended: LaterRecord[] = [];

  const start = (index: number): void => {
    const { id, cmd = "", timeout_s = DEFAULT_TIMEOUT_S } = stepAt(state, index);
    const attempt = (state.steps[index]?.evidence.length ?? 0) + 1;
    const startedAt = state.steps[index]?.startedAt ?? new Date(clock.nowMs()).toISOString();
    running += 1;
    const onOutput = (text: string): void => execution.onEvent({ step: id, what: "output", text });
    void runCommand({ step: id, attempt, cmd, shells, timeoutMs: timeout_s * 1000, signal: ending, onOutput }).then((result) => {
      running -= 1;
      ended.push(recordOf(id, result, { attempt, startedAt, endedAt: new Date(clock.nowMs()).toISOString(), actor }));
      waiting.wake();
    });
  };

  try {
    for (;;) {
      const records = ended;
      ended = [];
      state = applyRecords(state, records);
      const due = ending.aborted ? [] : dueSteps(state, actor, jobs - running, clock.nowMs());
      const at = new Date(clock.nowMs()).toISOString();
      const started = due.map((index): LaterRecord => ({ kind: "started", step: stepAt(state, index).id, at }));
      state = applyRecords(state, started);
      await execution.append([...records, ...started]);
      for (const record of records) tell(state, record, execution);
      for (const index of due) {
        execution.onEvent({ step: stepAt(state, index).id, what: "started", state: "running" });
        start(index);
      }
      if (ended.length > 0) continue;
      const nextMs = ending.aborted || running >= jobs ? undefined : nextRetryMs(state, actor);
      if (running === 0 && nextMs === undefined) return state;
      await waiting.wait(nextMs === undefined ? undefined : nextMs - clock.nowMs());
    }
  } catch (error) {
    stopping.abort();
    while (running > 0) await waiting.wait(undefined);
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    shells.close();
  }
}

/** A step that was ended from outside is not failed: how far it came is not known, and the run can go on. */
function recordOf(step: string, result: CommandResult, frame: Omit<Evidence, "exitCode" | "output" | "outputDigest">): LaterRecord {
  if (result.stopped) return { kind: "interrupted", step, at: frame.endedAt, actor: frame.actor };
  const { exitCode, output, outputDigest, timedOut } = result;
  const evidence: Evidence = {
    ...frame,
    ...(exitCode === undefined ? {} : { exitCode }),
    outputDigest,
    output,
    ...(timedOut ? { timedOut } : {}),
  };
  return { kind: "ended", step, status: exitCode === 0 && !timedOut ? "pass" : "fail", evidence };
}

function tell(state: RunState, record: LaterRecord, { onEvent }: Execution): void {
  if (record.kind !== "ended" && record.kind !== "interrupted") return;
  const index = state.graph.indexOf.get(record.step) ?? -1;
  const now = state.steps[index]?.state ?? "waiting";
  if (record.kind === "interrupted") onEvent({ step: record.step, what: "interrupted", state: now });
  else if (now === "pass" || now === "fail") onEvent({ step: record.step, what: "ended", state: now });
  else onEvent({ step: record.step, what: "retry", state: now });
}

function isOurs(state: RunState, index: number, actor: RunActor): boolean {
  return isFor(state, index, actor) && stepAt(state, index).cmd !== undefined;
}

function dueSteps(state: RunState, actor: RunActor, room: number, nowMs: number): readonly number[] {
  const due: number[] = [];
  for (const index of state.ready) {
    if (due.length >= room) break;
    if (isOurs(state, index, actor) && (state.steps[index]?.notBeforeMs ?? 0) <= nowMs) due.push(index);
  }
  return due;
}

function nextRetryMs(state: RunState, actor: RunActor): number | undefined {
  let nextMs: number | undefined;
  for (const index of state.ready) {
    const notBeforeMs = state.steps[index]?.notBeforeMs;
    if (notBeforeMs !== undefined && notBeforeMs < (nextMs ?? Number.POSITIVE_INFINITY) && isOurs(state, index, actor))
      nextMs = notBeforeMs;
  }
  return nextMs;
}

/** The longest that a timer of Node takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** One loop waits here for something to happen; what happened while it worked counts. */
class Waiting {
  #happened = false;
  #resume: (() => void) | undefined;

  wake(): void {
    this.#happened = true;
    this.#resume?.();
  }

  /** Until woken, or until `ms` have passed. */
  async wait(ms: number | undefined): Promise<void> {
    if (!this.#happened) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(Math.max(0, ms ?? MAX_TIMER_MS), MAX_TIMER_MS));
        this.#resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#resume = undefined;
    }
    this.#happened = false;
  }
}
