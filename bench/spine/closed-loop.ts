// Throughput: a fixed number of ops on their way at any time, from the broker's confirmation to the ledger.
import { sleep } from "@triplane/kit";
import { verifyLedger } from "@triplane/ledger";
import { asOperator } from "./operator.ts";
import type { Place } from "./workspace.ts";

export interface LoopOptions {
  /** Ops that are on their way at the same time: submitted, and not yet in the ledger. */
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface LoopResult {
  /** Records that reached the ledger, a second, while it was measured. */
  readonly opsPerSecond: number;
  readonly ops: number;
  readonly applied: number;
}

/** Runs the loop, lets everything land, and verifies that it did: each op once, every one applied. */
export async function closedLoop(workspace: Place, options: LoopOptions): Promise<LoopResult> {
  return await asOperator(workspace, async (operator) => {
    const { inFlight, signal } = options;
    const before = await workspace.recorded();
    let recorded = 0;
    let stopping = false;
    const failures: unknown[] = [];
    const pumping = (async () => {
      const publishing = new Set<Promise<unknown>>();
      while (!stopping && !signal.aborted && failures.length === 0) {
        if (operator.sent - recorded >= inFlight || publishing.size >= 64) {
          await (publishing.size >= 64 ? Promise.race(publishing) : sleep(2));
          continue;
        }
        const sending = operator.submit().catch((error: unknown) => failures.push(error));
        publishing.add(sending);
        void sending.finally(() => publishing.delete(sending));
      }
      await Promise.all(publishing);
    })();
    const points: { readonly ms: number; readonly recorded: number }[] = [];
    const startedMs = performance.now();
    const endMs = startedMs + options.warmUpMs + options.measureMs;
    while (performance.now() < endMs && !signal.aborted && failures.length === 0) {
      await sleep(100);
      recorded = (await workspace.recorded()) - before;
      points.push({ ms: performance.now() - startedMs, recorded });
    }
    stopping = true;
    await pumping;
    if (failures.length > 0) throw failures[0];
    const deadlineMs = performance.now() + 120_000;
    while (recorded < operator.sent) {
      if (performance.now() > deadlineMs || signal.aborted) throw new Error(`${recorded} of ${operator.sent} ops reached the ledger`);
      await sleep(50);
      recorded = (await workspace.recorded()) - before;
    }
    const applied = await appliedIn(workspace);
    // The ledger grows in steps: from the first step after the warm-up to the last one.
    const steps = points.filter((point, at) => point.ms >= options.warmUpMs && point.recorded !== points[at - 1]?.recorded);
    const [first, last] = [steps[0], steps.at(-1)];
    // On a machine that is too slow for the time given, the rate is that of everything.
    if (first === undefined || last === undefined || first === last)
      return { opsPerSecond: (recorded / (performance.now() - startedMs)) * 1000, ops: operator.sent, applied };
    return { opsPerSecond: ((last.recorded - first.recorded) / (last.ms - first.ms)) * 1000, ops: operator.sent, applied };
  });
}

/** Verifies the ledger and counts the records that say applied. */
async function appliedIn(workspace: Place): Promise<number> {
  const { world } = workspace;
  let applied = 0;
  const report = await verifyLedger(world.ledgerDir, world.workspace.pins.state, {
    checkRecord: (record) => {
      if (record.claims.outcome === "applied") applied += 1;
    },
  });
  if (!report.ok) throw new Error(`the ledger does not verify: ${report.problems[0]?.message}`);
  if (report.missing.length > 0) throw new Error(`numbers are missing in the ledger: ${JSON.stringify(report.missing[0])}`);
  return applied;
}
