// Records that nobody should be able to make: signed by a stolen key, or past everything that the product checks.
import {
  type AdmissionClaims,
  type AuditClaims,
  type AuditRecord,
  digestOf,
  type OpClaims,
  type SigningKey,
  signAdmission,
  signAuditRecord,
  signOp,
  signRefusal,
  uuid7,
  verifyAdmission,
} from "@triplane/contract";
import { systemClock, systemRandom } from "@triplane/kit";

export interface Forgery {
  /** Whose record is taken as the pattern. */
  readonly like: AuditRecord;
  readonly issuer: SigningKey;
  readonly decider: SigningKey;
  readonly controller: SigningKey;
  readonly op?: Partial<OpClaims>;
  readonly admission?: Partial<AdmissionClaims>;
  readonly record?: Partial<AuditClaims>;
}

/** An applied record of a new op, admitted by the decider. */
export function forgedRecord(forgery: Forgery): string {
  const { like, issuer, decider, controller } = forgery;
  const pattern = verifyAdmission(like.claims.decision).claims;
  const nowS = Math.floor(systemClock.nowMs() / 1000);
  const jti = uuid7(systemClock.nowMs(), systemRandom.bytes(10));
  const op = signOp(
    {
      ...{ aud: pattern.aud, jti, iat: nowS - 10, exp: nowS + 600, seq: 1, op: "component.deploy", target: "flags-forged" },
      ...{ scope: "platform", expected_state_version: 0, args: { component: "flags" } },
      ...forgery.op,
    },
    issuer,
  );
  const { iss: _iss, ...kept } = pattern;
  const named = { op, op_jti: jti, op_digest: digestOf(op), decided_at: nowS, approvals: [] };
  const decision = signAdmission({ ...kept, ...named, ...forgery.admission }, decider);
  return signRecord(like, controller, { subject: jti, decision, target: "flags-forged", basis: "admission", ...forgery.record });
}

/** A record that says applied, and carries a refusal. */
export function appliedRefusal(forgery: Forgery): string {
  const { like, issuer, decider, controller } = forgery;
  const pattern = verifyAdmission(like.claims.decision).claims;
  const nowS = Math.floor(systemClock.nowMs() / 1000);
  const jti = uuid7(systemClock.nowMs(), systemRandom.bytes(10));
  const op = signOp(
    {
      ...{ aud: pattern.aud, jti, iat: nowS - 10, exp: nowS + 600, seq: 1, op: "component.remove", target: "flags-forged" },
      ...{ scope: "platform", expected_state_version: 0, args: {} },
    },
    issuer,
  );
  const about = { aud: pattern.aud, op, op_jti: jti, op_digest: digestOf(op), policy: pattern.policy, decided_at: nowS };
  const decision = signRefusal(
    { ...about, code: "policy_denied", rule: "default", fact: "no rule", approvals: [], facts: {}, consumes_seq: false },
    decider,
  );
  return signRecord(like, controller, { subject: jti, decision, basis: "refusal", target: "flags-forged" });
}

function signRecord(like: AuditRecord, controller: SigningKey, claims: Partial<AuditClaims> & { readonly decision: string }): string {
  const { iss: _iss, code: _code, state_version_before: _before, state_version_after: _after, ...kept } = like.claims;
  return signAuditRecord({ ...kept, outcome: "applied", ...claims, decision_digest: digestOf(claims.decision) }, controller);
}
