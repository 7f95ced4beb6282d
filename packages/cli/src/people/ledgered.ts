// Waiting for the ledger: the outcome of an op is known a moment before the audit-mirror has committed its record.
import type { Clock } from "@triplane/contract";
import { sleep } from "@triplane/kit";
import { findRecord, repositoryDir } from "@triplane/ledger";
import type { HomeLayout } from "../home/layout.ts";
import type { WorkspaceFile } from "../home/workspace-file.ts";

const POLL_MS = 200;

export interface LedgerWait {
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called once if the record is not there at the first look. */
  readonly onWait: () => void;
}

/** Whether the ledger has the record of a subject, now or before the time is over. */
export async function isLedgered(layout: HomeLayout, workspace: WorkspaceFile, subject: string, wait: LedgerWait): Promise<boolean> {
  const { state } = workspace.pins;
  const deadlineMs = wait.clock.nowMs() + wait.timeoutMs;
  const look = async () => (await findRecord(repositoryDir(layout.storage, state.rid), state, subject)) !== undefined;
  if (await look()) return true;
  wait.onWait();
  while (!wait.signal.aborted && wait.clock.nowMs() < deadlineMs) {
    await sleep(POLL_MS, wait.signal);
    if (await look()) return true;
  }
  return false;
}
