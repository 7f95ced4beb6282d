// What the controller needs of the outside besides bus and store: the governed policy repository and the orchestrator.
import type { ApplyRequest, ApplyResult } from "@triplane/contract";
import type { LoadedPolicy } from "@triplane/policy";

export interface PolicySource {
  /**
   * The commit that enough distinct delegates signed. `lastAccepted` must be that commit or an ancestor of it.
   * Throws `quorum_not_reached`, `policy_rollback` and the failures of an invalid repository.
   */
  approvedHead(lastAccepted: string | undefined): Promise<string>;
  /** Whether `commit` is `head` or comes before it. */
  isAtOrBefore(commit: string, head: string): Promise<boolean>;
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
