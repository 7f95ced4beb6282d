// What a reader of the figures has to know about the machine: measured or asked, never typed in.
import { execFileSync } from "node:child_process";
import { open, rm } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { findTool } from "@triplane/kit";
import { median } from "./statistics.ts";

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly natsServer: string;
  readonly git: string;
  /** Median of writing 300 bytes and syncing them, in the folder of the measurements. */
  readonly syncMs: number;
  /** Processes that wanted to run, one minute's mean, before the first row. */
  readonly load: number;
}

export async function describeMachine(folder: string): Promise<Machine> {
  const nats = await findTool("nats-server").then(
    ({ path }) => said(path, ["--version"]),
    () => "not found",
  );
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `Linux ${release()}`,
    node: process.version,
    natsServer: nats,
    git: said("git", ["--version"]),
    syncMs: await syncMs(folder),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

function said(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: "utf8" }).trim();
  } catch {
    return "not found";
  }
}

async function syncMs(folder: string): Promise<number> {
  const path = join(folder, `.sync-probe-${process.pid}`);
  const file = await open(path, "w");
  const times: number[] = [];
  try {
    for (let round = 0; round < 100; round += 1) {
      const startedMs = performance.now();
      await file.write(Buffer.alloc(300, round));
      await file.datasync();
      times.push(performance.now() - startedMs);
    }
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  return Math.round(median(times) * 100) / 100;
}

export function machineLines(machine: Machine): readonly string[] {
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}`,
    `Node ${machine.node}, ${machine.natsServer}, ${machine.git}`,
    `writing 300 bytes and syncing them: ${machine.syncMs} ms (median); load before the first row: ${machine.load}`,
  ];
}
