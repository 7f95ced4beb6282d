// `keeper-cli approve` and `reject`: a person's signature over exactly what was shown, published for the keeper to count.
import type { ReviewNeed } from "@triplane/contract";
import {
  type Digest,
  formatAudience,
  nowSeconds,
  type Signer,
  signApprovalBy,
  subjects,
  TriplaneError,
  uuid7,
  verifyApproval,
} from "@triplane/contract";
import { type Decision, explain, maxApprovalS, signerOf, type UnopposedWait } from "@triplane/policy";
import { differences } from "./announced.ts";
import { decideForDisplay, readApprovals, readOpenReview, readPolicyInForce, readReview, type SigningDeps } from "./deps.ts";

export interface ApproveOptions {
  readonly jti: string;
  readonly key: Signer;
  readonly comment?: string;
  /** The op digest that was shown to the person; another one than the stream now has is not signed. */
  readonly expectDigest?: Digest;
  /** The digest of a plan that the person computed; must be the one that the issuer signed. */
  readonly expectPlan?: Digest;
}

export interface Spoken {
  readonly jti: string;
  readonly approvalDigest: Digest;
  /** What the policy says with this word counted: `admit` means that the keeper will admit now. */
  readonly verdict: Decision["verdict"];
  readonly missing: readonly ReviewNeed[];
  /** Present where it runs by itself unless somebody objects. */
  readonly unopposed: UnopposedWait | undefined;
  readonly explanation: readonly string[];
}

/**
 * Throws `review_not_found`, `review_differs` where the review stream says otherwise than was verified here, and
 * `approval_not_accepted` before anything is published where the approval would not count.
 */
export function approve(deps: SigningDeps, options: ApproveOptions): Promise<Spoken> {
  return speak(deps, options, "approve");
}

/** Rejects an op of somebody else's, or withdraws one's own. Throws as `approve` does. */
export function reject(deps: SigningDeps, options: ApproveOptions): Promise<Spoken> {
  return speak(deps, options, "reject");
}

/** Takes back an op of one's own that still waits. Throws `cancel_too_late` once it was admitted, `review_not_found` else. */
export async function withdraw(deps: SigningDeps, options: ApproveOptions): Promise<Spoken> {
  const { item, op } = await readReview(deps, options.jti);
  if (item.state === "closed" && item.closed_by === "admitted")
    throw new TriplaneError("cancel_too_late", `op ${options.jti} was admitted already`);
  const { policy } = await readPolicyInForce(deps);
  const issuer = signerOf(policy, op.claims.iss)?.principal;
  if (op.claims.iss !== options.key.did && (issuer === undefined || signerOf(policy, options.key.did)?.principal !== issuer))
    throw new TriplaneError("approval_not_accepted", "only the issuer of an op can withdraw it");
  return reject(deps, options);
}

async function speak(deps: SigningDeps, options: ApproveOptions, word: "approve" | "reject"): Promise<Spoken> {
  const { jti, key } = options;
  const inForce = await readPolicyInForce(deps);
  const read = await readOpenReview(deps, jti);
  const { claims, token } = read.op;
  const nowS = nowSeconds(deps.clock);
  if (options.expectDigest !== undefined && options.expectDigest !== token.digest)
    throw new TriplaneError("approval_not_accepted", `the op in review is ${token.digest}, not ${options.expectDigest}`);
  if (options.expectPlan !== undefined && options.expectPlan !== claims.plan)
    throw new TriplaneError("approval_not_accepted", `the issuer signed plan ${claims.plan ?? "none"}, not ${options.expectPlan}`);
  const others = await readApprovals(deps, jti);
  const lies = differences(read, decideForDisplay(read, others, inForce, nowS), inForce);
  if (lies.length > 0) throw new TriplaneError("review_differs", `nothing was signed: ${lies.join("; ")}`);
  const compact = await signApprovalBy(
    {
      aud: formatAudience(deps.audience),
      jti: uuid7(deps.clock.nowMs(), deps.random.bytes(10)),
      iat: nowS,
      exp: nowS + maxApprovalS(inForce.policy),
      op_jti: jti,
      op_digest: token.digest,
      decision: word,
      ...(claims.plan === undefined ? {} : { plan: claims.plan }),
      policy_commit: inForce.ref.commit,
      expected_state_version: claims.expected_state_version,
      ...(options.comment === undefined ? {} : { comment: options.comment }),
    },
    key,
  );
  const mine = verifyApproval(compact);
  const decision = decideForDisplay(read, [...others, mine], inForce, nowS);
  if (decision.verdict === "refuse" && (decision.code === "review_expired" || decision.code === "token_expired"))
    throw new TriplaneError("review_expired", `the review of ${jti} has closed: ${decision.fact}`);
  if (!decision.countedApprovals.some((counted) => counted.token.digest === mine.token.digest)) {
    throw new TriplaneError("approval_not_accepted", `this ${word} would not count`, { details: { explanation: explain(decision) } });
  }
  await deps.bus.publish(subjects(deps.audience.workspace).approval(jti), compact);
  return {
    jti,
    approvalDigest: mine.token.digest,
    verdict: decision.verdict,
    missing: decision.verdict === "review" ? decision.missing : [],
    unopposed: decision.verdict === "review" ? decision.unopposed : undefined,
    explanation: explain(decision),
  };
}
