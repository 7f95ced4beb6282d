// Runs of modes against other ways to start the same commands: make, xargs, and a shell that only starts them.
import { spawn } from "node:child_process";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock, systemRandom } from "@triplane/kit";
import { modeSchema, openRuns } from "@triplane/reflection";

export type Shape = "chain" | "parallel";

/** Nothing, but in a form that make does not leave out. */
const COMMAND = ":; :";
const BASH = "/bin/bash";

/** Milliseconds for a run of `count` steps that do nothing; every event is on disk before the next step begins. */
export async function runMode(folder: string, shape: Shape, count: number, jobs: number): Promise<number> {
  const steps = Array.from({ length: count }, (_, index) => ({
    ...{ id: `s${index}`, action: "nothing", actor: "Ci", cmd: COMMAND },
    depends_on: shape === "chain" && index > 0 ? [{ step: `s${index - 1}`, kind: "OnSuccess" }] : [],
  }));
  const mode = modeSchema.parse({ id: "bench", trigger: "bench", steps });
  const runs = openRuns({
    ...{ root: folder, folder: join(folder, "runs"), modes: { load: async () => mode } },
    ...{ env: { PATH: process.env["PATH"] }, clock: systemClock, random: systemRandom },
  });
  const startedAt = performance.now();
  const run = await runs.exec("bench", { task: "", actor: "Ci", jobs });
  const ms = performance.now() - startedAt;
  if (run.state !== "passed") throw new Error(`the run has ended: ${run.state}`);
  return ms;
}

/** The same with make: a bash loaded for each, exit codes looked at; no output kept, no journal, no groups, no time limits. */
export async function runMake(folder: string, shape: Shape, count: number, jobs: number): Promise<number> {
  const targets = Array.from({ length: count }, (_, index) => `s${index}`);
  const rules = targets.map((name, index) => `${name}:${shape === "chain" && index > 0 ? ` s${index - 1}` : ""}\n\t@${COMMAND}\n`);
  const file = join(folder, `${shape}.mk`);
  await writeFile(file, `SHELL := ${BASH}\nall: ${targets.join(" ")}\n.PHONY: all ${targets.join(" ")}\n${rules.join("")}`);
  return await timed("make", ["--no-print-directory", "-s", `-j${jobs}`, "-f", file, "all"]);
}

/** With xargs, which knows no order: one at a time for a chain. */
export async function runXargs(shape: Shape, count: number, jobs: number): Promise<number> {
  return await xargs(shape, count, jobs, COMMAND);
}

/** The same with the least that is left of a step here: its output and its exit code, each in a file. */
export async function runXargsKeeping(folder: string, shape: Shape, count: number, jobs: number): Promise<number> {
  return await xargs(shape, count, jobs, `{ ${COMMAND}; } >${folder}/{}.output 2>&1; echo $? >${folder}/{}.code`);
}

async function xargs(shape: Shape, count: number, jobs: number, command: string): Promise<number> {
  return await timed("sh", ["-c", `seq ${count} | xargs -P ${shape === "chain" ? 1 : jobs} -I{} ${BASH} -c '${command}'`]);
}

/** What the processes cost by themselves: a shell that starts them one after another. */
export async function runProcesses(count: number): Promise<number> {
  return await timed(BASH, ["-c", `for ((i = 0; i < ${count}; i++)); do ${BASH} -c '${COMMAND}'; done`]);
}

/** What the disk costs by itself: as many lines as a chain of steps needs, each synced. */
export function runSyncs(folder: string, count: number): number {
  const file = openSync(join(folder, "lines"), "a");
  const line = Buffer.alloc(400, "x");
  const startedAt = performance.now();
  for (let index = 0; index < count; index += 1) {
    writeSync(file, line);
    fdatasyncSync(file);
  }
  const ms = performance.now() - startedAt;
  closeSync(file);
  return ms;
}

function timed(program: string, words: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(program, words, { stdio: "ignore" });
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve(performance.now() - startedAt) : reject(new Error(`${program} ended with ${code}`)),
    );
  });
}
