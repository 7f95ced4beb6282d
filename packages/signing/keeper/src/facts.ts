// The facts that a decision depends on besides op, policy and time: counted by the keeper from its own records.
import type { DecisionFacts } from "@triplane/contract";
import type { Policy } from "@triplane/policy";
import type { Use } from "./records.ts";

/** Most uses that one key's record holds. A rate above this cannot be counted and is therefore never reached. */
export const MAX_USES = 1000;

export interface FactsInput {
  readonly policy: Policy;
  /** Principal of the op's issuer. */
  readonly principal: string;
  /** Uses of all the principal's keys. */
  readonly uses: readonly Use[];
  /** The op itself, which does not count against itself. */
  readonly jti: string;
  readonly nowS: number;
}

/**
 * Counts what the policy limits. A window ends at `nowS` and reaches back, its far end excluded. A rule that did not sign is
 * left out: to a decision it stands at none, and the facts travel in every admission.
 */
export function countFacts(input: FactsInput): DecisionFacts {
  const others = input.uses.filter((use) => use.jti !== input.jti);
  const within = (windowS: number) => (use: Use) => use.at > input.nowS - windowS;
  const rated = input.policy.auto_sign.flatMap(({ id, rate }) => (rate === undefined ? [] : [{ id, windowS: rate.window_s }]));
  const counts = rated.map(({ id, windowS }) => [id, others.filter((use) => use.rule === id).filter(within(windowS)).length] as const);
  const agent = input.policy.agents.find((candidate) => candidate.principal === input.principal);
  return {
    ...(rated.length > 0 ? { recent_auto: Object.fromEntries(counts.filter(([, count]) => count > 0)) } : {}),
    ...(agent === undefined ? {} : { budget_used: others.filter(within(agent.budget.window_s)).length }),
  };
}

/** Whether a decision about an op of this issuer rests on any count, so that the records of all their keys have to be read. */
export function isCounted(policy: Policy, principal: string): boolean {
  return policy.auto_sign.some((rule) => rule.rate !== undefined) || policy.agents.some((agent) => agent.principal === principal);
}

/** Adds a use and forgets those that nothing counts any more: neither the rate of the rule that signed, nor the budget of the agent that asked. */
export function addUse(uses: readonly Use[], use: Use | undefined, by: Pick<FactsInput, "policy" | "principal" | "nowS">): readonly Use[] {
  const { policy, principal, nowS } = by;
  const budgetS = policy.agents.find((agent) => agent.principal === principal)?.budget.window_s ?? 0;
  const rateS = (known: Use) => policy.auto_sign.find((rule) => rule.id === known.rule)?.rate?.window_s ?? 0;
  const all = use === undefined ? uses : [...uses, use];
  return all.filter((known) => known.at > nowS - Math.max(budgetS, rateS(known))).slice(-MAX_USES);
}
