// What a person's tool needs: a connection, a clone of the policy repository that it verifies itself, and the time.
import type { Bus } from "@triplane/bus";
import {
  type Approval,
  type Audience,
  type Clock,
  type Digest,
  nowSeconds,
  type Random,
  streamNames,
  subjects,
  TriplaneError,
  verifyApproval,
} from "@triplane/contract";
import { type Decision, decide, signerOf, usesOpenSince } from "@triplane/policy";
import { countFacts } from "../facts.ts";
import { firstShownS } from "../open-since.ts";
import type { PolicyInForce } from "../outputs.ts";
import type { PolicySource } from "../ports.ts";
import { type ReadItem, readReviewItem } from "../review-item.ts";
import { opsShown } from "./announced.ts";

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

/** An op in review with what the broker says of it. */
export interface ShownItem extends ReadItem {
  /** Since when people can see it, in seconds since 1970. */
  readonly openSinceS: number;
  /** Of every op that was ever shown under its jti; more than one means that somebody exchanges them. */
  readonly digests: readonly Digest[];
}

/** The item and its verified op. Throws `review_not_found`, or `chain_broken` for an item that does not verify. */
export async function readReview(deps: PersonDeps, jti: string): Promise<ShownItem> {
  const { workspace } = deps.audience;
  const messages = await deps.bus.all(streamNames(workspace).review, subjects(workspace).review(jti));
  const last = messages.at(-1);
  if (last === undefined) throw new TriplaneError("review_not_found", `no op ${jti} is in review`);
  const read = readReviewItem(last.text, jti);
  const shownS = firstShownS(messages, read.op.token.digest) ?? 0;
  const openSinceS = Math.min(nowSeconds(deps.clock), Math.max(shownS, read.item.taken_at));
  return { ...read, openSinceS, digests: opsShown(messages, jti) };
}

/** As `readReview`, and throws `review_not_found` also for a review that has ended. */
export async function readOpenReview(deps: PersonDeps, jti: string): Promise<ShownItem> {
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
export function decideForDisplay(read: ShownItem, approvals: readonly Approval[], inForce: PolicyInForce, nowS: number): Decision {
  const { op } = read;
  const principal = signerOf(inForce.policy, op.claims.iss)?.principal ?? "";
  const counted = countFacts({ policy: inForce.policy, principal, uses: [], jti: op.claims.jti, nowS });
  const facts = usesOpenSince(inForce.policy) ? { ...counted, open_since: read.openSinceS } : counted;
  return decide({ op, policy: inForce.policy, policyRef: inForce.ref, approvals, facts, nowS });
}
