// Processor time of processes and of the children that they waited for, from the kernel: it does not depend on what else the machine does.
import { readFileSync } from "node:fs";

// USER_HZ, which Linux fixes at 100 for /proc on every architecture that Node runs on.
const MS_PER_TICK = 10;

export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * MS_PER_TICK, 0);
}

/** By name, what each process used between two looks, for one op. */
export async function processorMsPerOp<T extends { readonly ops: number }>(
  processes: ReadonlyMap<string, number>,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly perOp: ReadonlyMap<string, number> }> {
  const before = new Map([...processes].map(([name, pid]) => [name, processorMs(pid)]));
  const result = await work();
  const perOp = new Map([...processes].map(([name, pid]) => [name, (processorMs(pid) - (before.get(name) ?? 0)) / result.ops]));
  return { result, perOp };
}
