// The graph that the steps of a mode make, and what can be wrong with it. Pure.
import { nearest, type ValuePath, type ValueProblem } from "@triplane/nickel";
import type { EDGE_KINDS, Step } from "./schema.ts";

export type EdgeKind = (typeof EDGE_KINDS)[number];

/** The steps by their places in the list. */
export interface Graph {
  readonly indexOf: ReadonlyMap<string, number>;
  /** What each step waits for. */
  readonly needs: readonly (readonly { readonly on: number; readonly kind: EdgeKind }[])[];
  /** The steps that name this one as their fallback: it goes when one of them has failed. */
  readonly rescues: readonly (readonly number[])[];
  /** The steps that look at this one when it ends. */
  readonly followers: readonly (readonly number[])[];
}

/** Of steps without problems; what an unknown id would point to is left out. */
export function graphOf(steps: readonly Step[]): Graph {
  const indexOf = new Map(steps.map((step, index) => [step.id, index]));
  const rescues: number[][] = steps.map(() => []);
  const followers: number[][] = steps.map(() => []);
  const needs = steps.map((step, index) =>
    step.depends_on.flatMap(({ step: id, kind }) => {
      const on = indexOf.get(id);
      if (on === undefined) return [];
      followers[on]?.push(index);
      return [{ on, kind }];
    }),
  );
  for (const [index, step] of steps.entries()) {
    const rescuer = step.on_error.strategy === "Fallback" ? indexOf.get(step.on_error.step) : undefined;
    if (rescuer === undefined) continue;
    rescues[rescuer]?.push(index);
    followers[index]?.push(rescuer);
  }
  return { indexOf, needs, rescues, followers };
}

/** All problems of the graph: ids used twice, unknown ids, cycles, steps that can never be reached. */
export function graphProblems(steps: readonly Step[]): readonly ValueProblem[] {
  const problems = [...duplicates(steps), ...unknownSteps(steps)];
  if (problems.length > 0) return problems;
  const graph = graphOf(steps);
  const circles = cycles(steps, graph);
  return circles.length > 0 ? circles : unreachable(steps, graph);
}

function duplicates(steps: readonly Step[]): readonly ValueProblem[] {
  const first = new Map<string, number>();
  return steps.flatMap(({ id }, index) => {
    const before = first.get(id);
    if (before === undefined) first.set(id, index);
    return before === undefined ? [] : [{ path: ["steps", index, "id"], message: `"${id}" is the id of step ${before + 1} already` }];
  });
}

function unknownSteps(steps: readonly Step[]): readonly ValueProblem[] {
  const ids = new Set(steps.map(({ id }) => id));
  const unknown = (id: string, path: ValuePath): readonly ValueProblem[] => {
    if (ids.has(id)) return [];
    const meant = nearest(id, [...ids]);
    return [{ path, message: `there is no step "${id}"`, ...(meant === undefined ? {} : { hint: `did you mean ${meant}?` }) }];
  };
  return steps.flatMap(({ depends_on, on_error }, index) => [
    ...depends_on.flatMap(({ step }, at) => unknown(step, ["steps", index, "depends_on", at, "step"])),
    ...(on_error.strategy === "Fallback" ? unknown(on_error.step, ["steps", index, "on_error", "step"]) : []),
  ]);
}

/** Every cycle that a walk in depth meets, whole, at the edge that closes it. */
function cycles(steps: readonly Step[], graph: Graph): readonly ValueProblem[] {
  const problems: ValueProblem[] = [];
  const done = new Uint8Array(steps.length);
  const on = new Int32Array(steps.length).fill(-1);
  const next = (index: number): readonly number[] => [
    ...(graph.needs[index] ?? []).map((need) => need.on),
    ...(graph.rescues[index] ?? []),
  ];
  for (const start of steps.keys()) {
    if (done[start] === 1) continue;
    const trail: { readonly index: number; readonly ways: readonly number[]; at: number }[] = [{ index: start, ways: next(start), at: 0 }];
    on[start] = 0;
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const way = top.ways[top.at];
      if (way === undefined) {
        done[top.index] = 1;
        on[top.index] = -1;
        trail.pop();
        continue;
      }
      top.at += 1;
      const begins = on[way] ?? -1;
      if (begins >= 0) problems.push(cycleProblem(steps, graph, [...trail.slice(begins).map(({ index }) => index), way]));
      else if (done[way] !== 1) {
        on[way] = trail.length;
        trail.push({ index: way, ways: next(way), at: 0 });
      }
    }
  }
  return problems;
}

/** `circle` begins and ends with the same step; each waits for the next. */
function cycleProblem(steps: readonly Step[], graph: Graph, circle: readonly number[]): ValueProblem {
  const from = circle.at(-2) ?? 0;
  const to = circle.at(-1) ?? 0;
  const names = circle.map((index) => steps[index]?.id ?? "");
  const edge = (graph.needs[from] ?? []).findIndex((need) => need.on === to);
  // A fallback's edge is written at the step that names it.
  const path = edge === -1 ? ["steps", to, "on_error", "step"] : ["steps", from, "depends_on", edge, "step"];
  return { path, message: `a cycle, each waits for the next: ${names.join(" → ")}` };
}

/**
 * Steps whose conditions contradict one another: for this one to go, a step would have to pass and to fail. What a step's own conditions
 * mean for steps before it is followed all the way back.
 */
function unreachable(steps: readonly Step[], graph: Graph): readonly ValueProblem[] {
  const problems: ValueProblem[] = [];
  const demands = new Map<number, ReadonlyMap<number, "pass" | "fail">>();
  const dead = new Set<number>();
  for (const index of topological(graph)) {
    const wanted = new Map<number, "pass" | "fail">();
    let clash: number | undefined;
    const want = (step: number, outcome: "pass" | "fail"): void => {
      const before = wanted.get(step);
      if (before !== undefined && before !== outcome) clash ??= step;
      wanted.set(step, outcome);
    };
    for (const { on, kind } of graph.needs[index] ?? []) {
      if (kind === "Always") continue;
      for (const [step, outcome] of demands.get(on) ?? []) want(step, outcome);
      want(on, kind === "OnSuccess" ? "pass" : "fail");
    }
    const [rescued, ...others] = graph.rescues[index] ?? [];
    // With several it is enough that one of them failed: nothing follows for all.
    if (rescued !== undefined && others.length === 0) {
      for (const [step, outcome] of demands.get(rescued) ?? []) want(step, outcome);
      want(rescued, "fail");
    }
    const waitsForDead = (graph.needs[index] ?? []).some(({ on, kind }) => kind !== "Always" && dead.has(on));
    if (clash !== undefined) {
      const message = `can never be reached: "${steps[clash]?.id}" would have to pass and to fail`;
      problems.push({ path: ["steps", index, "id"], message });
    }
    if (clash !== undefined || waitsForDead) dead.add(index);
    // Only what somebody could contradict is worth remembering.
    demands.set(index, new Map([...wanted].filter(([step]) => contradictable(graph, step))));
  }
  return problems;
}

/** Whether some steps want this one to pass and others want it to fail. */
function contradictable(graph: Graph, step: number): boolean {
  let pass = false;
  let fail = false;
  for (const follower of graph.followers[step] ?? []) {
    if (graph.rescues[follower]?.includes(step) === true) fail = true;
    for (const { on, kind } of graph.needs[follower] ?? []) {
      if (on !== step) continue;
      if (kind === "OnSuccess") pass = true;
      if (kind === "OnFailure") fail = true;
    }
  }
  return pass && fail;
}

/** The steps so that each comes after all that it waits for; of a graph without cycles. */
export function topological(graph: Graph): readonly number[] {
  const open = graph.needs.map((needs, index) => needs.length + (graph.rescues[index]?.length ?? 0));
  const order = open.flatMap((count, index) => (count === 0 ? [index] : []));
  for (let at = 0; at < order.length; at += 1) {
    for (const follower of graph.followers[order[at] ?? 0] ?? []) {
      const left = (open[follower] ?? 0) - 1;
      open[follower] = left;
      if (left === 0) order.push(follower);
    }
  }
  return order;
}
