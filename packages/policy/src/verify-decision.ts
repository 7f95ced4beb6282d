// Verification of a decision that somebody else made: nothing of it is believed, all of it is run again.
// Used at every hop behind the keeper (`chain-verified-at-every-hop`).
//
// 1. Whatever does not fit throws `chain_broken`; there is no partial result.
// 2. The signer's right to decide is looked up in the very policy that the decision names, which the caller must know.
import {
  type Admission,
  type Approval,
  assertAudience,
  type Did,
  type Op,
  type PolicyRef,
  parseToken,
  type Refusal,
  TriplaneError,
  verifyAdmission,
  verifyApproval,
  verifyOp,
  verifyRefusal,
} from "@triplane/contract";
import { decide } from "./decide.ts";
import type { Policy } from "./schema.ts";
import { signerOf } from "./signers.ts";
import type { Decision, LoadedPolicy, VerifiedDecision, VerifyDecisionInput } from "./types.ts";

/**
 * Refusals that follow from op, policy, approvals, facts and time alone, and so can be run again.
 * The others (sequence, reuse of a jti, a form that is not an op) rest on what the keeper saw.
 */
const DECIDED: ReadonlySet<string> = new Set([
  "policy_denied",
  "scope_exceeded",
  "review_rejected",
  "review_expired",
  "op_withdrawn",
  "aud_mismatch",
  "workspace_mismatch",
  "token_expired",
  "token_not_yet_valid",
  "clock_skew",
  "lifetime_too_long",
]);

/** Whether a refusal with this code follows from op, policy, approvals, facts and time, and so can be run again. */
export function isDecidedCode(code: string): boolean {
  return DECIDED.has(code);
}

/** Verifies an admission or a refusal and everything inside. Throws `chain_broken` with the reason; `cause` keeps the inner failure. */
export function verifyDecision(input: VerifyDecisionInput): VerifiedDecision {
  try {
    const { compact, verifiedAdmission } = input;
    const admission = verifiedAdmission?.token.compact === compact ? verifiedAdmission : asAdmission(compact);
    return admission === undefined ? verifyRefused(input) : verifyAdmitted(input, admission);
  } catch (cause) {
    if (!(cause instanceof TriplaneError) || cause.code === "chain_broken") throw cause;
    throw new TriplaneError("chain_broken", `${cause.code}: ${cause.message}`, { cause, details: { reason: cause.code } });
  }
}

/** The policy commit that an admission or refusal names, NOT verified: for loading that policy before `verifyDecision`. Throws `chain_broken`. */
export function policyCommitOf(compact: string): string {
  try {
    const { payload } = parseToken(compact, isAdmission(compact) ? "admission+jwt" : "refusal+jwt");
    const policy = payload["policy"];
    const commit = typeof policy === "object" && policy !== null && "commit" in policy ? policy["commit"] : undefined;
    if (typeof commit === "string" && /^[0-9a-f]{40}$/.test(commit)) return commit;
  } catch (cause) {
    throw new TriplaneError("chain_broken", "the bytes are neither an admission nor a refusal", { cause });
  }
  throw new TriplaneError("chain_broken", "the decision names no policy commit");
}

function isAdmission(compact: string): boolean {
  try {
    parseToken(compact, "admission+jwt");
    return true;
  } catch (thrown) {
    if (thrown instanceof TriplaneError && thrown.code === "typ_refused") return false;
    throw thrown;
  }
}

/** The verified admission, or undefined where the bytes call themselves something else. */
function asAdmission(compact: string): Admission | undefined {
  try {
    return verifyAdmission(compact);
  } catch (thrown) {
    if (thrown instanceof TriplaneError && thrown.code === "typ_refused") return undefined;
    throw thrown;
  }
}

/**
 * Decides about an admitted op again under another policy, with the approvals, facts and time of its admission. Approvals
 * keep counting although they name the policy that was in force when they were given; those that `counts` leaves out do not.
 */
export function decideUnder(policy: Policy, admission: Admission, counts: (approval: Approval) => boolean = () => true): Decision {
  const { claims } = admission;
  const signer = signerOf(policy, claims.iss);
  return decide({
    op: verifyOp(claims.op),
    policy,
    policyRef: claims.policy,
    approvals: claims.approvals.map(verifyApproval).filter(counts),
    facts: claims.facts,
    nowS: claims.decided_at,
    ...(claims.basis === "break_glass" ? { breakGlass: true } : signer?.role === "keeper" ? {} : { admittedBy: claims.iss }),
  });
}

function verifyAdmitted(input: VerifyDecisionInput, admission: Admission): VerifiedDecision {
  const { claims } = admission;
  assertAudience(claims.aud, input.audience);
  const { policy } = findPolicy(input, claims.policy);
  const op = verifyInnerOp(input, claims.op, claims.op_digest, claims.op_jti);
  const byHand = claims.basis === "break_glass" ? ownGlass(claims.iss, op) : deciderOf(policy, claims.iss, "admit");
  const approvals = claims.approvals.map(verifyApproval);
  const decision = decide({
    op,
    policy,
    policyRef: claims.policy,
    approvals,
    facts: claims.facts,
    nowS: claims.decided_at,
    ...byHand,
  });
  if (decision.verdict !== "admit") throw disagrees(decision, "it admits");
  if (decision.rule !== claims.rule || decision.basis !== claims.basis)
    throw broken(`it names the rule ${claims.rule} (${claims.basis}), and the policy says ${decision.rule} (${decision.basis})`);
  return { kind: "admission", admission, op, decision, policy };
}

function verifyRefused(input: VerifyDecisionInput): VerifiedDecision {
  const refusal = verifyRefusal(input.compact);
  const { claims } = refusal;
  assertAudience(claims.aud, input.audience);
  const { policy } = findPolicy(input, claims.policy);
  const byHand = deciderOf(policy, claims.iss, "refuse");
  const approvals = claims.approvals.map(verifyApproval);
  if (claims.op === undefined) {
    if (isDecidedCode(claims.code)) throw broken(`a refusal with ${claims.code} must carry the op`);
    return { kind: "refusal", refusal, policy };
  }
  const op = verifyInnerOp(input, claims.op, claims.op_digest, claims.op_jti);
  if (isDecidedCode(claims.code)) {
    const decision = decide({ op, policy, policyRef: claims.policy, approvals, facts: claims.facts, nowS: claims.decided_at, ...byHand });
    assertSameRefusal(refusal, decision);
  }
  return { kind: "refusal", refusal, op, policy };
}

/** Whether a keeper decided, or a person with the grant to admit in the keeper's place, who decides as the keeper would and no more. */
function deciderOf(policy: Policy, key: Did, what: "admit" | "refuse"): { readonly admittedBy?: Did } {
  const signer = signerOf(policy, key);
  if (signer?.role === "keeper") return {};
  if (signer?.role === "operator" && signer.entry.may.includes("Admit")) return { admittedBy: key };
  throw broken(`the policy lets nobody ${what} with the key ${key}`);
}

/** Who breaks the glass signs op and admission with one key; whether it may, the decision says. */
function ownGlass(signer: Did, op: Op): { readonly breakGlass: true } {
  if (op.claims.iss !== signer) throw broken(`${signer} breaks the glass for an op of ${op.claims.iss}`);
  return { breakGlass: true };
}

function assertSameRefusal(refusal: Refusal, decision: Decision): void {
  const { code, rule } = refusal.claims;
  if (rule === "admitter") throw broken("who may decide is no reason to refuse an op");
  if (decision.verdict !== "refuse") throw disagrees(decision, `it refuses with ${code}`);
  // An op that expires while people are asked is refused by that name; to the decision it has just expired.
  const expiredInReview = code === "review_expired" && decision.code === "token_expired";
  if (!expiredInReview && (decision.code !== code || decision.rule !== rule))
    throw broken(`it refuses with ${code} by ${rule ?? "no rule"}, and the policy says ${decision.code} by ${decision.rule ?? "no rule"}`);
}

function findPolicy(input: VerifyDecisionInput, ref: PolicyRef): LoadedPolicy {
  if (ref.rid !== input.audience.policyRid) throw broken(`it names the policy repository ${ref.rid}`);
  const loaded = input.policyAt(ref.commit);
  if (loaded === undefined) throw broken(`the policy commit ${ref.commit} is not on the approved chain`);
  if (loaded.digest !== ref.digest) throw broken(`the policy at ${ref.commit} has another digest`);
  if (loaded.policy.workspace !== input.audience.workspace) throw broken(`the policy is that of workspace ${loaded.policy.workspace}`);
  return loaded;
}

function verifyInnerOp({ verifiedOp }: VerifyDecisionInput, compact: string, digest: string, jti: string | undefined): Op {
  const op = verifiedOp?.token.compact === compact ? verifiedOp : verifyOp(compact);
  if (op.token.digest !== digest) throw broken("the op inside has another digest");
  if (op.claims.jti !== jti) throw broken("the op inside has another jti");
  return op;
}

function disagrees(decision: Decision, what: string): TriplaneError {
  const says = decision.verdict === "refuse" ? `refuse (${decision.code}: ${decision.fact})` : decision.verdict;
  return broken(`${what}, and the policy says ${says}`);
}

function broken(why: string): TriplaneError {
  return new TriplaneError("chain_broken", why);
}
