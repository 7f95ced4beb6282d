// Row: how long `triplane --help` takes, against a Node that does nothing.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { bySize, type Row } from "../harness/row.ts";
import { median } from "../harness/statistics.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const PROGRAM = join(ROOT, "packages", "cli", "bin", "triplane.mjs");

export const start: Row = {
  id: "start",
  summary: "triplane --help, against node -e 0",
  async run(context) {
    const rounds = bySize(context, { full: 31, quick: 15, tiny: 2 });
    const [ours, bare]: [number[], number[]] = [[], []];
    // The first run fills the compile cache, as the first run of every installation does.
    timed([PROGRAM, "--help"]);
    for (let round = 0; round < rounds; round += 1) {
      bare.push(timed(["-e", "0"]));
      ours.push(timed([PROGRAM, "--help"]));
    }
    const [oursMs, bareMs] = [median(ours), median(bare)];
    return [
      {
        what: "triplane --help",
        ours: { value: oursMs, unit: "ms" },
        against: { value: bareMs, unit: "ms (node -e 0)" },
        ratio: oursMs / bareMs,
        target: "≤ 2 × the time of node -e 0",
        met: oursMs <= 2 * bareMs,
        notes: [`medians of ${rounds} runs in turns; here a smaller ratio is better`],
      },
    ];
  },
};

function timed(args: readonly string[]): number {
  const startedMs = performance.now();
  execFileSync(process.execPath, args, { stdio: "ignore" });
  return performance.now() - startedMs;
}
