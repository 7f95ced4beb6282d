// One record on its own: every signature inside it, and that what it says fits what it carries.
import {
  type Admission,
  type AuditRecord,
  type Did,
  digestOf,
  type Op,
  TriplaneError,
  verifyAdmission,
  verifyApproval,
  verifyAuditRecord,
  verifyOp,
  verifyRefusal,
} from "@triplane/contract";

/** What is counted together: a key's ops; those that break the glass on their own, because no keeper sees them (ADR-040). */
export type NumberedLine = Did | `${Did}#break-glass`;

/** A use of a sequence number. */
export interface SequenceUse {
  readonly key: NumberedLine;
  readonly seq: number;
  /** Seconds since 1970 at which the keeper decided. */
  readonly decidedAtS: number;
}

export interface CheckedRecord {
  readonly record: AuditRecord;
  /** Undefined where the decision consumed no number. */
  readonly sequence: SequenceUse | undefined;
  /** What it carries, verified; undefined where it carries a refusal, or that no op. */
  readonly admission: Admission | undefined;
  readonly op: Op | undefined;
}

export interface RecordRules {
  readonly workspace: string;
  readonly controller: Did;
  /** The audience that the ledger's records have; the first record sets it where no policy was pinned. */
  readonly audience: string | undefined;
}

/** Throws `ledger_record_invalid`, with the failure inside as its cause. */
export function checkRecord(compact: string, rules: RecordRules): CheckedRecord {
  try {
    const record = verifyAuditRecord(compact);
    const { claims } = record;
    if (claims.iss !== rules.controller) throw wrong(`it was signed by ${claims.iss}, not by the ops-controller`);
    if (!claims.aud.startsWith(`${rules.workspace}/`)) throw wrong(`it is for ${claims.aud}, not for ${rules.workspace}`);
    if (rules.audience !== undefined && claims.aud !== rules.audience) throw wrong(`its audience is ${claims.aud}, not ${rules.audience}`);
    if (digestOf(claims.decision) !== claims.decision_digest) throw wrong("its decision does not have the digest that it names");
    return { record, ...(claims.basis === "admission" ? checkAdmission(record) : checkRefusal(record)) };
  } catch (cause) {
    if (cause instanceof TriplaneError && cause.code === "ledger_record_invalid") throw cause;
    throw new TriplaneError("ledger_record_invalid", cause instanceof Error ? cause.message : "it cannot be read", { cause });
  }
}

type Carried = Omit<CheckedRecord, "record">;

function checkAdmission(record: AuditRecord): Carried {
  const { claims } = record;
  const admission = verifyAdmission(claims.decision);
  const decision = admission.claims;
  const op = verifyOp(decision.op);
  checkOp(record, op, decision.op_digest, decision.aud);
  // Where another op has the jti, the record is filed under the digest of this op's bytes.
  const isReuse = claims.outcome === "refused" && claims.code === "jti_reused";
  if (op.claims.jti !== decision.op_jti || claims.subject !== (isReuse ? decision.op_digest : decision.op_jti))
    throw wrong("record, admission and op do not name the same op");
  checkApprovals(decision.approvals, op);
  const key: NumberedLine = decision.basis === "break_glass" ? `${op.claims.iss}#break-glass` : op.claims.iss;
  return { admission, op, sequence: { key, seq: op.claims.seq, decidedAtS: decision.decided_at } };
}

function checkRefusal(record: AuditRecord): Carried {
  const { claims } = record;
  const decision = verifyRefusal(claims.decision).claims;
  if (claims.outcome !== "refused" && claims.outcome !== "expired") throw wrong(`a refused op has the outcome ${claims.outcome}`);
  if (decision.aud !== claims.aud) throw wrong("record and refusal are for different audiences");
  if (claims.subject !== decision.op_jti && claims.subject !== decision.op_digest)
    throw wrong("record and refusal do not name the same op");
  if (decision.op === undefined) {
    if (decision.consumes_seq) throw wrong("a refusal without an op cannot consume a number");
    return { admission: undefined, op: undefined, sequence: undefined };
  }
  const op = verifyOp(decision.op);
  checkOp(record, op, decision.op_digest, decision.aud);
  if (decision.op_jti !== undefined && op.claims.jti !== decision.op_jti) throw wrong("refusal and op do not name the same op");
  checkApprovals(decision.approvals, op);
  const sequence = decision.consumes_seq ? { key: op.claims.iss, seq: op.claims.seq, decidedAtS: decision.decided_at } : undefined;
  return { admission: undefined, op, sequence };
}

function checkOp(record: AuditRecord, op: Op, opDigest: string, decisionAudience: string): void {
  const { claims } = record;
  if (op.token.digest !== opDigest) throw wrong("its op does not have the digest that the decision names");
  // A refused op may be refused for its audience; an admitted one never has another.
  if (decisionAudience !== claims.aud || (claims.basis === "admission" && op.claims.aud !== claims.aud))
    throw wrong("record, decision and op are for different audiences");
  if (claims.target !== undefined && claims.target !== op.claims.target) throw wrong("it names another target than its op");
}

function checkApprovals(approvals: readonly string[], op: Op): void {
  for (const compact of approvals) {
    const approval = verifyApproval(compact).claims;
    if (approval.op_digest !== op.token.digest || approval.op_jti !== op.claims.jti) throw wrong("an approval in it is for another op");
  }
}

function wrong(why: string): TriplaneError {
  return new TriplaneError("ledger_record_invalid", why);
}
