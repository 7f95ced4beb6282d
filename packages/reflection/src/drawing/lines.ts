// The lines of a mode's picture: what each edge says, with fallbacks among them.
import { graphOf } from "../modes/graph.ts";
import type { Mode } from "../modes/schema.ts";

export const LINE_KINDS = ["Always", "OnSuccess", "OnFailure", "Fallback"] as const;
export type LineKind = (typeof LINE_KINDS)[number];

/** From the step that has to end to the one that comes after it, by their places in the list. */
export interface Line {
  readonly from: number;
  readonly to: number;
  readonly kind: LineKind;
}

export const LINE_WORDS: Readonly<Record<LineKind, string>> = {
  Always: "when it has ended",
  OnSuccess: "when it has passed",
  OnFailure: "when it has failed",
  Fallback: "in its place",
};

export function linesOf(mode: Pick<Mode, "steps">): readonly Line[] {
  const graph = graphOf(mode.steps);
  return mode.steps.flatMap((_, to): readonly Line[] => [
    ...(graph.needs[to] ?? []).map(({ on, kind }) => ({ from: on, to, kind })),
    ...(graph.rescues[to] ?? []).map((from) => ({ from, to, kind: "Fallback" as const })),
  ]);
}
