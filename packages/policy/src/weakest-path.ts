// The weakest path to each approval: how few people, and which, can let an op of a rule through.
import type { Policy } from "./schema.ts";

export interface WeakestPath {
  readonly rule: string;
  readonly kinds: readonly string[];
  readonly targets: readonly string[];
  /** Distinct people that have to act besides the issuer. */
  readonly people: number;
  /** Who they may be. */
  readonly candidates: readonly string[];
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
    const candidates = policy.operators
      .filter((operator) => operator.may.includes("Approve") && operator.groups.some((group) => rule.groups.includes(group)))
      .map((operator) => operator.principal);
    const notes = candidates.length === rule.approvals ? ["if one of them is away, or issues the op, it cannot be approved"] : [];
    return { rule: rule.id, kinds: rule.kinds, targets: rule.targets, people: rule.approvals, candidates, notes };
  });
  return [...automatic, ...reviewed].sort((a, b) => a.people - b.people);
}
