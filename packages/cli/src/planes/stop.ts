// Stopping processes for certain: ask, wait, then kill; only ever the very process that was recorded.
import { sleep } from "@triplane/kit";
import { isRunning, type ProcessIdentity, signalProcess } from "./process-identity.ts";

export interface StopLimits {
  /** How long a process may take to end by itself. */
  readonly graceMs: number;
}

/** How a process ended: `gone` it already was, `asked` after SIGTERM, `killed` after SIGKILL. */
export type StopOutcome = "gone" | "asked" | "killed";

export async function stopProcess(identity: ProcessIdentity, limits: StopLimits): Promise<StopOutcome> {
  if (!(await signalProcess(identity, "SIGTERM"))) return "gone";
  if (await waitUntilGone(identity, limits.graceMs)) return "asked";
  await signalProcess(identity, "SIGKILL");
  await waitUntilGone(identity, 5_000);
  return "killed";
}

/** True once the process is gone; false if it is still there after `timeoutMs`. */
export async function waitUntilGone(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    if (!(await isRunning(identity))) return true;
    if (performance.now() >= deadlineMs) return false;
    await sleep(25);
  }
}
