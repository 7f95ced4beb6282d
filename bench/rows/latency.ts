// Row: how long an op takes at a steady rate, and where that time goes.
import { bySize, type Line, type Row } from "../harness/row.ts";
import { quantile } from "../harness/statistics.ts";
import { proveDurable } from "../spine/durability.ts";
import { type Latencies, openLoop } from "../spine/open-loop.ts";
import { timelineOf } from "../spine/timeline.ts";
import { Workspace } from "../spine/workspace.ts";

/** The rate of the target, and half of it: what a machine does that is not at its limit. */
const RATE = 100;
const HALF = 50;
const TARGET_MS = 100;

export const latency: Row = {
  id: "latency",
  summary: `p50 and p99 of submit → applied at ${RATE} ops/s, open loop, and where the time goes`,
  async run(context) {
    const { signal } = context;
    const sizes = bySize(context, {
      full: { warmUpOps: 500, ops: 3000, alone: 200 },
      quick: { warmUpOps: 300, ops: 1000, alone: 60 },
      tiny: { warmUpOps: 10, ops: 40, alone: 4 },
    });
    const at = async (opsPerSecond: number): Promise<Latencies> => {
      await using workspace = await Workspace.start({ signal });
      await proveDurable(workspace);
      context.progress(`${opsPerSecond} ops/s`);
      return await openLoop(workspace, { ...sizes, opsPerSecond, signal });
    };
    const latencies = await at(RATE);
    const halfway = await at(HALF);
    context.progress("one op at a time, step by step");
    const gaps = await timelineOf({ ops: sizes.alone, folder: await context.temporary("steps"), signal });
    const alone = gaps.reduce((sum, { ms }) => sum + ms, 0);
    const parts = [...gaps].sort((a, b) => b.ms - a.ms).slice(0, 8);
    const line = (what: string, value: number, met: boolean | undefined, target: string, notes: readonly string[]): Line => ({
      ...{ what, ours: { value, unit: "ms" }, against: undefined, ratio: undefined, target, met, notes },
    });
    const p99 = quantile(latencies.appliedMs, 0.99);
    return [
      line("submit → applied, p50", quantile(latencies.appliedMs, 0.5), undefined, "–", [
        `time counts from when an op was due; of it, until the broker has the op on disk: p50 ${quantile(latencies.storedMs, 0.5).toFixed(1)}, p99 ${quantile(latencies.storedMs, 0.99).toFixed(1)} ms`,
      ]),
      line("submit → applied, p99", p99, p99 < TARGET_MS, `p99 < ${TARGET_MS} ms`, [
        `one op alone takes ${alone.toFixed(1)} ms; the largest parts: ${parts.map(({ from, to, ms }) => `${from} → ${to} ${ms.toFixed(2)} ms`).join("; ")}`,
      ]),
      line("submit → in the ledger, p99", quantile(latencies.recordedMs, 0.99), undefined, "–", [
        `p50 ${quantile(latencies.recordedMs, 0.5).toFixed(0)} ms: under load the mirror commits at most every half second`,
      ]),
      line(`submit → applied at ${HALF} ops/s, p50`, quantile(halfway.appliedMs, 0.5), undefined, "–", []),
      line(`submit → applied at ${HALF} ops/s, p99`, quantile(halfway.appliedMs, 0.99), undefined, "–", []),
    ];
  },
};
