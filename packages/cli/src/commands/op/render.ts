// How ops, plans and outcomes read.
import {
  type AuditClaims,
  digestWords,
  type FailureCode,
  failure,
  isFailureCode,
  type Json,
  type Plan,
  verifyAuditRecord,
  verifyRefusal,
} from "@triplane/contract";
import type { OpOutcome, OutboxOp } from "@triplane/submitter";
import { facts, utc } from "../../framework/table.ts";

export function renderPlan(plan: Plan): string {
  const actions = plan.actions.map((action) => `  ${action.action.padEnd(8)}${action.target.padEnd(12)} ${action.summary}`);
  return [`plan for ${plan.op} ${plan.target} at version ${plan.state_version}`, ...actions, `  digest  ${plan.digest}`].join("\n");
}

/** What an audit record says, as data for people and scripts. */
export interface OutcomeView {
  readonly outcome: AuditClaims["outcome"];
  readonly code?: string;
  readonly target?: string;
  readonly versionBefore?: number;
  readonly versionAfter?: number;
  readonly finishedAt: string;
  /** Present for a refusal by the keeper. */
  readonly refusal?: { readonly rule?: string; readonly fact: string; readonly nearest?: { readonly [key: string]: Json } };
  readonly evidence: { readonly [key: string]: Json };
}

export function viewOutcome(outcome: OpOutcome): OutcomeView {
  const { claims } = verifyAuditRecord(outcome.record);
  const refusal = claims.basis === "refusal" ? verifyRefusal(claims.decision).claims : undefined;
  return {
    outcome: claims.outcome,
    ...(claims.code === undefined ? {} : { code: claims.code }),
    ...(claims.target === undefined ? {} : { target: claims.target }),
    ...(claims.state_version_before === undefined ? {} : { versionBefore: claims.state_version_before }),
    ...(claims.state_version_after === undefined ? {} : { versionAfter: claims.state_version_after }),
    finishedAt: utc(claims.finished_at),
    ...(refusal === undefined
      ? {}
      : {
          refusal: {
            ...(refusal.rule === undefined ? {} : { rule: refusal.rule }),
            fact: refusal.fact,
            ...(refusal.nearest === undefined ? {} : { nearest: refusal.nearest }),
          },
        }),
    evidence: claims.evidence,
  };
}

export function renderOutcome(view: OutcomeView): string {
  const change = view.versionAfter === undefined ? undefined : `version ${view.versionBefore ?? 0} → ${view.versionAfter}`;
  return facts([
    ["outcome", view.outcome],
    ["code", view.code],
    ["why", view.code !== undefined && isFailureCode(view.code) ? failure(view.code satisfies FailureCode).what : undefined],
    ["rule", view.refusal?.rule],
    ["fact", view.refusal?.fact],
    ["nearest", view.refusal?.nearest === undefined ? undefined : JSON.stringify(view.refusal.nearest)],
    [view.target ?? "target", change],
    ["finished", view.finishedAt],
  ]);
}

/** An op of the outbox as data. */
export interface OpView {
  readonly jti: string;
  readonly kind: string;
  readonly target: string;
  readonly seq: number;
  readonly digest: string;
  /** The digest in words: who approves the op sees the same ones. */
  readonly words: string;
  readonly issuedAt: string;
  readonly expiresAt: string;
  readonly stage: "waiting" | "review" | "outcome";
  readonly outcome?: OutcomeView;
}

export function viewOp(op: OutboxOp, stage?: "review"): OpView {
  const { claims, digest, entry } = op;
  return {
    jti: claims.jti,
    kind: claims.op,
    target: claims.target,
    seq: claims.seq,
    digest,
    words: digestWords(digest),
    issuedAt: utc(claims.iat),
    expiresAt: utc(claims.exp),
    stage: entry.outcome === undefined ? (stage ?? "waiting") : "outcome",
    ...(entry.outcome === undefined ? {} : { outcome: viewOutcome(entry.outcome) }),
  };
}

/** One word on where an op is. */
export function stageWord(view: OpView): string {
  return view.outcome?.outcome ?? (view.stage === "review" ? "in review" : "waiting");
}
