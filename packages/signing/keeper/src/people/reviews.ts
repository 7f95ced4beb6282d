// `keeper-cli list` and `show`: what waits for people, from bytes and a policy that were verified here, not from what the stream claims.
import {
  type Approval,
  type Did,
  type Digest,
  digestWords,
  nowSeconds,
  type OpClaims,
  type PolicyRef,
  type ReviewNeed,
  streamNames,
  subjects,
} from "@triplane/contract";
import { explain, type Policy, type Signer, signerOf, type UnopposedWait } from "@triplane/policy";
import type { PolicyInForce } from "../outputs.ts";
import { type ReadItem, readReviewItem } from "../review-item.ts";
import { differences } from "./announced.ts";
import { decideForDisplay, type PersonDeps, readApprovals, readPolicyInForce, readReview, type ShownItem } from "./deps.ts";

/** Somebody's word on an op. */
export interface ShownApproval {
  readonly signer: Did;
  /** Undefined where the policy does not know the key. */
  readonly principal: string | undefined;
  readonly decision: "approve" | "reject";
  readonly comment: string | undefined;
  /** Whether it counts under the policy in force. */
  readonly counts: boolean;
}

export interface ReviewSummary {
  readonly jti: string;
  readonly kind: string;
  readonly target: string;
  readonly issuer: Did;
  readonly principal: string | undefined;
  /** What an agent or an automation wrote, no person has read. */
  readonly role: Signer["role"] | undefined;
  readonly needs: readonly ReviewNeed[];
  /** What is still to come; empty where the keeper could end the review now. */
  readonly missing: readonly ReviewNeed[];
  /** Seconds since 1970. */
  readonly takenAtS: number;
  /** Present where it runs by itself unless somebody objects. */
  readonly unopposed: UnopposedWait | undefined;
  /** From then on nothing is waited for. */
  readonly closesAtS: number;
}

export interface ShownReview extends ReviewSummary {
  readonly state: "open" | "closed";
  readonly closedBy: string | undefined;
  readonly claims: OpClaims;
  readonly opDigest: Digest;
  /** The digest in words, for comparing two screens aloud. */
  readonly digestWords: string;
  /** Digest of the plan that the issuer was shown. */
  readonly planDigest: Digest | undefined;
  readonly policy: PolicyRef;
  readonly approvals: readonly ShownApproval[];
  /** The verdict of the policy in force now, rates and budgets aside. */
  readonly verdict: "admit" | "review" | "refuse";
  readonly explanation: readonly string[];
  /** What the review stream says otherwise than this tool verified; with any of them nothing is signed. */
  readonly differences: readonly string[];
}

/** Reviews that are open, oldest first. Items that do not verify are left out and counted. */
export async function listReviews(
  deps: PersonDeps,
): Promise<{ readonly reviews: readonly ReviewSummary[]; readonly unverifiable: number }> {
  const { workspace } = deps.audience;
  const inForce = await readPolicyInForce(deps);
  const reviews: ReviewSummary[] = [];
  let unverifiable = 0;
  for (const message of await deps.bus.lastOfEach(streamNames(workspace).review, subjects(workspace).reviewAll)) {
    let read: ReadItem;
    try {
      read = readReviewItem(message.text, message.subject.slice(subjects(workspace).review("").length));
    } catch {
      unverifiable += 1;
      continue;
    }
    if (read.item.state !== "open") continue;
    const shown = await readReview(deps, read.item.op_jti);
    const approvals = await readApprovals(deps, read.item.op_jti);
    reviews.push(summaryOf(present(shown, approvals, inForce, nowSeconds(deps.clock))));
  }
  return { reviews, unverifiable };
}

/** Throws `review_not_found`, or `chain_broken` for an item that does not verify. */
export async function showReview(deps: PersonDeps, jti: string): Promise<ShownReview> {
  const inForce = await readPolicyInForce(deps);
  const read = await readReview(deps, jti);
  return present(read, await readApprovals(deps, jti), inForce, nowSeconds(deps.clock));
}

/** Pure: an op in review as people see it. */
export function present(read: ShownItem, approvals: readonly Approval[], inForce: PolicyInForce, nowS: number): ShownReview {
  const { item, op } = read;
  const decision = decideForDisplay(read, approvals, inForce, nowS);
  const counted = new Set(decision.countedApprovals.map((approval) => approval.token.digest));
  return {
    jti: op.claims.jti,
    kind: op.claims.op,
    target: op.claims.target,
    issuer: op.claims.iss,
    principal: principalOf(inForce.policy, op.claims.iss),
    role: signerOf(inForce.policy, op.claims.iss)?.role,
    needs: decision.verdict === "review" ? decision.needs : item.needs,
    missing: decision.verdict === "review" ? decision.missing : [],
    unopposed: decision.verdict === "review" ? decision.unopposed : undefined,
    takenAtS: item.taken_at,
    closesAtS: decision.verdict === "review" ? decision.closesAtS : op.claims.exp,
    state: item.state,
    closedBy: item.closed_by,
    claims: op.claims,
    opDigest: op.token.digest,
    digestWords: digestWords(op.token.digest),
    planDigest: op.claims.plan,
    policy: inForce.ref,
    approvals: approvals.map((approval) => ({
      signer: approval.claims.iss,
      principal: principalOf(inForce.policy, approval.claims.iss),
      decision: approval.claims.decision,
      comment: approval.claims.comment,
      counts: counted.has(approval.token.digest),
    })),
    verdict: decision.verdict,
    explanation: explain(decision),
    differences: differences(read, decision, inForce),
  };
}

function summaryOf(shown: ShownReview): ReviewSummary {
  const { jti, kind, target, issuer, principal, role, needs, missing, unopposed, takenAtS, closesAtS } = shown;
  return { jti, kind, target, issuer, principal, role, needs, missing, unopposed, takenAtS, closesAtS };
}

function principalOf(policy: Policy, did: Did): string | undefined {
  return signerOf(policy, did)?.principal;
}
