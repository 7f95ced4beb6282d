// The audit record: the ops-controller's signed word on what became of an op. One per op ends in the ledger.
import { z } from "zod";
import type { SigningKey } from "../ed25519.ts";
import { type ParsedToken, signToken, verifyToken } from "../jws.ts";
import { audienceField, compactField, didField, digestField, jsonRecordField, readClaims, secondsField, versionField } from "./claims.ts";

export const AUDIT_TYP = "audit+jwt";

export const OUTCOMES = ["applied", "failed", "conflict", "expired", "refused"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const auditClaimsSchema = z.strictObject({
  /** The ops-controller's key. */
  iss: didField,
  aud: audienceField,
  /**
   * What the record is about, unique in the ledger: the op's jti, or, where the bytes were no op of a known key
   * or reuse another op's jti, the digest of the submitted bytes.
   */
  subject: z.string().regex(/^(?:[0-9a-f-]{36}|sha256:[0-9a-f]{64})$/),
  /** Whether `decision` is an admission or a refusal. */
  basis: z.enum(["admission", "refusal"]),
  decision: compactField,
  decision_digest: digestField,
  outcome: z.enum(OUTCOMES),
  /** Failure code of the table where the outcome is not `applied`. */
  code: z.string().max(64).optional(),
  target: z.string().max(64).optional(),
  state_version_before: versionField.optional(),
  state_version_after: versionField.optional(),
  workspace_revision: versionField.optional(),
  accepted_at: secondsField,
  finished_at: secondsField,
  /** The orchestrator's evidence: what it did and saw. Never a secret. */
  evidence: jsonRecordField,
});

export type AuditClaims = z.infer<typeof auditClaimsSchema>;

export interface AuditRecord {
  readonly token: ParsedToken;
  readonly claims: AuditClaims;
}

export function signAuditRecord(claims: Omit<AuditClaims, "iss">, key: SigningKey): string {
  return signToken(AUDIT_TYP, auditClaimsSchema.parse({ ...claims, iss: key.did }), key);
}

/** Verifies the record's own form, claims and signature only; the chain inside is the caller's next step. */
export function verifyAuditRecord(compact: string): AuditRecord {
  const token = verifyToken(compact, AUDIT_TYP);
  return { token, claims: readClaims(token, auditClaimsSchema) };
}
