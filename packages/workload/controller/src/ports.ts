// What the controller needs of the outside besides bus and store: the governed policy repository and the orchestrator.
import type { ApplyRequest, ApplyResult } from "@triplane/contract";
import type { ApprovedHead } from "@triplane/ledger";
import type { LoadedPolicy } from "@triplane/policy";

/** What is remembered of the policy repository, so that nothing that was accepted can be taken back. */
export type AcceptedHead = Pick<ApprovedHead, "commit" | "identityRevision">;

export interface PolicySource {
  /**
   * The commit that enough distinct delegates signed, and the identity revision that says who they are. What `last` names must
   * still be there: its commit at or before the new one, its revision in the identity's history.
   * Throws `quorum_not_reached`, `policy_rollback`, `identity_invalid` and the other failures of an invalid repository.
   */
  approvedHead(last: AcceptedHead | undefined): Promise<AcceptedHead>;
  /** Whether `commit` is `head`, or was approved itself and comes before it. */
  isApprovedStep(commit: string, head: string): Promise<boolean>;
  /** The policy at a commit. Throws nickel_* and `policy_invalid`. */
  load(commit: string): Promise<LoadedPolicy>;
}

/** The one system that the controller changes anything through (`controller-touches-orchestrator-only`). */
export interface Orchestrator {
  /** What became of the op. Throws `op_unknown`, or what a call can throw. */
  op(jti: string, signal: AbortSignal): Promise<ApplyResult>;
  /** A second call with the same jti gives the first result (`applied-once`). Throws failures of the table; `unavailable` for everything unclear. */
  apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult>;
}
