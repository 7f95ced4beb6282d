// The controller's decisions: a proven message, what the database knows, and the time go in; rows to commit and what follows come out. Pure.
//
// 1. Every proven message ends in a row before its ack (`persist-before-ack`), and every row in exactly one audit record (`every-command-lands`).
// 2. One row per subject. A subject is the op's jti, or the digest of the submitted bytes where the jti is not theirs (`applied-once`).
// 3. A known op is answered with the receipt that it has; nothing about it is decided again.
// 4. An op's lifetime was judged when the keeper took it in; a late apply is not a refusal.
import {
  type ApplyRequest,
  type Clock,
  type Digest,
  digestOf,
  formatAudience,
  nowSeconds,
  type Op,
  type ResultSeen,
  type SigningKey,
  type TriplaneError,
  verifyAdmission,
  verifyOp,
} from "@triplane/contract";
import { signerOf, type VerifiedDecision } from "@triplane/policy";
import type { Withheld } from "./glass/judge.ts";
import { type Outcome, outcomeOfRefusal, signRecord } from "./record.ts";
import type { AcceptedRow, FinishedRow, OpRow, OutboxRow, RejectedRow } from "./rows.ts";

export interface ServiceParts {
  readonly audience: { readonly workspace: string; readonly policyRid: string };
  readonly key: SigningKey;
  readonly clock: Clock;
}

/** Subjects under which a proven decision may be known: the jti, and the digest of the bytes. */
export interface Subjects {
  readonly jti: string | undefined;
  readonly digest: Digest;
}

export interface Known {
  readonly byJti: OpRow | undefined;
  readonly byDigest: OpRow | undefined;
}

export interface Intake {
  readonly decision: VerifiedDecision;
  readonly compact: string;
  /** Why the op is recorded and not applied. */
  readonly withheld?: Withheld | undefined;
  readonly known: Known;
  readonly streamSeq: number;
  /** Seconds since 1970: when it is accepted, and the time at which who is frozen was judged. */
  readonly nowS: number;
  /** The next position of this database. */
  readonly position: number;
}

export type IntakeStep =
  /** Commit the row, ack, then apply. */
  | { readonly kind: "accept"; readonly row: AcceptedRow }
  /** Commit row and outbox row together, ack. */
  | { readonly kind: "finish"; readonly row: FinishedRow; readonly outbox: OutboxRow }
  /** Known and ended: put the receipt into the outbox again, ack. */
  | { readonly kind: "receipt"; readonly row: FinishedRow; readonly outbox: OutboxRow }
  /** Known and on its way: ack. */
  | { readonly kind: "in_hand"; readonly row: AcceptedRow };

export class ControllerService {
  readonly #parts: ServiceParts;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** What becomes of a proven message. */
  takeIn(intake: Intake): IntakeStep {
    const { decision, known, position } = intake;
    const subjects = subjectsOf(decision);
    const rightful = rightfulOf(known, subjects);
    if (rightful !== undefined) {
      if (rightful.state === "accepted") return { kind: "in_hand", row: rightful };
      return { kind: "receipt", row: rightful, outbox: receiptOf(rightful, position) };
    }
    const jtiTaken = known.byJti !== undefined;
    const admits = decision.kind === "admission" && intake.withheld === undefined;
    if (admits && !jtiTaken) return { kind: "accept", row: this.#acceptedRow(intake, decision) };
    const ownName = subjects.jti !== undefined && !jtiTaken && !isReuse(decision);
    return this.#finishAtOnce(intake, ownName ? (subjects.jti ?? subjects.digest) : subjects.digest, atOnce(intake, jtiTaken));
  }

  /** The row and outbox row that end an accepted op. */
  finish(row: AcceptedRow, outcome: Outcome, position: number): { readonly row: FinishedRow; readonly outbox: OutboxRow } {
    const { state: _state, target: _target, decision, ...kept } = row;
    const record = this.#record({ subject: row.subject, basis: "admission", decision, acceptedAtS: row.accepted_at }, outcome);
    const revision = outcome.workspaceRevision;
    const finished: FinishedRow = {
      ...{ ...kept, state: "finished", outcome: outcome.outcome, ...codeOf(outcome), record },
      ...(revision === undefined ? {} : { revision }),
    };
    return { row: finished, outbox: receiptOf(finished, position) };
  }

  /** What is kept of a message that proves nothing. */
  reject(raw: Uint8Array, streamSeq: number, reason: TriplaneError): { readonly id: Digest; readonly row: RejectedRow } {
    const row = {
      code: reason.code,
      reason: reason.message.slice(0, 1000),
      stream_seq: streamSeq,
      at: nowSeconds(this.#parts.clock),
      size_bytes: raw.length,
      bytes: Buffer.from(raw.subarray(0, MAX_KEPT_BYTES)).toString("base64"),
    };
    return { id: digestOf(raw), row };
  }

  #finishAtOnce(intake: Intake, subject: string, outcome: Outcome): IntakeStep {
    const { decision, compact, streamSeq, position, nowS } = intake;
    const record = this.#record({ subject, basis: decision.kind, decision: compact, acceptedAtS: nowS }, outcome);
    const row: FinishedRow = {
      subject,
      op_digest: subjectsOf(decision).digest,
      position,
      stream_seq: streamSeq,
      accepted_at: nowS,
      ...answerOf(decision),
      state: "finished",
      outcome: outcome.outcome,
      ...codeOf(outcome),
      record,
    };
    return { kind: "finish", row, outbox: receiptOf(row, position) };
  }

  #acceptedRow(intake: Intake, decision: Extract<VerifiedDecision, { kind: "admission" }>): AcceptedRow {
    const { jti, target } = decision.op.claims;
    return {
      subject: jti,
      op_digest: decision.op.token.digest,
      position: intake.position,
      stream_seq: intake.streamSeq,
      accepted_at: intake.nowS,
      ...answerOf(decision),
      state: "accepted",
      target,
      decision: intake.compact,
    };
  }

  #record(about: { subject: string; basis: "admission" | "refusal"; decision: string; acceptedAtS: number }, outcome: Outcome): string {
    const { audience, key, clock } = this.#parts;
    // The orchestrator's time, and no clock of ours: a controller that has to record an op again, because its disk lied, signs the same bytes.
    const finishedAtS = Math.max(about.acceptedAtS, outcome.finishedAtS ?? nowSeconds(clock));
    return signRecord({ ...about, aud: formatAudience(audience), finishedAtS }, outcome, key);
  }
}

const MAX_KEPT_BYTES = 16 * 1024;

export function subjectsOf(decision: VerifiedDecision): Subjects {
  if (decision.kind === "admission") return { jti: decision.op.claims.jti, digest: decision.op.token.digest };
  return { jti: decision.op?.claims.jti, digest: decision.refusal.claims.op_digest };
}

/** The row of these very bytes, where they were taken in before. */
export function rightfulOf(known: Known, { digest }: Subjects): OpRow | undefined {
  return known.byJti?.op_digest === digest ? known.byJti : known.byDigest;
}

/** The op of a row that this process did not verify itself. */
export function opOf(row: AcceptedRow): Op {
  return verifyOp(verifyAdmission(row.decision).claims.op);
}

/** The call that applies an accepted op. */
export function applyRequestOf(op: Op, fence: number, seen?: ResultSeen): ApplyRequest {
  const { claims } = op;
  return {
    fence,
    ...(seen === undefined ? {} : { seen }),
    jti: claims.jti,
    op_digest: op.token.digest,
    op: claims.op,
    target: claims.target,
    args: claims.args,
    expected_state_version: claims.expected_state_version,
    ...(claims.plan === undefined ? {} : { plan: claims.plan }),
  };
}

/** The keeper's word that the jti is somebody else's: the record must not take that name. */
function isReuse(decision: VerifiedDecision): boolean {
  return decision.kind === "refusal" && decision.refusal.claims.code === "jti_reused";
}

/** A refusal, an admission of an op whose jti another op has, or one that is withheld: taken back by the policy in force, or of somebody frozen. */
function atOnce({ decision, withheld }: Intake, jtiTaken: boolean): Outcome {
  if (decision.kind === "refusal") return outcomeOfRefusal(decision);
  const { target } = decision.op.claims;
  if (jtiTaken || withheld === undefined) return { outcome: "refused", code: "jti_reused", target, evidence: {} };
  return { outcome: "refused", code: withheld.code, target, evidence: { fact: withheld.fact, ...withheld.evidence } };
}

function codeOf(outcome: Outcome): { readonly code?: string } {
  return outcome.code === undefined ? {} : { code: outcome.code };
}

function answerOf(decision: VerifiedDecision): Pick<OpRow, "answer_to"> {
  if (decision.op === undefined) return {};
  const { iss, jti } = decision.op.claims;
  const signer = signerOf(decision.policy, iss);
  return signer === undefined ? {} : { answer_to: { principal: signer.principal, jti } };
}

function receiptOf(row: FinishedRow, position: number): OutboxRow {
  return { kind: "audit", position, record: row.record, ...(row.answer_to === undefined ? {} : { answer_to: row.answer_to }) };
}
