// What the keeper needs of the outside besides the bus: the governed policy repository.
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
  /** The policy at a commit. Throws nickel_* and `policy_invalid`. */
  load(commit: string): Promise<LoadedPolicy>;
}
