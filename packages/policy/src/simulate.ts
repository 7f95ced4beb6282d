// What another policy would have decided about ops of the past: the same `decide`, with counts of its own (`time-is-an-input`).
//
// 1. Rates and budgets are counted from the ops of the simulation itself, under the policy that is simulated: the recorded counts are
//    those of another one. So ops from before the period that one looks at belong in front of it.
// 2. Approvals count as they did: they name the policy under which they were given, and are not asked for again.
import type { Approval, Did, Op, PolicyRef } from "@triplane/contract";
import { decide } from "./decide.ts";
import { describeNeed } from "./explain.ts";
import type { Policy } from "./schema.ts";
import { signerOf } from "./signers.ts";
import type { Decision } from "./types.ts";

/** An op that was decided on once. */
export interface PastOp {
  readonly op: Op;
  readonly approvals: readonly Approval[];
  /** The policy that it was decided under. */
  readonly policyRef: PolicyRef;
  /** Seconds since 1970. */
  readonly decidedAtS: number;
  /** Since when people were asked, in seconds since 1970; undefined where that did not matter. */
  readonly openSinceS?: number | undefined;
  /** It was let through by a sealed key. */
  readonly breakGlass?: boolean;
}

export interface Simulated {
  readonly verdict: Decision["verdict"];
  /** What people have to do with it: nothing, they could have objected, or they were asked. */
  readonly people: "none" | "may_object" | "asked";
  /** Like `admitted by routine`. */
  readonly text: string;
}

interface Use {
  readonly atS: number;
  readonly rule: string;
}

/** Decides about each op under the policy. `past` is in order of time; the answers are in the same order. */
export function simulate(policy: Policy, past: readonly PastOp[]): readonly Simulated[] {
  const uses = new Map<string, Use[]>();
  return past.map((each) => {
    const principal = signerOf(policy, each.op.claims.iss)?.principal ?? "";
    const ofPrincipal = uses.get(principal) ?? [];
    const decision = decideThen(policy, each, principal, ofPrincipal);
    if (decision.verdict === "admit") uses.set(principal, [...ofPrincipal, { atS: each.decidedAtS, rule: decision.rule }]);
    return { verdict: decision.verdict, people: peopleIn(decision), text: outcomeText(decision) };
  });
}

function decideThen(
  policy: Policy,
  { op, approvals, policyRef, decidedAtS, openSinceS, breakGlass = false }: PastOp,
  principal: string,
  uses: readonly Use[],
): Decision {
  const within = (windowS: number) => (use: Use) => use.atS > decidedAtS - windowS;
  const agent = policy.agents.find((each) => each.principal === principal);
  const counts = policy.auto_sign.flatMap(({ id, rate }) =>
    rate === undefined ? [] : [[id, uses.filter((use) => use.rule === id).filter(within(rate.window_s)).length] as const],
  );
  const budgetUsed = agent === undefined ? {} : { budget_used: uses.filter(within(agent.budget.window_s)).length };
  const open = openSinceS === undefined ? {} : { open_since: openSinceS };
  const facts = { recent_auto: Object.fromEntries(counts), ...budgetUsed, ...open };
  if (breakGlass) return decide({ op, policy, policyRef, approvals: [], facts: {}, nowS: decidedAtS, breakGlass });
  return decide({ op, policy, policyRef, approvals, facts, nowS: decidedAtS });
}

function peopleIn(decision: Decision): Simulated["people"] {
  if (decision.verdict === "review") return decision.unopposed === undefined ? "asked" : "may_object";
  if (decision.verdict === "refuse" || decision.basis === "auto" || decision.basis === "break_glass") return "none";
  return decision.basis === "approved" ? "asked" : "may_object";
}

const HOW = { auto: "", approved: ", approved by people", unopposed: ", nobody objected", break_glass: ", by a sealed key" } as const;

const PEOPLE = ["none", "may_object", "asked"] as const;

function outcomeText(decision: Decision): string {
  switch (decision.verdict) {
    case "admit":
      return `admitted by ${decision.rule}${HOW[decision.basis]}`;
    case "review":
      if (decision.unopposed !== undefined) return `waits for objections by ${decision.unopposed.rules.join(", ")}`;
      return `asks for ${decision.missing.map(describeNeed).join(" and ")}`;
    case "refuse":
      return `refused: ${decision.fact}`;
  }
}

export const CHANGES = ["newly_allowed", "no_longer_asked", "newly_asked", "newly_denied"] as const;
/** How an op would fare otherwise, most dangerous first. */
export type Change = (typeof CHANGES)[number];

/** Undefined where nothing changes for the op. */
export function changeBetween(before: Simulated, after: Simulated): Change | undefined {
  if (before.verdict === "refuse") return after.verdict === "refuse" ? undefined : "newly_allowed";
  if (after.verdict === "refuse") return "newly_denied";
  const more = PEOPLE.indexOf(after.people) - PEOPLE.indexOf(before.people);
  if (more !== 0) return more > 0 ? "newly_asked" : "no_longer_asked";
  if (before.verdict === after.verdict) return undefined;
  return before.verdict === "admit" ? "newly_asked" : "no_longer_asked";
}

/** The largest number of seconds over which the policy counts anything. */
export function longestWindowS(policy: Policy): number {
  const rates = policy.auto_sign.map(({ rate }) => rate?.window_s ?? 0);
  return Math.max(0, ...rates, ...policy.agents.map(({ budget }) => budget.window_s));
}

/** The same for sealed keys, of those who keep one. */
function growSealed(proposed: Policy["operators"], inForce: Policy["operators"]): Policy["operators"] {
  const known = new Set(proposed.flatMap(({ keys, break_glass_keys: sealed = [] }) => [...keys, ...sealed]));
  return proposed.map((entry) => {
    const former = inForce.find(({ principal }) => principal === entry.principal)?.break_glass_keys ?? [];
    if (entry.break_glass_keys === undefined) return entry;
    return { ...entry, break_glass_keys: [...entry.break_glass_keys, ...former.filter((key) => !known.has(key))] };
  });
}

/**
 * The proposed policy with the keys that people have now as further keys of theirs: past ops are judged as the same people's although
 * their keys change. For simulation only.
 */
export function withFormerKeys(proposed: Policy, inForce: Policy): Policy {
  const known = new Set([...proposed.operators, ...proposed.agents, ...proposed.automations].flatMap(({ keys }) => keys));
  const grow = <T extends { readonly principal: string; readonly keys: readonly Did[] }>(entries: readonly T[], before: readonly T[]) =>
    entries.map((entry) => {
      const former = before.find(({ principal }) => principal === entry.principal)?.keys ?? [];
      return { ...entry, keys: [...entry.keys, ...former.filter((key) => !known.has(key))] };
    });
  return {
    ...proposed,
    operators: growSealed(grow(proposed.operators, inForce.operators), inForce.operators),
    agents: grow(proposed.agents, inForce.agents),
    automations: grow(proposed.automations, inForce.automations),
  };
}
