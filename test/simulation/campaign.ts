// Many interleavings from one seed, on two threads; and how a failed one is told to people.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { type InterleavingResult, runInterleaving } from "./interleaving.ts";

/** The numbers that one thread runs: `first`, `first + step` and so on, up to `last`. */
export interface Share {
  readonly seed: string;
  readonly first: number;
  readonly step: number;
  readonly last: number;
}

export type Told = Omit<InterleavingResult, "trace"> & { readonly number: number };

const MAX_THREADS = 2;
/** A killed process is never heard of again, and what waited for it is never given back: a thread ends before that fills the memory. */
const MAX_OF_A_THREAD = 200;
const MAX_TOLD_LINES = 400;

/** Runs interleavings 1 to `count`; results come in the order of their numbers. */
export async function runCampaign(seed: string, count: number): Promise<readonly Told[]> {
  const step = Math.min(MAX_THREADS, availableParallelism(), count);
  const shares = Array.from({ length: step }, (_, index): Share => ({ seed, first: index + 1, step, last: count }));
  const told = (await Promise.all(shares.map(runParts))).flat();
  return told.sort((a, b) => a.number - b.number);
}

/** A share, one thread after another. */
async function runParts({ seed, first, step, last }: Share): Promise<readonly Told[]> {
  const told: Told[] = [];
  for (let from = first; from <= last; from += step * MAX_OF_A_THREAD)
    told.push(...(await runShare({ seed, first: from, step, last: Math.min(last, from + step * MAX_OF_A_THREAD - 1) })));
  return told;
}

function runShare(share: Share): Promise<readonly Told[]> {
  return new Promise((resolve, reject) => {
    const told: Told[] = [];
    // Nearly all that an interleaving makes is gone with it: the larger the young generation, the less is moved.
    const resourceLimits = { maxYoungGenerationSizeMb: 64 };
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: share, resourceLimits });
    worker.on("message", (result: Told) => told.push(result));
    worker.once("error", reject);
    worker.once("exit", (code) => {
      if (code === 0) resolve(told);
      else reject(new Error(`a thread of the simulation ended with ${code} after interleaving ${told.at(-1)?.number ?? 0}`));
    });
  });
}

/** Seed, number, what is wrong, and who did what: the interleaving is run again for that. */
export async function tellFailed(seed: string, number: number): Promise<string> {
  const { violations, trace, hash } = await runInterleaving({ seed, number, keepTrace: true });
  const lines = trace.map(({ atMs, who, what }) => `${(atMs / 1000).toFixed(4).padStart(10)}  ${who.padEnd(16)} ${what}`);
  const shown = lines.length <= MAX_TOLD_LINES ? lines : [...lines.slice(0, MAX_TOLD_LINES), `… and ${lines.length - MAX_TOLD_LINES} more`];
  return [
    `interleaving ${number} of seed ${seed} (trace ${hash}); again with SIMULATION_SEED=${seed} SIMULATION_ONLY=${number}:`,
    ...violations.map((violation) => `  ${violation}`),
    ...shown,
  ].join("\n");
}
