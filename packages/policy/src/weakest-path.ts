// The weakest path to each approval: how few people, and which, can let an op of a rule through.

import { isIssuer } from "./matching.ts";
import { canFill, fits, quorumsOf, seatsOf } from "./quorums.ts";
import type { BreakGlassRule, Operator, Policy } from "./schema.ts";

export interface WeakestPath {
  readonly rule: string;
  readonly kinds: readonly string[];
  readonly targets: readonly string[];
  /** Distinct people that have to act besides the issuer. */
  readonly people: number;
  /** Who they may be; where nobody has to act, who may object. */
  readonly candidates: readonly string[];
  /** Seconds in which somebody may object; undefined where nobody is asked, or somebody has to. */
  readonly waitS?: number;
  /** What makes the path weaker, or unusable. */
  readonly notes: readonly string[];
}

/** Every rule by which an op can get through, fewest people first. */
export function weakestPaths(policy: Policy): readonly WeakestPath[] {
  const automatic = policy.auto_sign.map((rule) => ({
    rule: rule.id,
    kinds: rule.kinds,
    targets: rule.targets,
    people: 0,
    candidates: [],
    notes: [
      ...(rule.issuers === undefined ? ["anybody who holds a scope for it may issue it"] : []),
      ...(rule.windows === undefined ? ["at any time"] : []),
      ...(rule.rate === undefined ? ["as often as they like"] : []),
    ],
  }));
  const reviewed = policy.review.map((rule) => {
    const quorums = quorumsOf(rule);
    const people = policy.operators.filter(
      (operator) => operator.may.includes("Approve") && quorums.some((quorum) => fits(operator, quorum)),
    );
    const needed = people.filter((person) => !canFill(quorums, without(people, person)));
    const candidates = people.map((operator) => operator.principal);
    return {
      rule: rule.id,
      kinds: rule.kinds,
      targets: rule.targets,
      people: seatsOf(quorums),
      candidates,
      notes: notesOn(needed, people),
    };
  });
  const unopposed = policy.unopposed.map((rule) => {
    const objectors = policy.operators.filter(
      (operator) => operator.may.includes("Approve") && fits(operator, { approvals: 1, groups: rule.groups }),
    );
    const [only] = objectors.length === 1 ? objectors : [];
    const notes = [
      "it runs by itself unless one of them objects in time",
      ...(only === undefined ? [] : [`nobody can object to an op of ${only.principal}`]),
      ...(rule.issuers === undefined ? ["anybody who holds a scope for it may issue it"] : []),
    ];
    const candidates = objectors.map((operator) => operator.principal);
    return { rule: rule.id, kinds: rule.kinds, targets: rule.targets, people: 0, candidates, waitS: rule.wait_s, notes };
  });
  const sealed = policy.operators.filter(({ break_glass_keys: keys }) => keys !== undefined);
  const glass = policy.break_glass.map((rule) => ({
    rule: rule.id,
    kinds: rule.kinds,
    targets: rule.targets,
    people: 0,
    candidates: sealed.filter((operator) => mayIssue(rule, operator)).map((operator) => operator.principal),
    notes: [`one sealed key acts alone, without a keeper; frozen unless M of N ratify it within ${rule.ratify_within_s} s`],
  }));
  return [...automatic, ...glass, ...unopposed, ...reviewed].sort((a, b) => a.people - b.people);
}

/** How few people, besides a machine, change the image of a component in the desired state. No op is decided by these rules. */
export function weakestImagePaths(policy: Policy): readonly WeakestPath[] {
  return policy.image_updates.map((rule) => ({
    rule: rule.id,
    kinds: ["image"],
    targets: rule.targets,
    people: rule.approvals,
    candidates: rule.approvals === 0 ? [] : policy.operators.map((operator) => operator.principal),
    notes: [
      `${rule.automations.join(" or ")} puts images of ${rule.images.join(", ")} into ${rule.settings.join(", ")} of the desired state`,
      `${rule.max_ahead} times in a row before people approve it in full`,
    ],
  }));
}

/** Who must not be away. */
function notesOn(needed: Policy["operators"], people: Policy["operators"]): readonly string[] {
  if (needed.length === 0) return [];
  const who = needed.length === people.length ? "one of them" : needed.map((operator) => operator.principal).join(" or ");
  return [`if ${who} is away, or issues the op, it cannot be approved`];
}

function mayIssue({ issuers }: BreakGlassRule, entry: Operator): boolean {
  return issuers?.some((wanted) => isIssuer(wanted, { role: "break_glass", principal: entry.principal, entry })) ?? true;
}

function without<T>(items: readonly T[], item: T): readonly T[] {
  return items.filter((each) => each !== item);
}
