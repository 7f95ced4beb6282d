// What a person's tool needs: a connection, a clone of the policy repository that it verifies itself, and the time.
import type { Bus } from "@triplane/bus";
import {
  type Approval,
  type Audience,
  type Clock,
  type Random,
  streamNames,
  subjects,
  TriplaneError,
  verifyApproval,
} from "@triplane/contract";
import { type Decision, decide, signerOf } from "@triplane/policy";
import { countFacts } from "../facts.ts";
import type { PolicyInForce } from "../outputs.ts";
import type { PolicySource } from "../ports.ts";
import { type ReadItem, readReviewItem } from "../review-item.ts";

export interface PersonDeps {
  /** Under an identity that may read the review stream. */
  readonly bus: Bus;
  readonly audience: Audience;
  readonly source: PolicySource;
  readonly clock: Clock;
}

export interface SigningDeps extends PersonDeps {
  readonly random: Random;
}

/** The policy at its approved head, verified here and now. */
export async function readPolicyInForce(deps: PersonDeps): Promise<PolicyInForce> {
  const { commit } = await deps.source.approvedHead(undefined);
  const { policy, digest } = await deps.source.load(commit);
  if (policy.workspace !== deps.audience.workspace)
    throw new TriplaneError("policy_invalid", `the policy is for workspace ${policy.workspace}, this is ${deps.audience.workspace}`);
  return { policy, ref: { rid: deps.audience.policyRid, commit, digest } };
}

/** The item and its verified op. Throws `review_not_found`, or `chain_broken` for an item that does not verify. */
export async function readReview(deps: PersonDeps, jti: string): Promise<ReadItem> {
  const { workspace } = deps.audience;
  const last = await deps.bus.last(streamNames(workspace).review, subjects(workspace).review(jti));
  if (last === undefined) throw new TriplaneError("review_not_found", `no op ${jti} is in review`);
  return readReviewItem(last.text, jti);
}

/** As `readReview`, and throws `review_not_found` also for a review that has ended. */
export async function readOpenReview(deps: PersonDeps, jti: string): Promise<ReadItem> {
  const read = await readReview(deps, jti);
  if (read.item.state === "closed")
    throw new TriplaneError("review_not_found", `the review of ${jti} has ended: ${read.item.closed_by ?? "closed"}`);
  return read;
}

/** Approvals and rejections on a jti's subject whose signatures verify. */
export async function readApprovals(deps: PersonDeps, jti: string): Promise<readonly Approval[]> {
  const { workspace } = deps.audience;
  const messages = await deps.bus.all(streamNames(workspace).review, subjects(workspace).approval(jti));
  return messages.flatMap((message) => {
    try {
      return message.text === undefined ? [] : [verifyApproval(message.text)];
    } catch {
      return [];
    }
  });
}

/** What the policy says about an op in review. Rates and budgets count as unused here: only the keeper counts them. */
export function decideForDisplay(read: ReadItem, approvals: readonly Approval[], inForce: PolicyInForce, nowS: number): Decision {
  const { op } = read;
  const principal = signerOf(inForce.policy, op.claims.iss)?.principal ?? "";
  const facts = countFacts({ policy: inForce.policy, principal, uses: [], jti: op.claims.jti, nowS });
  return decide({ op, policy: inForce.policy, policyRef: inForce.ref, approvals, facts, nowS });
}
