// Seats of a rule that asks people, and who may take them.
//
// 1. Within one rule nobody takes two seats: people are matched to seats, so that as many seats as possible are taken.
// 2. Which people count does not depend on the order in which they came: whoever takes no further seat now never would.
import { TriplaneError } from "@triplane/contract";
import type { Operator, Quorum, ReviewRule } from "./schema.ts";

/** Whoever may take a seat: what counts are their groups. */
export type Voter = Pick<Operator, "principal" | "groups">;

/** What one rule asks for: every quorum has to be filled, by different people. */
export interface Ask {
  readonly rule: string;
  readonly quorums: readonly Quorum[];
  /** Groups that may object besides those that are asked. */
  readonly objectors?: readonly string[];
}

/** The quorums of a review rule, whichever form it was written in. Throws `policy_invalid` for a rule that asks nobody. `no-fail-open` */
export function quorumsOf(rule: Pick<ReviewRule, "id" | "approvals" | "groups" | "quorums">): readonly Quorum[] {
  const { approvals, groups, quorums } = rule;
  if (quorums !== undefined && quorums.length > 0) return quorums;
  if (approvals === undefined || groups === undefined) throw new TriplaneError("policy_invalid", `the review rule ${rule.id} asks nobody`);
  return [{ approvals, groups }];
}

/** Different people that the quorums ask for in all. */
export function seatsOf(quorums: readonly Quorum[]): number {
  return quorums.reduce((sum, quorum) => sum + quorum.approvals, 0);
}

/** Whether somebody may take a seat of the quorum. */
export function fits(voter: Pick<Voter, "groups">, quorum: Quorum): boolean {
  return voter.groups.some((group) => quorum.groups.includes(group));
}

/** How many seats of each quorum stay empty when as many as possible are taken (Kuhn's augmenting paths, one for each person). */
export function emptySeats(quorums: readonly Quorum[], people: readonly Voter[]): readonly number[] {
  const seats = quorums.flatMap((quorum) => Array.from({ length: quorum.approvals }, () => quorum));
  const holder = new Map<number, Voter>();
  const sit = (voter: Voter, tried: Set<number>): boolean => {
    for (const [index, quorum] of seats.entries()) {
      if (tried.has(index) || !fits(voter, quorum)) continue;
      tried.add(index);
      const sitting = holder.get(index);
      if (sitting !== undefined && !sit(sitting, tried)) continue;
      holder.set(index, voter);
      return true;
    }
    return false;
  };
  for (const voter of people) sit(voter, new Set());
  return quorums.map((quorum) => seats.filter((seat, index) => seat === quorum && !holder.has(index)).length);
}

/** Whether these people can take every seat. */
export function canFill(quorums: readonly Quorum[], people: readonly Voter[]): boolean {
  return emptySeats(quorums, people).every((empty) => empty === 0);
}

/** Like `2 people of ops and 1 person of security`. */
export function describeQuorums(quorums: readonly Quorum[]): string {
  return quorums
    .map(({ approvals, groups }) => `${approvals} ${approvals === 1 ? "person" : "people"} of ${groups.join(" or ")}`)
    .join(" and ");
}
