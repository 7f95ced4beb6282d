// Which approvals count. The only place where they are counted.
//
// 1. People are counted, never keys: one principal counts once, with however many keys it signed.
// 2. An approval counts for the exact op, plan, policy commit and state version that it names, or not at all.
// 3. Agents and automations never count; nobody counts for their own op, nor an owner for their agent's, nor who admits.
// 4. Within one rule people are matched to seats and nobody takes two; one person may count for several rules (ADR-025).
// 5. A rejection by somebody who may approve ends the op, whatever else was signed.
import { type Approval, assertTimes, MAX_APPROVALS, type ReviewNeed, TriplaneError } from "@triplane/contract";
import { type Ask, emptySeats, fits } from "./quorums.ts";
import type { Operator, Policy } from "./schema.ts";
import { personOf, type Signer, signerOf } from "./signers.ts";
import type { DecisionInput, RuleTrace } from "./types.ts";

export interface Tally {
  readonly counted: readonly Approval[];
  readonly missing: readonly ReviewNeed[];
  /** The first rejection that ends the op. */
  readonly rejection?: { readonly approval: Approval; readonly principal: string };
  readonly trace: readonly RuleTrace[];
}

type Verdict = { readonly counts: true; readonly voter: Operator } | { readonly counts: false; readonly why: string };

/** A rejection by the op's own issuer (or the owner of the agent that issued it): a withdrawal. */
export function findWithdrawal(input: DecisionInput, issuer: Signer): Approval | undefined {
  return input.approvals.find((approval) => {
    if (approval.claims.decision !== "reject" || whyNotThisOp(input, approval) !== undefined) return false;
    const signer = signerOf(input.policy, approval.claims.iss);
    if (signer === undefined) return false;
    return signer.principal === issuer.principal || (signer.role === "operator" && signer.principal === personOf(issuer));
  });
}

/** Counts approvals against what the rules that match the op ask for. */
export function tallyApprovals(input: DecisionInput, issuer: Signer, asks: readonly Ask[], lastApprovalS?: number): Tally {
  const trace: RuleTrace[] = [];
  const counted: Approval[] = [];
  const voters = new Map<string, Operator>();
  let rejection: Tally["rejection"];
  for (const approval of input.approvals) {
    const verdict = judge(input, issuer, asks, approval, lastApprovalS);
    const rejects = approval.claims.decision === "reject";
    if (!verdict.counts) {
      trace.push(vote(input, approval, false, verdict.why));
    } else if (rejects) {
      rejection ??= { approval, principal: verdict.voter.principal };
      trace.push(vote(input, approval, true, `${verdict.voter.principal} rejects the op`));
    } else if (voters.has(verdict.voter.principal)) {
      trace.push(vote(input, approval, false, `${verdict.voter.principal} is counted already; people are counted, not keys`));
    } else if (!helps(verdict.voter, asks, voters)) {
      trace.push(vote(input, approval, false, `${verdict.voter.principal} is in no group that still has to approve`));
    } else if (counted.length === MAX_APPROVALS) {
      trace.push(vote(input, approval, false, `an admission carries at most ${MAX_APPROVALS} approvals`));
    } else {
      voters.set(verdict.voter.principal, verdict.voter);
      counted.push(approval);
      trace.push(vote(input, approval, true, `${verdict.voter.principal} approves the op`));
    }
  }
  return { counted, missing: missingNeeds(asks, voters), trace, ...(rejection === undefined ? {} : { rejection }) };
}

/** What a rule asks for, quorum by quorum. */
export function needsOf({ rule, quorums }: Ask): readonly ReviewNeed[] {
  return quorums.map(({ approvals, groups }) => ({ rule, count: approvals, groups: [...groups] }));
}

function missingNeeds(asks: readonly Ask[], voters: ReadonlyMap<string, Operator>): readonly ReviewNeed[] {
  return asks.flatMap((ask) => {
    const empty = emptySeats(ask.quorums, [...voters.values()]);
    return needsOf(ask).flatMap((need, index) => {
      const count = empty[index] ?? need.count;
      return count === 0 ? [] : [{ ...need, count }];
    });
  });
}

/** Whether somebody takes a seat of some rule that would stay empty without them. */
function helps(voter: Operator, asks: readonly Ask[], voters: ReadonlyMap<string, Operator>): boolean {
  const empty = (people: readonly Operator[], { quorums }: Ask) => emptySeats(quorums, people).reduce((sum, seats) => sum + seats, 0);
  const before = [...voters.values()];
  return asks.some((ask) => empty([...before, voter], ask) < empty(before, ask));
}

function maySpeak(voter: Operator, { quorums, objectors = [] }: Ask): boolean {
  return quorums.some((quorum) => fits(voter, quorum)) || voter.groups.some((group) => objectors.includes(group));
}

function judge(input: DecisionInput, issuer: Signer, asks: readonly Ask[], approval: Approval, lastApprovalS: number | undefined): Verdict {
  const no = (why: string): Verdict => ({ counts: false, why });
  const wrongOp = whyNotThisOp(input, approval);
  if (wrongOp !== undefined) return no(wrongOp);
  const signer = signerOf(input.policy, approval.claims.iss);
  if (signer === undefined) return no("its key is in no list of the policy");
  if (signer.role !== "operator")
    return no(`${signer.principal} is an ${signer.role === "keeper" ? "admitting keeper" : signer.role}; only people count`);
  if (!signer.entry.may.includes("Approve")) return no(`${signer.principal} may not approve`);
  if (signer.principal === personOf(issuer))
    return no(issuer.role === "agent" ? `${signer.principal} owns the agent that issued the op` : "nobody approves their own op");
  if (!asks.some((ask) => maySpeak(signer.entry, ask))) return no(`${signer.principal} is in no group that has to approve`);
  if (approval.claims.decision === "reject") return { counts: true, voter: signer.entry };
  const admitter = input.admittedBy === undefined ? undefined : signerOf(input.policy, input.admittedBy);
  if (admitter?.principal === signer.principal) return no(`${signer.principal} admits the op, which does not count as an approval of it`);
  if (lastApprovalS !== undefined && approval.claims.iat > lastApprovalS + input.policy.limits.clock_skew_s)
    return no("it was given after the review had closed");
  const stale = whyStale(input, approval);
  return stale === undefined ? { counts: true, voter: signer.entry } : no(stale);
}

/** The longest lifetime of an approval, in seconds. */
export function maxApprovalS({ limits }: Policy): number {
  return limits.max_approval_s ?? limits.max_lifetime_s;
}

/** For another op, another workspace, or out of its time. */
function whyNotThisOp(input: DecisionInput, approval: Approval): string | undefined {
  const { op, policy, nowS } = input;
  const { claims } = approval;
  if (claims.aud !== op.claims.aud) return "it is meant for another workspace or policy repository";
  if (claims.op_jti !== op.claims.jti || claims.op_digest !== op.token.digest) return "it is for another op";
  try {
    assertTimes(claims, { nowS, clockSkewS: policy.limits.clock_skew_s, maxLifetimeS: maxApprovalS(policy) });
    return undefined;
  } catch (thrown) {
    if (thrown instanceof TriplaneError) return `its time is wrong: ${thrown.message}`;
    throw thrown;
  }
}

/** For what the approver saw, which is not what there is now. */
function whyStale(input: DecisionInput, approval: Approval): string | undefined {
  const { claims } = approval;
  if (input.op.claims.plan !== undefined && claims.plan !== input.op.claims.plan) return "it is for another plan";
  if (claims.policy_commit !== input.policyRef.commit) return "it was given under another commit of the policy";
  if (claims.expected_state_version !== input.op.claims.expected_state_version) return "it is for another version of the target";
  return undefined;
}

function vote(input: DecisionInput, approval: Approval, matched: boolean, why: string): RuleTrace {
  const rule = signerOf(input.policy, approval.claims.iss)?.principal ?? "unknown";
  return { rule, kind: "approval", matched, why: matched ? why : `not counted: ${why}` };
}
