// Signatures a second on all cores, by node:crypto alone, over the bytes that a ledger's records really have.
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { decodeJwt } from "jose";
import type { SignatureWork } from "./signature-thread.ts";

/** Op, admission and audit record of each compact record. */
export function tokensOf(records: readonly string[]): readonly string[] {
  return records.flatMap((record) => {
    const decision = decodeJwt(record)["decision"] as string;
    return [record, decision, decodeJwt(decision)["op"] as string];
  });
}

export async function rawSignaturesPerSecond(tokens: readonly string[], rounds: number): Promise<number> {
  const workerData: SignatureWork = { tokens, rounds };
  const threads = Array.from(
    { length: availableParallelism() },
    () => new Worker(new URL("./signature-thread.ts", import.meta.url), { workerData }),
  );
  try {
    await Promise.all(threads.map((thread) => once(thread, "message")));
    const startedMs = performance.now();
    const done = threads.map((thread) => once(thread, "message"));
    for (const thread of threads) thread.postMessage("go");
    const counts = (await Promise.all(done)).map(([count]) => Number(count));
    const ms = performance.now() - startedMs;
    if (counts.some((count) => count !== tokens.length * rounds)) throw new Error("a signature of a measured record is wrong");
    return (counts.reduce((sum, count) => sum + count, 0) / ms) * 1000;
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}
