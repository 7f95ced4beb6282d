// Lets virtual time pass by itself as fast as it can, for tests that only wait: a contract suite does not know of any clock.
import { Scheduler } from "./scheduler.ts";

/** A scheduler whose events run whenever the test waits for something. */
export function selfRunning(startMs = Date.UTC(2026, 0, 5, 9)): Scheduler {
  const scheduler = new Scheduler({ startMs });
  let isRunning = false;
  const run = async (): Promise<void> => {
    while (await scheduler.step()) await new Promise((resolve) => setImmediate(resolve));
    isRunning = false;
  };
  scheduler.onPlan = () => {
    if (isRunning) return;
    isRunning = true;
    setImmediate(() => void run());
  };
  return scheduler;
}
