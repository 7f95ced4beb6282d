// One audit record and one decision taken apart: what they say, and every place where a signature or a digest inside does not fit.
import { digestOf, type Outcome } from "@triplane/contract";
import { type ClaimsOf, readToken, type Token, typOf } from "./jws.ts";

/** What a decision says about an op. */
export interface DecisionFacts {
  readonly kind: "admission" | "refusal";
  readonly digest: string;
  /** Who decided. */
  readonly signer: string;
  readonly audience: string;
  readonly policy: { readonly rid: string; readonly commit: string; readonly digest: string };
  readonly decidedAtS: number;
  /** Since when people could see the op, where the decision rests on that. */
  readonly openSinceS: number | undefined;
  readonly basis: "auto" | "approved" | "unopposed" | "break_glass" | undefined;
  readonly rule: string | undefined;
  /** Failure code of a refusal. */
  readonly code: string | undefined;
  readonly op: OpFacts | undefined;
  readonly opDigest: string;
  readonly consumesSeq: boolean;
  readonly approvals: readonly ApprovalFacts[];
  readonly problems: readonly string[];
}

export interface OpFacts {
  readonly jti: string;
  readonly key: string;
  readonly seq: number;
  readonly kind: string;
  readonly target: string;
  readonly audience: string;
  readonly issuedAtS: number;
  readonly notBeforeS: number | undefined;
  readonly expiresAtS: number;
}

export interface ApprovalFacts {
  readonly key: string;
  readonly decision: "approve" | "reject";
  readonly issuedAtS: number;
  readonly expiresAtS: number;
}

export interface RecordFacts {
  readonly digest: string;
  readonly signer: string;
  readonly subject: string;
  readonly audience: string;
  readonly basis: "admission" | "refusal";
  readonly outcome: Outcome;
  readonly code: string | undefined;
  readonly target: string | undefined;
  readonly versions: { readonly before: number; readonly after: number } | undefined;
  readonly acceptedAtS: number;
  readonly finishedAtS: number;
  readonly decision: DecisionFacts | undefined;
  readonly problems: readonly string[];
}

/** Throws where the bytes are no audit record at all; what is wrong inside one is among its problems. */
export function factsOfRecord(compact: string): RecordFacts {
  const token = readToken(compact, "audit+jwt");
  const { claims } = token;
  const problems: string[] = [];
  if (!token.verified) problems.push(`the record's signature is not ${token.kid}'s`);
  if (digestOf(claims.decision) !== claims.decision_digest) problems.push("its decision is not the one whose digest it names");
  const decision = attempt(problems, () => factsOfDecision(claims.decision));
  if (decision !== undefined) problems.push(...decision.problems, ...misfits(claims, decision));
  const { state_version_before: before, state_version_after: after } = claims;
  return {
    digest: token.digest,
    signer: token.kid,
    subject: claims.subject,
    audience: claims.aud,
    basis: claims.basis,
    outcome: claims.outcome,
    code: claims.code,
    target: claims.target,
    versions: before === undefined || after === undefined ? undefined : { before, after },
    acceptedAtS: claims.accepted_at,
    finishedAtS: claims.finished_at,
    decision,
    problems,
  };
}

/** Throws where the bytes are neither an admission nor a refusal. */
export function factsOfDecision(compact: string): DecisionFacts {
  const isAdmission = typOf(compact) === "admission+jwt";
  const token = isAdmission ? readToken(compact, "admission+jwt") : readToken(compact, "refusal+jwt");
  const problems: string[] = [];
  if (!token.verified) problems.push(`the decision's signature is not ${token.kid}'s`);
  const { claims } = token;
  const compactOp = claims.op;
  const op = compactOp === undefined ? undefined : attempt(problems, () => factsOfOp(compactOp, claims.op_digest, problems));
  if (op !== undefined && claims.op_jti !== undefined && op.jti !== claims.op_jti) problems.push("decision and op do not name the same op");
  const approvals = claims.approvals.flatMap(
    (approval) => attempt(problems, () => factsOfApproval(approval, claims.op_digest, problems)) ?? [],
  );
  return {
    kind: isAdmission ? "admission" : "refusal",
    digest: token.digest,
    signer: token.kid,
    audience: claims.aud,
    policy: claims.policy,
    decidedAtS: claims.decided_at,
    openSinceS: claims.facts.open_since,
    basis: "basis" in claims ? claims.basis : undefined,
    rule: claims.rule,
    code: "code" in claims ? claims.code : undefined,
    op,
    opDigest: claims.op_digest,
    consumesSeq: "consumes_seq" in claims ? claims.consumes_seq : true,
    approvals,
    problems,
  };
}

/** What an op says, without looking at its digest. Throws where the bytes are no op. */
export function factsOfSignedOp(compact: string): OpFacts & { readonly verified: boolean; readonly digest: string } {
  const token = readToken(compact, "op+jwt");
  return { ...opFacts(token), verified: token.verified, digest: token.digest };
}

function factsOfOp(compact: string, digest: string, problems: string[]): OpFacts {
  const token = readToken(compact, "op+jwt");
  if (!token.verified) problems.push(`the op's signature is not ${token.kid}'s`);
  if (token.digest !== digest) problems.push("its op is not the one whose digest the decision names");
  return opFacts(token);
}

function opFacts({ claims, kid }: Token<"op+jwt">): OpFacts {
  const { jti, seq, op, target, aud, iat, nbf, exp } = claims;
  return { jti, key: kid, seq, kind: op, target, audience: aud, issuedAtS: iat, notBeforeS: nbf, expiresAtS: exp };
}

function factsOfApproval(compact: string, opDigest: string, problems: string[]): ApprovalFacts {
  const token = readToken(compact, "approval+jwt");
  if (!token.verified) problems.push(`an approval's signature is not ${token.kid}'s`);
  if (token.claims.op_digest !== opDigest) problems.push("an approval in it is for another op");
  return { key: token.kid, decision: token.claims.decision, issuedAtS: token.claims.iat, expiresAtS: token.claims.exp };
}

function misfits(record: ClaimsOf<"audit+jwt">, decision: DecisionFacts): readonly string[] {
  const found: string[] = [];
  const { op } = decision;
  if (record.basis !== decision.kind) found.push(`the record says ${record.basis}, and its decision is of the kind ${decision.kind}`);
  if (record.aud !== decision.audience) found.push("record and decision are for different audiences");
  if (op !== undefined && decision.kind === "admission" && op.audience !== record.aud)
    found.push("record and op are for different audiences");
  if (decision.kind === "admission" && op === undefined) found.push("it admits and carries no op");
  if (op !== undefined && record.target !== undefined && record.target !== op.target) found.push("record and op name different targets");
  const names = new Set([op?.jti, decision.opDigest]);
  if (!names.has(record.subject)) found.push(`its subject ${record.subject} is neither its op's jti nor its digest`);
  if (
    record.subject === decision.opDigest &&
    decision.kind === "admission" &&
    !(record.outcome === "refused" && record.code === "jti_reused")
  )
    found.push("an admitted op is filed under its digest");
  if (decision.kind === "refusal" && record.outcome !== "refused" && record.outcome !== "expired")
    found.push(`the decision refuses, and the outcome is ${record.outcome}`);
  return found;
}

function attempt<T>(problems: string[], work: () => T): T | undefined {
  try {
    return work();
  } catch (thrown) {
    problems.push(thrown instanceof Error ? thrown.message : String(thrown));
    return undefined;
  }
}
