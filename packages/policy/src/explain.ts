// A decision in sentences, from the trace of the decision itself.
import { canonicalJson, type ReviewNeed } from "@triplane/contract";
import type { Decision } from "./types.ts";

/** The verdict first, then every rule that took part, in the order in which they were asked. */
export function explain(decision: Decision): readonly string[] {
  return [
    ...verdictLines(decision),
    ...decision.trace.map((entry) => `${entry.matched ? "+" : "-"} ${entry.kind} ${entry.rule}: ${entry.why}`),
  ];
}

function verdictLines(decision: Decision): readonly string[] {
  switch (decision.verdict) {
    case "admit":
      return [`admit, ${decision.basis === "auto" ? "without a person" : "approved by people"}, by rule ${decision.rule}`];
    case "review":
      return ["review: people have to approve", ...decision.missing.map(describeNeed)];
    case "refuse": {
      const by = decision.rule === undefined ? "" : ` by rule ${decision.rule}`;
      const nearest = decision.nearest === undefined ? [] : [`nearest allowed: ${canonicalJson(decision.nearest)}`];
      return [`refuse (${decision.code})${by}: ${decision.fact}`, ...nearest];
    }
  }
}

/** A requirement as a sentence. */
export function describeNeed(need: ReviewNeed): string {
  return `${need.rule}: ${need.count} more of ${need.groups.join(", ")}`;
}
