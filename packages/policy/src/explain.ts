// A decision in sentences.
import type { Decision } from "./types.ts";

/** The trace of a decision as lines for people. */
export function explain(decision: Decision): readonly string[] {
  return decision.trace.map((entry) => `${entry.rule}: ${entry.why}`);
}
