// A decision in sentences, from the trace of the decision itself.
import { canonicalJson, type ReviewNeed } from "@triplane/contract";
import type { Decision, UnopposedWait } from "./types.ts";

/** The verdict first, then every rule that took part, in the order in which they were asked. */
export function explain(decision: Decision): readonly string[] {
  return [
    ...verdictLines(decision),
    ...decision.trace.map((entry) => `${entry.matched ? "+" : "-"} ${entry.kind} ${entry.rule}: ${entry.why}`),
  ];
}

const BASIS_WORDS = {
  auto: "without a person",
  approved: "approved by people",
  unopposed: "nobody objected",
  break_glass: "by a sealed key",
} as const;

function verdictLines(decision: Decision): readonly string[] {
  switch (decision.verdict) {
    case "admit":
      return [`admit, ${BASIS_WORDS[decision.basis]}, by rule ${decision.rule}`];
    case "review":
      if (decision.unopposed !== undefined) return [`review: ${describeWait(decision.unopposed)}`];
      return ["review: people have to approve", ...decision.missing.map(describeNeed)];
    case "refuse": {
      const by = decision.rule === undefined ? "" : ` by rule ${decision.rule}`;
      const nearest = decision.nearest === undefined ? [] : [`nearest allowed: ${canonicalJson(decision.nearest)}`];
      return [`refuse (${decision.code})${by}: ${decision.fact}`, ...nearest];
    }
  }
}

/** What an op that runs by itself waits for. */
export function describeWait({ rules, groups, runsAtS, early }: UnopposedWait): string {
  const when = `${new Date(runsAtS * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const sooner =
    early.length === 0
      ? ""
      : `, or as soon as ${early.map(({ count, groups: of }) => `${count} of ${of.join(", ")}`).join(" and ")} approve`;
  return `${rules.join(", ")}: it runs at ${when} unless one of ${groups.join(" or ")} objects${sooner}`;
}

/** A requirement as a sentence. */
export function describeNeed(need: ReviewNeed): string {
  return `${need.rule}: ${need.count} more of ${need.groups.join(", ")}`;
}
