// Ops that run after a while unless somebody objects (ADR-027).
//
// 1. The wait counts from when people could first see the op. Without that fact it has only begun. `no-fail-open`
// 2. Of several matching rules every one has to be met: the longest wait counts. Enough early approvals meet a rule that names a number.
// 3. An objection counts for as long as the op has not run, also after the wait.
// 4. An op that could have run and did not, because no keeper was there, is not run for ever.
import type { ReviewNeed } from "@triplane/contract";
import { needsOf, type Tally } from "./approvals.ts";
import type { Ask } from "./quorums.ts";
import type { UnopposedRule } from "./schema.ts";
import type { DecisionInput, UnopposedWait } from "./types.ts";

/** What is asked of people: early approvals, where the rule names a number of them. Everybody in its groups may object. */
export function askOf({ id, approvals, groups }: UnopposedRule): Ask {
  return { rule: id, quorums: approvals === undefined ? [] : [{ approvals, groups }], objectors: groups };
}

export interface Waited {
  /** Undefined where nothing is waited for any more. */
  readonly wait: UnopposedWait | undefined;
  /** What let the op through, where nothing is waited for. */
  readonly basis: "approved" | "unopposed";
  /** From this second on the op no longer runs by itself. */
  readonly closesAtS: number;
}

export function waitOf(rules: readonly UnopposedRule[], tally: Tally, { facts, nowS, policy }: DecisionInput): Waited {
  const openSinceS = facts.open_since ?? nowS;
  const runsAtS = (rule: UnopposedRule): number => openSinceS + rule.wait_s;
  const isMetEarly = ({ id, approvals }: UnopposedRule): boolean =>
    approvals !== undefined && !tally.missing.some(({ rule }) => rule === id);
  const waited = rules.filter((rule) => !isMetEarly(rule));
  const pending = waited.filter((rule) => nowS < runsAtS(rule));
  const early: readonly ReviewNeed[] = pending.flatMap((rule) => needsOf(askOf(rule)));
  return {
    wait:
      pending.length === 0
        ? undefined
        : {
            rules: pending.map(({ id }) => id),
            groups: [...new Set(rules.flatMap(({ groups }) => groups))],
            runsAtS: Math.max(...pending.map(runsAtS)),
            early,
          },
    basis: waited.length === 0 ? "approved" : "unopposed",
    closesAtS: Math.max(...rules.map(runsAtS)) + policy.limits.max_lifetime_s,
  };
}

/** Like `it runs after 600 s unless one of ops objects`. */
export function describeUnopposed({ wait_s: waitS, groups, approvals }: UnopposedRule): string {
  const early = approvals === undefined ? "" : `, sooner if ${approvals} of them approve`;
  return `it runs after ${waitS} s unless one of ${groups.join(" or ")} objects${early}`;
}
