// A run as a value, and what each event makes of it. Pure.
//
// 1. A run's state follows from its events alone; nothing else is kept.
// 2. `pass`, `fail` and `skip` are final.
// 3. A step goes when every edge that it hangs on is met, and is skipped as soon as one of them can never be.
// 4. After a failure that stops the run, only what comes after the failed step goes on: that is where cleaning up belongs.
import { type Graph, graphOf } from "../modes/graph.ts";
import type { Mode, Step } from "../modes/schema.ts";
import type { ConditionView, Evidence, RunActor, StepState } from "./types.ts";

export type RunRecord =
  | {
      readonly kind: "opened";
      readonly run: string;
      readonly mode: Mode;
      readonly root: string;
      readonly task: string;
      readonly actor: RunActor;
      readonly parameters: Readonly<Record<string, string>>;
      readonly at: string;
      readonly preconditions: readonly ConditionView[];
    }
  | { readonly kind: "checked"; readonly at: string; readonly preconditions: readonly ConditionView[] }
  | { readonly kind: "started"; readonly step: string; readonly at: string }
  | { readonly kind: "interrupted"; readonly step: string; readonly at: string; readonly actor: RunActor }
  | { readonly kind: "ended"; readonly step: string; readonly status: "pass" | "fail" | "skip"; readonly evidence: Evidence }
  | { readonly kind: "cancelled"; readonly at: string; readonly actor: RunActor }
  | { readonly kind: "closed"; readonly at: string; readonly postconditions: readonly ConditionView[] };

export interface StepRecord {
  readonly state: StepState;
  readonly evidence: readonly Evidence[];
  /** Of the attempt that runs. */
  readonly startedAt?: string;
  /** Failed attempts that were tried again. */
  readonly retries: number;
  /** Milliseconds since 1970 before which it is not tried again. */
  readonly notBeforeMs?: number;
  readonly why?: string;
}

export interface RunState {
  readonly opened: Extract<RunRecord, { kind: "opened" }>;
  readonly graph: Graph;
  readonly steps: readonly StepRecord[];
  /** Places of the steps that may go, in the order in which they became ready. */
  readonly ready: readonly number[];
  /** Steps without a final state. */
  readonly unfinished: number;
  /** Failures that stop the run. */
  readonly stoppedBy: readonly number[];
  readonly preconditions: readonly ConditionView[];
  readonly postconditions?: readonly ConditionView[];
  readonly cancelledAt?: string;
  readonly lastAt: string;
}

const WAITING: StepRecord = { state: "waiting", evidence: [], retries: 0 };

/** A run that nobody else has yet: events are worked into it, so that many of them cost one copy. */
type Draft = { -readonly [Key in keyof RunState]: RunState[Key] } & { steps: StepRecord[]; ready: number[] };

export type LaterRecord = Exclude<RunRecord, { kind: "opened" }>;

export function openRun(opened: RunState["opened"]): RunState {
  const { steps } = opened.mode;
  const draft: Draft = {
    ...{ opened, graph: graphOf(steps), steps: steps.map(() => WAITING), ready: [], unfinished: steps.length, stoppedBy: [] },
    ...{ preconditions: opened.preconditions, lastAt: opened.at },
  };
  settle(draft, [...steps.keys()]);
  return draft;
}

/** What the run is after one more event. The event is one that can happen now: `runs` sees to that before it is written. */
export function applyRecord(state: RunState, record: LaterRecord): RunState {
  return applyRecords(state, [record]);
}

/** After one and the other, in their order. */
export function applyRecords(state: RunState, records: readonly LaterRecord[]): RunState {
  if (records.length === 0) return state;
  const draft: Draft = { ...state, steps: [...state.steps], ready: [...state.ready] };
  for (const record of records) apply(draft, record);
  return draft;
}

function apply(draft: Draft, record: LaterRecord): void {
  switch (record.kind) {
    case "checked":
      draft.preconditions = record.preconditions;
      draft.lastAt = record.at;
      return;
    case "closed":
      draft.postconditions = record.postconditions;
      return;
    case "cancelled":
      skipWhere(draft, `cancelled by ${record.actor}`, () => true);
      draft.cancelledAt = record.at;
      draft.lastAt = record.at;
      return;
    case "started": {
      const { index, record: step } = at(draft, record.step);
      put(draft, index, { ...step, state: "running", startedAt: record.at });
      draft.lastAt = record.at;
      return;
    }
    case "interrupted": {
      const { index, record: step } = at(draft, record.step);
      const { startedAt = record.at, ...rest } = step;
      const attempt = step.evidence.length + 1;
      const evidence: Evidence = { attempt, startedAt, endedAt: record.at, actor: record.actor, interrupted: true };
      put(draft, index, { ...rest, state: "ready", evidence: [...step.evidence, evidence] });
      draft.lastAt = record.at;
      return;
    }
    case "ended":
      end(draft, record);
      draft.lastAt = record.evidence.endedAt;
  }
}

export function runOutcome(state: RunState): "open" | "passed" | "failed" | "cancelled" {
  if (state.cancelledAt !== undefined) return "cancelled";
  if (state.unfinished > 0) return "open";
  return state.stoppedBy.length > 0 ? "failed" : "passed";
}

export function stepAt(state: RunState, index: number): Step {
  const step = state.opened.mode.steps[index];
  if (step === undefined) throw new RangeError(`there is no step ${index}`);
  return step;
}

function end(draft: Draft, { step: id, status, evidence }: Extract<RunRecord, { kind: "ended" }>): void {
  const { index, record } = at(draft, id);
  const { startedAt: _started, notBeforeMs: _before, ...rest } = record;
  const kept = { ...rest, evidence: [...record.evidence, evidence] };
  const { on_error } = stepAt(draft, index);
  if (status === "fail" && on_error.strategy === "Retry" && record.retries < on_error.max && draft.stoppedBy.length === 0) {
    const notBeforeMs = Date.parse(evidence.endedAt) + (on_error.delay ?? 0) * 1000;
    put(draft, index, { ...kept, state: "ready", retries: record.retries + 1, notBeforeMs });
    return;
  }
  put(draft, index, { ...kept, state: status });
  if (status === "fail" && (on_error.strategy === "Stop" || on_error.strategy === "Retry")) stop(draft, index);
  settle(draft, draft.graph.followers[index] ?? []);
}

/** Skips everything that has not begun and does not come after a step that stopped the run. */
function stop(draft: Draft, by: number): void {
  draft.stoppedBy = [...draft.stoppedBy, by];
  const after = descendants(draft.graph, draft.stoppedBy);
  skipWhere(draft, `the run was stopped: ${stepAt(draft, by).id} failed`, (index) => after[index] !== 1);
}

function skipWhere(draft: Draft, why: string, wanted: (index: number) => boolean): void {
  let skipped = 0;
  for (const [index, record] of draft.steps.entries()) {
    if ((record.state !== "waiting" && record.state !== "ready") || !wanted(index)) continue;
    draft.steps[index] = { ...record, state: "skip", why };
    skipped += 1;
  }
  if (skipped === 0) return;
  draft.ready = draft.ready.filter((index) => draft.steps[index]?.state === "ready");
  draft.unfinished -= skipped;
  settle(draft, [...draft.steps.keys()]);
}

/** Looks again at steps whose conditions may have changed, and at whatever hangs on those that are skipped thereby. */
function settle(draft: Draft, look: readonly number[]): void {
  const queue = [...look];
  for (let next = 0; next < queue.length; next += 1) {
    const index = queue[next] ?? 0;
    const record = draft.steps[index];
    if (record?.state !== "waiting") continue;
    const verdict = judge(draft, index);
    if (verdict === "wait") continue;
    if (verdict === "go") {
      draft.steps[index] = { ...record, state: "ready" };
      draft.ready.push(index);
      continue;
    }
    draft.steps[index] = { ...record, state: "skip", why: verdict.why };
    draft.unfinished -= 1;
    queue.push(...(draft.graph.followers[index] ?? []));
  }
}

function judge(state: RunState, index: number): "wait" | "go" | { readonly why: string } {
  const { graph, steps } = state;
  let waits = false;
  for (const { on, kind } of graph.needs[index] ?? []) {
    const outcome = steps[on]?.state ?? "waiting";
    if (!isFinal(outcome)) waits = true;
    else if (kind === "OnSuccess" && outcome !== "pass") return { why: `${stepAt(state, on).id} did not pass` };
    else if (kind === "OnFailure" && outcome !== "fail") return { why: `${stepAt(state, on).id} did not fail` };
  }
  const rescued = graph.rescues[index] ?? [];
  if (rescued.length > 0 && !rescued.some((on) => steps[on]?.state === "fail")) {
    if (rescued.every((on) => isFinal(steps[on]?.state ?? "waiting"))) return { why: "nothing failed that it would stand in for" };
    waits = true;
  }
  return waits ? "wait" : "go";
}

function descendants(graph: Graph, from: readonly number[]): Uint8Array {
  const seen = new Uint8Array(graph.needs.length);
  const queue = [...from];
  for (let next = 0; next < queue.length; next += 1)
    for (const follower of graph.followers[queue[next] ?? 0] ?? []) {
      if (seen[follower] === 1) continue;
      seen[follower] = 1;
      queue.push(follower);
    }
  return seen;
}

export function isFinal(state: StepState): boolean {
  return state === "pass" || state === "fail" || state === "skip";
}

function at(state: RunState, id: string): { readonly index: number; readonly record: StepRecord } {
  const index = state.graph.indexOf.get(id);
  const record = index === undefined ? undefined : state.steps[index];
  if (index === undefined || record === undefined) throw new RangeError(`there is no step ${id}`);
  return { index, record };
}

function put(draft: Draft, index: number, record: StepRecord): void {
  const before = draft.steps[index]?.state ?? "waiting";
  draft.steps[index] = record;
  if (before === "ready" && record.state !== "ready") draft.ready.splice(draft.ready.indexOf(index), 1);
  else if (before !== "ready" && record.state === "ready") draft.ready.push(index);
  if (isFinal(record.state) && !isFinal(before)) draft.unfinished -= 1;
}
