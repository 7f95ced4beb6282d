// Row: running the steps of a mode against other ways to start the same commands.
import { bySize, type Line, type Row } from "../harness/row.ts";
import { runMake, runMode, runProcesses, runSyncs, runXargs, runXargsKeeping, type Shape } from "../modes.ts";

const JOBS = 2;
const TARGET = 1.2;

export const modes: Row = {
  id: "modes",
  summary: "steps that do nothing, in a chain and side by side, against make, xargs and a shell that only starts them",
  async run(context) {
    const count = bySize(context, { full: 1000, quick: 200, tiny: 5 });
    const rounds = bySize(context, { full: 3, quick: 2, tiny: 1 });
    const lines: Line[] = [];
    for (const shape of ["chain", "parallel"] satisfies readonly Shape[]) {
      const best = {
        ours: Number.POSITIVE_INFINITY,
        make: Number.POSITIVE_INFINITY,
        xargs: Number.POSITIVE_INFINITY,
        keeping: Number.POSITIVE_INFINITY,
        processes: Number.POSITIVE_INFINITY,
        syncs: Number.POSITIVE_INFINITY,
      };
      for (let round = 0; round < rounds && !context.signal.aborted; round += 1) {
        const folder = await context.temporary(`${shape}-${round}`);
        best.processes = Math.min(best.processes, await runProcesses(count));
        best.syncs = Math.min(best.syncs, runSyncs(folder, count));
        best.make = Math.min(best.make, await runMake(folder, shape, count, JOBS));
        best.xargs = Math.min(best.xargs, await runXargs(shape, count, JOBS));
        best.keeping = Math.min(best.keeping, await runXargsKeeping(folder, shape, count, JOBS));
        best.ours = Math.min(best.ours, await runMode(folder, shape, count, JOBS));
      }
      // Side by side the processes cost no more than the better of the two that only start them, and keep nothing.
      const floor = shape === "chain" ? best.processes : Math.min(best.make, best.xargs);
      lines.push({
        what: `${count} steps, ${shape === "chain" ? "one after another" : `${JOBS} at a time`}, the best of ${rounds}`,
        ours: { value: best.ours / count, unit: "ms a step" },
        against: { value: floor / count, unit: "ms a step" },
        ratio: floor / best.ours,
        target: `≤ ${TARGET} × the processes' own cost`,
        met: best.ours <= TARGET * floor,
        notes: [
          `make ${(best.make / count).toFixed(2)} ms, xargs ${(best.xargs / count).toFixed(2)} ms; neither keeps a journal or any output; xargs with output and exit code of each in files that nobody syncs ${(best.keeping / count).toFixed(2)} ms`,
          `a line written and synced ${(best.syncs / count).toFixed(2)} ms: ${shape === "chain" ? "one for each step" : "one for all steps that end meanwhile"}`,
        ],
      });
    }
    return lines;
  },
};
