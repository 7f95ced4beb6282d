// What the keeper needs of the outside besides the bus: the governed policy repository.
import type { LoadedPolicy } from "@triplane/policy";

export interface PolicySource {
  /**
   * The commit that enough distinct delegates signed. `lastAccepted` must be that commit or an ancestor of it.
   * Throws `quorum_not_reached`, `policy_rollback` and the failures of an invalid repository.
   */
  approvedHead(lastAccepted: string | undefined): Promise<string>;
  /** The policy at a commit. Throws nickel_* and `policy_invalid`. */
  load(commit: string): Promise<LoadedPolicy>;
}
