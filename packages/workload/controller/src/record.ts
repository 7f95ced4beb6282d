// Audit records: what became of an op, as the controller signs it. Pure; the same inputs give the same bytes.
import {
  type ApplyResult,
  type AuditClaims,
  canonicalJson,
  digestOf,
  isFailureCode,
  type Json,
  type SigningKey,
  signAuditRecord,
  TriplaneError,
} from "@triplane/contract";
import type { VerifiedDecision } from "@triplane/policy";
import type { AcceptedRow } from "./rows.ts";

export interface Outcome {
  readonly outcome: AuditClaims["outcome"];
  readonly code?: string;
  readonly target?: string;
  readonly versions?: { readonly before: number; readonly after: number };
  readonly workspaceRevision?: number;
  /** Seconds since 1970, as the orchestrator keeps it; absent where it does not. */
  readonly finishedAtS?: number;
  readonly evidence: { readonly [key: string]: Json };
}

export interface RecordBasis {
  readonly subject: string;
  readonly aud: string;
  readonly basis: "admission" | "refusal";
  readonly decision: string;
  readonly acceptedAtS: number;
  readonly finishedAtS: number;
}

/** What the orchestrator's result means for the record. `running` is no outcome. */
export function outcomeOf(result: ApplyResult): Outcome {
  if (result.status === "running") throw new TriplaneError("internal", `the op ${result.jti} still runs`);
  return {
    outcome: result.status,
    ...(result.status === "applied" ? {} : { code: codeOf(result) }),
    target: result.target,
    versions: { before: result.state_version_before, after: result.state_version_after },
    workspaceRevision: result.workspace_revision,
    ...(result.finished_at === undefined ? {} : { finishedAtS: result.finished_at }),
    evidence: result.evidence,
  };
}

function codeOf(result: ApplyResult): string {
  if (result.code !== undefined && isFailureCode(result.code)) return result.code;
  return result.status === "conflict" ? "version_conflict" : "apply_failed";
}

/** The orchestrator refused the call itself, for good: nothing was applied. */
export function outcomeOfRefusedCall(row: AcceptedRow, error: TriplaneError): Outcome {
  return { outcome: "failed", code: error.code, target: row.target, evidence: { message: error.message.slice(0, 1000) } };
}

/** Signs the record. Evidence that does not fit is replaced by its digest; what was decided always fits. */
export function signRecord(basis: RecordBasis, outcome: Outcome, key: SigningKey): string {
  try {
    return sign(basis, outcome, key);
  } catch (error) {
    if (!(error instanceof TriplaneError) || error.code !== "token_too_large") throw error;
    const text = canonicalJson(outcome.evidence);
    return sign(basis, { ...outcome, evidence: { omitted_bytes: Buffer.byteLength(text), omitted_digest: digestOf(text) } }, key);
  }
}

function sign(basis: RecordBasis, outcome: Outcome, key: SigningKey): string {
  return signAuditRecord(
    {
      aud: basis.aud,
      subject: basis.subject,
      basis: basis.basis,
      decision: basis.decision,
      decision_digest: digestOf(basis.decision),
      outcome: outcome.outcome,
      ...(outcome.code === undefined ? {} : { code: outcome.code }),
      ...(outcome.target === undefined ? {} : { target: outcome.target }),
      ...(outcome.versions === undefined
        ? {}
        : { state_version_before: outcome.versions.before, state_version_after: outcome.versions.after }),
      ...(outcome.workspaceRevision === undefined ? {} : { workspace_revision: outcome.workspaceRevision }),
      accepted_at: basis.acceptedAtS,
      finished_at: basis.finishedAtS,
      evidence: outcome.evidence,
    },
    key,
  );
}

/** The keeper's no, as the record says it: the code is the keeper's word. */
export function outcomeOfRefusal(verified: Extract<VerifiedDecision, { kind: "refusal" }>): Outcome {
  const target = verified.op?.claims.target;
  return { outcome: "refused", code: verified.refusal.claims.code, ...(target === undefined ? {} : { target }), evidence: {} };
}
