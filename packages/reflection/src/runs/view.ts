// A run as others see it.
import { isFinal, type RunState, runOutcome, stepAt } from "./state.ts";
import type { RunActor, RunView, StepView } from "./types.ts";

/** `actor`: who asks. */
export function viewOf(state: RunState, actor: RunActor): RunView {
  const { opened } = state;
  const outcome = runOutcome(state);
  return {
    ...{ id: opened.run, mode: opened.mode.id, task: opened.task, actor: opened.actor, state: outcome, startedAt: opened.at },
    ...(outcome === "open" ? {} : { endedAt: state.lastAt }),
    parameters: opened.parameters,
    preconditions: state.preconditions,
    postconditions: state.postconditions ?? opened.mode.postconditions.map((text) => ({ text, verdict: "unchecked" as const })),
    steps: state.steps.map((_, index) => stepView(state, index)),
    ready: state.ready.filter((index) => isFor(state, index, actor)).map((index) => stepAt(state, index).id),
  };
}

/** Whether a step is offered to this actor. */
export function isFor(state: RunState, index: number, actor: RunActor): boolean {
  const wanted = stepAt(state, index).actor;
  return wanted === "Any" || wanted === actor;
}

function stepView(state: RunState, index: number): StepView {
  const { id, action, actor, cmd, note } = stepAt(state, index);
  const record = state.steps[index];
  const needs = [...(state.graph.needs[index] ?? []).map(({ on }) => on), ...(state.graph.rescues[index] ?? [])];
  const waitsFor = record?.state === "waiting" ? needs.filter((on) => !isFinal(state.steps[on]?.state ?? "waiting")) : [];
  const later = record?.state === "ready" && record.notBeforeMs !== undefined;
  const why = later ? `tried again at ${new Date(record.notBeforeMs ?? 0).toISOString()}` : record?.why;
  return {
    ...{ id, action, actor, state: record?.state ?? "waiting" },
    ...(cmd === undefined ? {} : { cmd }),
    ...(note === undefined ? {} : { note }),
    waitsFor: [...new Set(waitsFor)].map((on) => stepAt(state, on).id),
    ...(why === undefined ? {} : { why }),
    evidence: record?.evidence ?? [],
  };
}
