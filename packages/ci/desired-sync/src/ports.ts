// What desired-sync needs of the outside besides the submitter.
import type { SyncState } from "./state.ts";

export interface DesiredSource {
  /** The commit that enough people approved; it does not go behind what was seen before. Throws `quorum_not_reached`, `policy_rollback`. */
  approvedHead(): Promise<string>;
}

export interface StateStore {
  read(): Promise<SyncState | undefined>;
  /** On disk when this returns. */
  write(state: SyncState): Promise<void>;
}

/** Asks the orchestrator at which version the target `workspace` is. */
export type WorkspaceVersion = () => Promise<number>;
