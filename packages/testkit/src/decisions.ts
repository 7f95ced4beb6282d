// Builders of what follows an op: admission, refusal, audit record. Their chain is well-formed, not decided by any policy.
import {
  type AdmissionClaims,
  type AuditClaims,
  digestOf,
  generateSigningKey,
  type Op,
  type RefusalClaims,
  type SigningKey,
  signAdmission,
  signAuditRecord,
  signRefusal,
} from "@triplane/contract";
import { type BuildContext, basics, TEST_COMMIT, TEST_RID } from "./builders.ts";

export interface Built {
  readonly compact: string;
  readonly key: SigningKey;
}

export const TEST_POLICY_REF = { rid: TEST_RID, commit: TEST_COMMIT, digest: digestOf("policy") } as const;

export function buildAdmission(of: Op, claims: Partial<AdmissionClaims> = {}, context: BuildContext = {}): Built {
  const key = context.key ?? generateSigningKey();
  const compact = signAdmission(
    {
      aud: of.claims.aud,
      op: of.token.compact,
      op_jti: of.claims.jti,
      op_digest: of.token.digest,
      policy: TEST_POLICY_REF,
      rule: "auto-apps",
      basis: "auto",
      approvals: [],
      facts: {},
      decided_at: basics(context).nowS,
      ...claims,
    },
    key,
  );
  return { compact, key };
}

export function buildRefusal(of: Op, claims: Partial<RefusalClaims> = {}, context: BuildContext = {}): Built {
  const key = context.key ?? generateSigningKey();
  const compact = signRefusal(
    {
      aud: of.claims.aud,
      op_digest: of.token.digest,
      op: of.token.compact,
      op_jti: of.claims.jti,
      policy: TEST_POLICY_REF,
      code: "policy_denied",
      rule: "default",
      fact: "no rule covers it",
      approvals: [],
      facts: {},
      consumes_seq: true,
      decided_at: basics(context).nowS,
      ...claims,
    },
    key,
  );
  return { compact, key };
}

/** An `applied` record of an admission, or a `refused` one of a refusal. */
export function buildAuditRecord(of: Op, decision: Built, claims: Partial<AuditClaims> = {}, context: BuildContext = {}): Built {
  const key = context.key ?? generateSigningKey();
  const { nowS } = basics(context);
  const compact = signAuditRecord(
    {
      aud: of.claims.aud,
      subject: of.claims.jti,
      basis: "admission",
      decision: decision.compact,
      decision_digest: digestOf(decision.compact),
      outcome: "applied",
      target: of.claims.target,
      accepted_at: nowS,
      finished_at: nowS,
      evidence: {},
      ...claims,
    },
    key,
  );
  return { compact, key };
}
