// One thread of a campaign: runs its share of the interleavings and tells of each.
import { parentPort, workerData } from "node:worker_threads";
import type { Share, Told } from "./campaign.ts";
import { runInterleaving } from "./interleaving.ts";
import { rememberSignatures } from "./memo.ts";

const { seed, first, step, last }: Share = workerData;
rememberSignatures();
for (let number = first; number <= last; number += step) {
  const { trace: _trace, ...result } = await runInterleaving({ seed, number });
  const told: Told = { number, ...result };
  parentPort?.postMessage(told);
  // Garbage of the last one, and messages, get their turn.
  await new Promise((resolve) => setImmediate(resolve));
}
