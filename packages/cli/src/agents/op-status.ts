// How an op of an agent reads to the agent. Whatever others wrote comes without control and format characters.
import { failure, isFailureCode } from "@triplane/contract";
import { printableLine } from "@triplane/kit";
import type { OpStatus, OpWish, Prospect } from "@triplane/mcp";
import type { Decision } from "@triplane/policy";
import { explain } from "@triplane/policy";
import type { OpStage, OutboxOp } from "@triplane/submitter";
import { type OutcomeView, viewOp } from "../commands/op/render.ts";
import { utc } from "../framework/table.ts";
import type { Planned } from "../people/person.ts";

const MAX_TEXT = 2000;

/** Pure. Without a stage, what the outbox alone knows. */
export function opStatus(op: OutboxOp, requestId: string | undefined, stage?: OpStage): OpStatus {
  const entry = stage?.stage === "outcome" ? { ...op.entry, outcome: stage.outcome } : op.entry;
  const view = viewOp({ ...op, entry });
  const { kind, target, words, digest, issuedAt, expiresAt, outcome } = view;
  const { jti, args, reason } = op.claims;
  return {
    ...{ jti, kind, target, args, words, digest, issuedAt, expiresAt },
    ...(requestId === undefined ? {} : { requestId }),
    ...(reason === undefined ? {} : { reason }),
    state: outcome?.outcome ?? (stage?.stage === "review" ? "pending_approval" : "sent"),
    ...(stage?.stage === "review" ? { waitsFor: waitsFor(stage) } : {}),
    ...(outcome === undefined ? {} : { outcome: outcomeOf(outcome) }),
  };
}

function waitsFor({ needs, unopposed }: Extract<OpStage, { stage: "review" }>): NonNullable<OpStatus["waitsFor"]> {
  return {
    needs,
    ...(unopposed === undefined ? {} : { unopposed: { groups: unopposed.groups, runsAt: utc(unopposed.runs_at) } }),
  };
}

function outcomeOf({ code, refusal, versionBefore, versionAfter, finishedAt, evidence }: OutcomeView): NonNullable<OpStatus["outcome"]> {
  const row = code !== undefined && isFailureCode(code) ? failure(code) : undefined;
  return {
    ...(code === undefined ? {} : { code }),
    ...(row === undefined ? {} : { why: row.what, hint: row.hint }),
    ...(refusal?.rule === undefined ? {} : { rule: refusal.rule }),
    ...(refusal === undefined ? {} : { fact: printableLine(refusal.fact, MAX_TEXT) }),
    ...(refusal?.nearest === undefined ? {} : { nearest: refusal.nearest }),
    ...(versionBefore === undefined ? {} : { versionBefore }),
    ...(versionAfter === undefined ? {} : { versionAfter }),
    ...{ finishedAt, evidence },
  };
}

/** Pure: a plan and what the policy says of it. */
export function prospectOf({ plan, draft }: Planned, decision: Decision, policyCommit: string): Prospect {
  return {
    stateVersion: plan.state_version,
    actions: plan.actions.map(({ action, target, summary }) => ({ action, target, summary: printableLine(summary, MAX_TEXT) })),
    planDigest: plan.digest,
    scope: draft.scope,
    verdict: decision.verdict,
    ...(decision.verdict !== "review" && decision.rule !== undefined ? { rule: decision.rule } : {}),
    ...(decision.verdict === "refuse" ? { code: decision.code, fact: decision.fact } : {}),
    ...(decision.verdict === "refuse" && decision.nearest !== undefined ? { nearest: decision.nearest } : {}),
    needs: decision.verdict === "review" ? decision.missing : [],
    explanation: explain(decision),
    policyCommit,
  };
}

/** What a request id stands for; how long it is valid is none of it. */
export function wishOf({ kind, target, args, reason }: OpWish) {
  return { kind, target, args, reason };
}
