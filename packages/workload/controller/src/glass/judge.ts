// What the controller judges about broken glass: numbers, the moment of arrival, and who is frozen. Pure (`time-is-an-input`, ADR-040).
//
// 1. A use's window ends at the record's accepted_at + the rule's ratify_within_s under the policy that the admission names.
// 2. From then on whoever is not ratified is frozen, by every key and every agent, as issuer, admitter and approver.
// 3. An outsider recomputes all of this from the ledger and the policy's history; nothing else goes in.
import { type FailureCode, type Json, type Op, TriplaneError } from "@triplane/contract";
import { decide, decideUnder, type Policy, personBehind, ratifyWithinS, type VerifiedDecision } from "@triplane/policy";
import type { GlassRow } from "../rows.ts";

type Admitted = Extract<VerifiedDecision, { kind: "admission" }>;

/** Why an op that was admitted is recorded as refused and not applied. */
export interface Withheld {
  readonly code: FailureCode;
  /** One sentence for people. */
  readonly fact: string;
  readonly evidence?: { readonly [key: string]: Json };
}

/** Whether a decision lets an op through by a sealed key. */
export function breaksGlass(decision: VerifiedDecision): decision is Admitted {
  return decision.kind === "admission" && decision.decision.basis === "break_glass";
}

/** Nobody else counts these ops: the next number of a key, or evidence. Undefined where the number is right. */
export function wrongNumber({ op }: Admitted, rows: readonly GlassRow[]): TriplaneError | undefined {
  const { iss, seq } = op.claims;
  const used = rows.filter(({ key }) => key === iss);
  const expected = Math.max(0, ...used.map((row) => row.seq)) + 1;
  if (seq === expected) return undefined;
  const other = used.find((row) => row.seq === seq)?.subject;
  if (other !== undefined)
    return new TriplaneError("sequence_fork", `number ${seq} of ${iss} broke the glass already, for ${other}; ${expected} is next`);
  return new TriplaneError("sequence_gap", `the op has the number ${seq} of ${iss}, and ${expected} is next`);
}

/** A decision that was put into the past or the future opens nothing: it has to hold when it arrives as well. */
export function notNow({ op, policy, admission }: Admitted, arrivedAtS: number): Withheld | undefined {
  const { policy: policyRef, decided_at: decidedAtS } = admission.claims;
  const early = decidedAtS - arrivedAtS;
  if (early > policy.limits.clock_skew_s) return { code: "clock_skew", fact: `it was decided ${early} s after it arrived` };
  const again = decide({ op, policy, policyRef, approvals: [], facts: {}, nowS: arrivedAtS, breakGlass: true });
  return again.verdict === "refuse" ? { code: again.code, fact: `when it arrived: ${again.fact}` } : undefined;
}

/** The use of the glass that freezes a person at a time. `ratified`: what the policy in force ratifies. */
export function frozenBy(person: string, rows: readonly GlassRow[], ratified: readonly string[], nowS: number): GlassRow | undefined {
  return rows.find((row) => row.person === person && isDue(row, nowS) && !ratified.includes(row.subject));
}

/** Whether a use waits for people no longer. */
export function isDue({ state, ratify_by: ratifyByS }: GlassRow, nowS: number): boolean {
  return (state === "open" || state === "frozen") && nowS >= ratifyByS;
}

export interface Freezing {
  readonly rows: readonly GlassRow[];
  /** The policy in force. */
  readonly inForce: Policy;
  readonly nowS: number;
}

/** Why an admitted op waits for somebody to be ratified; undefined where nobody of it is frozen. */
export function whyFrozen(decision: Admitted, { rows, inForce, nowS }: Freezing): Withheld | undefined {
  const { admission, op, policy } = decision;
  const holding = (key: string): GlassRow | undefined => {
    const people = new Set([personBehind(policy, key), personBehind(inForce, key)]);
    for (const person of people) {
      const row = person === undefined ? undefined : frozenBy(person, rows, inForce.ratified, nowS);
      if (row !== undefined) return row;
    }
    return undefined;
  };
  const issuer = holding(op.claims.iss);
  if (issuer !== undefined) return frozen(issuer, "issues it, or answers for its agent");
  const admitter = holding(admission.claims.iss);
  if (admitter !== undefined) return frozen(admitter, "admitted it");
  const approver = decision.decision.countedApprovals.map(({ claims }) => holding(claims.iss)).find((row) => row !== undefined);
  if (approver === undefined) return undefined;
  const without = decideUnder(policy, admission, ({ claims }) => holding(claims.iss) === undefined);
  return without.verdict === "admit" ? undefined : frozen(approver, "approved it, and it needs that");
}

function frozen(row: GlassRow, how: string): Withheld {
  const until = new Date(row.ratify_by * 1000).toISOString();
  return {
    code: "actor_frozen",
    fact: `${row.person} ${how}, and is frozen: nobody ratified ${row.subject} until ${until}`,
    evidence: { person: row.person, broke_glass: row.subject, frozen_since: row.ratify_by },
  };
}

export interface Use {
  readonly op: Op;
  /** The one that the admission names. */
  readonly policy: Policy;
  readonly rule: string;
  /** What its record is filed under. */
  readonly subject: string;
  readonly acceptedAtS: number;
  readonly isRefused: boolean;
}

/** The row of a use, as it goes into the database with its op. */
export function glassRowOf({ op, policy, rule, subject, acceptedAtS, isRefused }: Use): GlassRow {
  const windowS = ratifyWithinS(policy, rule) ?? 0;
  return {
    subject,
    person: personBehind(policy, op.claims.iss) ?? op.claims.iss,
    key: op.claims.iss,
    seq: op.claims.seq,
    rule,
    accepted_at: acceptedAtS,
    ratify_by: acceptedAtS + windowS,
    state: isRefused ? "refused" : "open",
  };
}

/** One sentence for whoever is woken by it. */
export function describeUse({ op }: Admitted, row: GlassRow, withheld: Withheld | undefined): string {
  const { op: kind, target, reason } = op.claims;
  const what = `${row.person} broke the glass by ${row.rule}: ${kind} on ${target}${reason === undefined ? "" : ` (${reason})`}`;
  if (withheld !== undefined) return `${what}; it is not applied: ${withheld.code}: ${withheld.fact}`;
  return `${what}; ratify ${row.subject} until ${new Date(row.ratify_by * 1000).toISOString()}, or ${row.person} is frozen`;
}
