// One process of a replica, from its start (or from finding it again) to its end.
//
// 1. `started` and `ended` settle once; watching stops when the process ended or nobody wants to watch any more.
// 2. Watching never ends the process: that is for the replica to decide.
import type { ChildProcess } from "node:child_process";
import type { Clock } from "@triplane/contract";
import { sleep } from "@triplane/kit";
import type { ProcessDefinition } from "../../catalog/definition.ts";
import { initialHealth, nextHealth } from "./health-state.ts";
import { rotateIfLarge } from "./log-file.ts";
import { probe } from "./probe.ts";
import { isRunning, type ProcessIdentity } from "./process-table.ts";

export type LifeEnd =
  | { readonly reason: "exit"; readonly exitCode?: number; readonly signal?: string }
  | { readonly reason: "unhealthy" | "start-timeout"; readonly healthError: string };

export interface LifeParts {
  readonly identity: ProcessIdentity;
  /** Undefined for a process that an earlier orchestrator started. */
  readonly child: ChildProcess | undefined;
  readonly definition: ProcessDefinition;
  readonly ports: Readonly<Record<string, number>>;
  readonly dataDir: string;
  readonly logFile: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onHealthy: () => void;
}

// A process that starts is looked at more often than one that runs: people wait for it.
const STARTING_INTERVAL_MS = 100;
const EXIT_REPORT_MS = 1_000;

export class Life {
  readonly identity: ProcessIdentity;
  /** True when it first was healthy, false when it ended before. */
  readonly started: Promise<boolean>;
  /** Undefined when watching was called off. */
  readonly ended: Promise<LifeEnd | undefined>;
  #healthy = false;

  constructor(parts: LifeParts) {
    this.identity = parts.identity;
    const started = Promise.withResolvers<boolean>();
    this.started = started.promise;
    this.ended = this.#watch(parts, () => {
      this.#healthy = true;
      started.resolve(true);
      parts.onHealthy();
    }).finally(() => {
      this.#healthy = false;
      started.resolve(false);
    });
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  async #watch(parts: LifeParts, becameHealthy: () => void): Promise<LifeEnd | undefined> {
    const { definition, clock, signal } = parts;
    const exited = new AbortController();
    const exit = exitOf(parts.child);
    void exit.then(() => exited.abort());
    let health = initialHealth(clock.nowMs());
    for (;;) {
      const healthError = await probe(definition.health, parts, clock.nowMs());
      if (signal.aborted) return undefined;
      if (exited.signal.aborted || !(await isRunning(parts.identity))) return Promise.race([exit, unknownExit(parts.child)]);
      const next = nextHealth(health, healthError === undefined, clock.nowMs(), definition.health);
      health = next.state;
      if (next.verdict === "became-healthy") becameHealthy();
      if (next.verdict === "became-unhealthy") return { reason: "unhealthy", healthError: healthError ?? "" };
      if (next.verdict === "start-timeout") return { reason: "start-timeout", healthError: healthError ?? "not healthy for long enough" };
      await rotateIfLarge(parts.logFile, definition.log).catch(() => undefined);
      const { interval_ms: intervalMs } = definition.health;
      const waitMs = health.phase === "starting" ? Math.min(intervalMs, STARTING_INTERVAL_MS) : intervalMs;
      await sleep(waitMs, signal, exited.signal);
    }
  }
}

/** Pends for a process that is no child of ours: how that one ends is not to be known. */
function exitOf(child: ChildProcess | undefined): Promise<LifeEnd> {
  return new Promise((resolve) => {
    const end = (code: number | null, signal: string | null): void =>
      resolve({ reason: "exit", ...(code === null ? {} : { exitCode: code }), ...(signal === null ? {} : { signal }) });
    if (child === undefined) return;
    if (child.exitCode !== null || child.signalCode !== null) end(child.exitCode, child.signalCode);
    else child.once("exit", end);
  });
}

// The system knows that a child is gone a moment before its exit is reported here.
async function unknownExit(child: ChildProcess | undefined): Promise<LifeEnd> {
  if (child !== undefined) await sleep(EXIT_REPORT_MS);
  return { reason: "exit" };
}
