// Keeps the processes of one plane running: starts them in stages, waits for their health, starts again what ends by itself.
//
// 1. A process is recorded in the run folder as soon as it exists, so that whoever comes later can stop it.
// 2. Told to stop, it stops everything it started, the last stage first, and leaves no record behind.
// 3. A process that keeps ending is started again with growing pauses, never in a tight loop, and never given up.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { type Random, TriplaneError } from "@triplane/contract";
import { backoffMs, type Logger, sleep } from "@triplane/kit";
import { askHealth } from "./health.ts";
import { identifyProcess, type ProcessIdentity } from "./process-identity.ts";
import type { ProcessSpec, Stages } from "./process-spec.ts";
import type { RunFolder } from "./records.ts";
import { stopProcess } from "./stop.ts";

export interface SupervisorOptions {
  readonly stages: Stages;
  readonly runFolder: RunFolder;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logger: Logger;
  readonly random: Random;
  /** Fires when everything has to stop. */
  readonly signal: AbortSignal;
  /** How long one process may take to become healthy at the first start. */
  readonly readyTimeoutMs: number;
  readonly graceMs: number;
  /** Called once, when all stages are ready. */
  readonly onReady: () => Promise<void>;
}

const RESTART_PAUSE = { baseMs: 250, maxMs: 15_000 };
// A process that ran this long has recovered: the next pause is short again.
const STEADY_MS = 20_000;

/** Resolves when `signal` fired and everything is stopped; throws `start_failed` after stopping what had started. */
export async function supervise(options: SupervisorOptions): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  options.signal.addEventListener("abort", stop, { once: true });
  if (options.signal.aborted) stop();
  const kept: Kept[][] = [];
  try {
    for (const stage of options.stages) {
      if (stopping.signal.aborted) break;
      const members = stage.map((spec) => keep(spec, options, stopping.signal));
      kept.push(members);
      await Promise.all(members.map((member) => member.ready));
    }
    if (!stopping.signal.aborted) await options.onReady();
    await fired(stopping.signal);
  } finally {
    stop();
    options.signal.removeEventListener("abort", stop);
    for (const stage of kept.toReversed()) await Promise.all(stage.map((member) => member.end()));
  }
}

interface Kept {
  /** Settles at the first healthy answer, or rejects with `start_failed`. */
  readonly ready: Promise<void>;
  /** Stops the process for good; resolves when its record is gone. */
  end(): Promise<void>;
}

function keep(spec: ProcessSpec, options: SupervisorOptions, stopping: AbortSignal): Kept {
  const release = new AbortController();
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined); // looked at by the stage; a failure of another member must not leave this one unhandled
  const ended = keepRunning(spec, options, stopping, release.signal, ready);
  return {
    ready: ready.promise,
    end: async () => {
      release.abort();
      await ended;
    },
  };
}

/** `stopping`: start nothing again. `release`: nothing that needs this process runs any more, stop it. */
async function keepRunning(
  spec: ProcessSpec,
  options: SupervisorOptions,
  stopping: AbortSignal,
  release: AbortSignal,
  ready: PromiseWithResolvers<void>,
): Promise<void> {
  const { logger, runFolder } = options;
  let restarts = 0;
  let failuresInARow = 0;
  let wasReady = false;
  while (!stopping.aborted) {
    const startedMs = performance.now();
    let child: Running;
    try {
      child = await start(spec, options, restarts);
    } catch (error) {
      ready.reject(new TriplaneError("start_failed", `${spec.name} could not be started`, { cause: error }));
      break;
    }
    logger.info({ process: spec.name, pid: child.identity.pid, restarts }, "started");
    if (!wasReady) {
      const problem = await firstReadiness(spec, child, options, stopping);
      if (problem !== undefined && !stopping.aborted) ready.reject(problem);
      else ready.resolve();
      wasReady = problem === undefined;
      if (problem !== undefined) {
        await stopProcess(child.identity, options);
        break;
      }
    }
    await Promise.race([child.exited, fired(release)]);
    if (release.aborted || stopping.aborted) {
      const how = await stopProcess(child.identity, options);
      logger.info({ process: spec.name, how }, "stopped");
      break;
    }
    failuresInARow = performance.now() - startedMs > STEADY_MS ? 1 : failuresInARow + 1;
    restarts += 1;
    const pauseMs = backoffMs(failuresInARow, RESTART_PAUSE, options.random);
    logger.warn({ process: spec.name, exit: await child.exited, pauseMs }, "ended by itself, starting it again");
    await sleep(pauseMs, stopping);
  }
  ready.resolve();
  await runFolder.removeProcess(spec.name);
}

interface Running {
  readonly identity: ProcessIdentity;
  /** The exit code or signal. */
  readonly exited: Promise<string>;
}

async function start(spec: ProcessSpec, options: SupervisorOptions, restarts: number): Promise<Running> {
  await mkdir(dirname(spec.log), { recursive: true, mode: 0o700 });
  const log = openSync(spec.log, "a", 0o600);
  let child: ChildProcess;
  try {
    const [program, ...args] = spec.argv;
    child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: ["ignore", log, log], detached: true });
  } finally {
    closeSync(log);
  }
  const exited = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? String(code)));
    child.once("error", (error) => resolve(error.message));
  });
  if (child.pid === undefined) throw new TriplaneError("start_failed", `${spec.argv[0]} did not start: ${await exited}`);
  // A process that ended at once has no identity any more; the loop sees that it ended.
  const identity = (await identifyProcess(child.pid)) ?? { pid: child.pid, startedAt: "ended" };
  const { name, plane, healthUrl } = spec;
  await options.runFolder.writeProcess({ name, plane, process: identity, restarts, healthUrl, log: spec.log });
  return { identity, exited };
}

async function firstReadiness(
  spec: ProcessSpec,
  child: Running,
  options: SupervisorOptions,
  stopping: AbortSignal,
): Promise<TriplaneError | undefined> {
  const deadlineMs = performance.now() + options.readyTimeoutMs;
  let exit: string | undefined;
  void child.exited.then((how) => {
    exit = how;
  });
  let last: unknown = "no answer";
  while (!stopping.aborted && exit === undefined && performance.now() < deadlineMs) {
    const answer = await askHealth(spec.healthUrl, 1_000);
    if (answer.ok) {
      try {
        await spec.afterReady?.();
        return undefined;
      } catch (error) {
        // What only people can put right keeps its name.
        if (error instanceof TriplaneError && error.code === "state_lost") return error;
        return new TriplaneError("start_failed", `${spec.name} runs, but what follows failed: ${messageOf(error)}`, { cause: error });
      }
    }
    last = answer.detail;
    await sleep(100, stopping);
  }
  if (stopping.aborted) return new TriplaneError("start_failed", `${spec.name} was told to stop before it was ready`);
  const why =
    exit === undefined ? `was not healthy after ${options.readyTimeoutMs / 1000} s (${JSON.stringify(last)})` : `ended with ${exit}`;
  return new TriplaneError("start_failed", `${spec.name} ${why}; the last lines of ${spec.log}:\n${await lastLines(spec.log, 8)}`);
}

/** The end of a log file, bounded. */
export async function lastLines(path: string, count: number): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 8192);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString("utf8").trimEnd().split("\n").slice(-count).join("\n");
  } finally {
    await file.close();
  }
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
