// What desired-sync needs of the outside besides the submitter.
import type { SyncState } from "./state.ts";

export interface DesiredSource {
  /** The commit that enough distinct delegates signed; `lastAccepted` must be it or an ancestor. Throws `quorum_not_reached`, `policy_rollback`. */
  approvedHead(lastAccepted: string | undefined): Promise<string>;
}

export interface StateStore {
  read(): Promise<SyncState | undefined>;
  /** On disk when this returns. */
  write(state: SyncState): Promise<void>;
}

/** Asks the orchestrator at which version the target `workspace` is. */
export type WorkspaceVersion = () => Promise<number>;
