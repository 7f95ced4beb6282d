// Row: memory of each daemon idle and under load, and over a soak.
import { sleep } from "@triplane/kit";
import { bySize, type Line, type Row, type RowContext } from "../harness/row.ts";
import { median, slope } from "../harness/statistics.ts";
import { closedLoop } from "../spine/closed-loop.ts";
import { type Held, memoryOfAll, type Parts, partsOf } from "../spine/memory.ts";
import { openLoop } from "../spine/open-loop.ts";
import { Workspace } from "../spine/workspace.ts";

// Below what the smallest machine carries: a queue that grows is no leak.
const SOAK_RATE = 25;
const SAMPLE_MS = 5_000;
/** Of the soak's time; what caches and heaps fill at first is no growth. */
const WARM_UP = 0.25;

export const memory: Row = {
  id: "memory",
  summary: "memory of each daemon, idle and under load; with --soak-minutes N, how it grows",
  async run(context) {
    const { signal, progress } = context;
    await using workspace = await Workspace.start({ signal });
    await sleep(bySize(context, { full: 10_000, quick: 3_000, tiny: 100 }));
    const idle = memoryOfAll(workspace);
    const load = bySize(context, {
      full: { inFlight: 1500, warmUpMs: 10_000, measureMs: 30_000 },
      quick: { inFlight: 1500, warmUpMs: 2_000, measureMs: 8_000 },
      tiny: { inFlight: 20, warmUpMs: 200, measureMs: 3_000 },
    });
    const busy = new Map<string, number[]>();
    const sampling = sampler(workspace, (name, held) => busy.set(name, [...(busy.get(name) ?? []), held.pssMiB]), 500);
    await closedLoop(workspace, { ...load, signal, progress });
    sampling.stop();
    const lines: Line[] = [...idle].map(([name, held]) => {
      const under = Math.max(...(busy.get(name) ?? [Number.NaN]));
      return {
        what: `${name}, under load`,
        ours: { value: under, unit: "MiB" },
        against: { value: held.pssMiB, unit: "MiB (idle)" },
        ratio: under / held.pssMiB,
        target: "–",
        met: undefined,
        notes: [],
      };
    });
    return [...lines, ...(await soak(context, workspace))];
  },
};

async function soak(context: RowContext, workspace: Workspace): Promise<readonly Line[]> {
  const minutes = context.soakMinutes;
  if (minutes === 0) return [];
  context.progress(`a soak of ${minutes} minutes at ${SOAK_RATE} ops/s`);
  const points = new Map<string, { readonly x: number; readonly y: number }[]>();
  const startedMs = performance.now();
  const sampling = sampler(
    workspace,
    (name, held) => points.set(name, [...(points.get(name) ?? []), { x: (performance.now() - startedMs) / 3_600_000, y: held.rssMiB }]),
    SAMPLE_MS,
  );
  const partsAt = () => new Map([...workspace.processes].map(([name, pid]) => [name, partsOf(pid)]));
  const first = partsAt();
  const ops = Math.round(minutes * 60 * SOAK_RATE);
  await openLoop(workspace, { opsPerSecond: SOAK_RATE, warmUpOps: 0, ops, signal: context.signal });
  sampling.stop();
  const last = partsAt();
  return [...points].map(([name, all]) => {
    const after = all.filter(({ x }) => x >= (minutes / 60) * WARM_UP);
    const middle = median(after.map(({ y }) => y));
    const perHour = slope(after);
    return {
      what: `${name}, growth over ${minutes} minutes at ${SOAK_RATE} ops/s`,
      ours: { value: perHour, unit: "MiB/h" },
      against: { value: middle, unit: "MiB (median)" },
      ratio: perHour / middle,
      target: "no growth (< 5 % an hour)",
      met: perHour < 0.05 * middle,
      notes: [
        `resident memory, least squares after the first ${WARM_UP * 100} %; last ${all.at(-1)?.y.toFixed(0)} MiB`,
        `from first to last: ${changes(first.get(name), last.get(name))}`,
      ],
    };
  });
}

function changes(first: Parts | undefined, last: Parts | undefined): string {
  if (first === undefined || last === undefined) return "not known";
  const change = (part: keyof Parts) => `${first[part].toFixed(0)} → ${last[part].toFixed(0)} MiB`;
  return `main arena ${change("mainArenaMiB")}, other anonymous memory ${change("anonymousMiB")}, files ${change("filesMiB")}`;
}

function sampler(workspace: Workspace, take: (name: string, held: Held) => unknown, everyMs: number): { stop(): void } {
  const timer = setInterval(() => {
    for (const [name, held] of memoryOfAll(workspace)) take(name, held);
  }, everyMs);
  return { stop: () => clearInterval(timer) };
}
