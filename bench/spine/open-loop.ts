// Latency: ops at a fixed rate, whatever the system does. Time counts from when an op was due, not from when it could be sent, so that
// a system that falls behind cannot hide it (coordinated omission).
import { sleep } from "@triplane/kit";
import { asOperator, watchEnds } from "./operator.ts";
import type { Place } from "./workspace.ts";

export interface OpenLoopOptions {
  readonly opsPerSecond: number;
  readonly warmUpOps: number;
  readonly ops: number;
  readonly signal: AbortSignal;
}

export interface Latencies {
  /** From due to the broker's confirmation, milliseconds, one for each op after the warm-up. */
  readonly storedMs: readonly number[];
  /** From due to the moment when the issuer could know that it was applied. */
  readonly appliedMs: readonly number[];
  /** From due to the ledger, in order of numbers: the n-th op is there when the ledger has n more records. */
  readonly recordedMs: readonly number[];
}

/** Asking the mirror costs the mirror something. */
const LOOK_MS = 50;

export async function openLoop(workspace: Place, options: OpenLoopOptions): Promise<Latencies> {
  const { signal } = options;
  return await asOperator(workspace, async (operator) => {
    const total = options.warmUpOps + options.ops;
    const before = await workspace.recorded();
    const ended = new Map<string, number>();
    const due: number[] = [];
    const stored: number[] = [];
    const jtis: string[] = [];
    const recordedAt: number[] = [];
    const failures: unknown[] = [];
    const stop = new AbortController();
    await watchEnds(workspace, AbortSignal.any([signal, stop.signal]), ({ jti, seenMs }) => void ended.set(jti, seenMs));
    const startMs = now() + 50;
    const sending: Promise<void>[] = [];
    let [recorded, lookedMs] = [0, 0];
    const deadlineMs = startMs + (total / options.opsPerSecond) * 1000 + 60_000;
    while ((recorded < total || ended.size < total) && failures.length === 0) {
      if (signal.aborted || now() > deadlineMs)
        throw new Error(`of ${total} ops ${operator.sent} were sent, ${ended.size} applied, ${recorded} recorded`);
      const dueNow = Math.min(total, Math.floor(((now() - startMs) / 1000) * options.opsPerSecond) + 1);
      for (let number = operator.sent; number < dueNow; number += 1) {
        due[number] = startMs + (number / options.opsPerSecond) * 1000;
        sending.push(
          operator.submit().then(
            ({ jti }) => {
              jtis[number] = jti;
              stored[number] = now();
            },
            (error: unknown) => void failures.push(error),
          ),
        );
      }
      if (now() - lookedMs >= LOOK_MS) {
        lookedMs = now();
        const count = (await workspace.recorded()) - before;
        for (; recorded < count; recorded += 1) recordedAt[recorded] = now();
      }
      await sleep(1);
    }
    await Promise.all(sending);
    stop.abort();
    if (failures.length > 0) throw failures[0];
    const measured = Array.from({ length: options.ops }, (_, at) => options.warmUpOps + at);
    const since = (number: number, at: number | undefined) => (at ?? Number.NaN) - (due[number] ?? Number.NaN);
    return {
      storedMs: measured.map((number) => since(number, stored[number])),
      appliedMs: measured.map((number) => since(number, ended.get(jtis[number] ?? ""))),
      recordedMs: measured.map((number) => since(number, recordedAt[number])),
    };
  });
}

function now(): number {
  return performance.timeOrigin + performance.now();
}
