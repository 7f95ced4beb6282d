// One replica: its process is started, watched, started again under the policy, found again after a restart of ours, and ended.
//
// 1. At most one process of a replica runs: a new one is started only after the old one and all it started are gone.
// 2. The record is durable before the process starts, and names it as soon as it runs; what carries the marker but is not named is leftover.
// 3. `close` leaves the process alone; `stop` ends it.
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { type Clock, type FailureCode, type Random, TriplaneError } from "@triplane/contract";
import { sleep } from "@triplane/kit";
import type { ProcessDefinition } from "../../catalog/definition.ts";
import type { EventDraft, EventType } from "../../events.ts";
import type { JsonRecord } from "../../model.ts";
import type { InstanceHealth } from "../driver.ts";
import { type LaunchHost, launch } from "./launch.ts";
import { Life, type LifeEnd } from "./life.ts";
import { tailOf } from "./log-file.ts";
import { isRunning, type ProcessIdentity, type StopRules, startOf, terminate } from "./process-table.ts";
import type { ReplicaRecord } from "./replica-record.ts";
import { decideRestart } from "./restart-policy.ts";

export interface ReplicaHost extends LaunchHost {
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts when the process stops. */
  readonly signal: AbortSignal;
  readonly put: (record: ReplicaRecord) => Promise<void>;
  readonly emit: (event: EventDraft) => void;
  /** Something failed that leaves a replica without supervision. */
  readonly onFatal: (error: unknown) => void;
}

export interface ReplicaPlace {
  readonly definition: ProcessDefinition;
  readonly componentDir: string;
  readonly dataDir: string;
  readonly logFile: string;
}

const LOG_LINES_IN_EVENT = 10;
const LAUNCH_FAILURES: ReadonlySet<FailureCode> = new Set(["apply_failed", "tool_missing"]);

export class Replica {
  readonly place: ReplicaPlace;
  readonly #host: ReplicaHost;
  readonly #closing = new AbortController();
  /** Nobody watches any more: this replica is closed, or everything stops. */
  readonly #unwatched: AbortSignal;
  #record: ReplicaRecord;
  #life: Life | undefined;
  #supervision: Promise<void> = Promise.resolve();
  #phase: "starting" | "running" | "waiting" | "ended" = "starting";
  #lastEnd: LifeEnd | undefined;

  constructor(record: ReplicaRecord, place: ReplicaPlace, host: ReplicaHost) {
    this.#record = record;
    this.place = place;
    this.#host = host;
    this.#unwatched = AbortSignal.any([this.#closing.signal, host.signal]);
  }

  get record(): ReplicaRecord {
    return this.#record;
  }

  get health(): InstanceHealth {
    if (this.#phase === "ended") return "unhealthy";
    if (this.#life?.healthy === true) return "healthy";
    return this.#phase === "waiting" ? "unhealthy" : "starting";
  }

  /** Whether somebody looks after it. */
  get supervised(): boolean {
    return this.#phase !== "ended";
  }

  /** Starts it and waits until it is healthy. Undefined then; else how it ended: nothing of it runs any more, and nobody starts it again. */
  start(): Promise<LifeEnd | undefined> {
    const starting = this.#startOnce();
    this.#supervision = starting.then(
      () => undefined,
      () => undefined,
    );
    return starting;
  }

  async #startOnce(): Promise<LifeEnd | undefined> {
    try {
      const life = await this.#launch();
      if (await life.started) {
        this.#supervise(life);
        return undefined;
      }
      const end = await life.ended;
      if (end === undefined) return undefined;
      await this.#over(end);
      this.#phase = "ended";
      return end;
    } catch (error) {
      this.#phase = "ended";
      throw error;
    }
  }

  /** Waits until it is healthy, nobody tries any more, or it took as long as a start may take. */
  async settled(): Promise<LifeEnd | undefined> {
    const { start_timeout_ms: timeoutMs } = this.place.definition.health;
    const deadlineMs = performance.now() + timeoutMs;
    while (this.supervised && !this.#unwatched.aborted) {
      if (this.#life?.healthy === true) return undefined;
      if (performance.now() > deadlineMs) return { reason: "start-timeout", healthError: `not healthy within ${timeoutMs} ms` };
      await sleep(20, this.#unwatched);
    }
    return this.supervised ? undefined : (this.#lastEnd ?? { reason: "exit" });
  }

  /** Goes on with a recorded replica: finds its process again, or starts it under the restart policy. */
  async adopt(): Promise<void> {
    const { process: known, marker } = this.#record;
    if (known !== null && (await isRunning(known))) {
      this.#supervise(this.#watch(known, undefined));
      return;
    }
    await terminate(undefined, marker, this.#stopRules());
    this.#supervise(undefined);
  }

  /** Starts it as often as the policy allows, in the background; for going back to a state that was good once. */
  keepTrying(): void {
    this.#supervise(undefined);
  }

  /** Ends the process and all it started. */
  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#supervision;
    this.#phase = "ended";
    await terminate(this.#record.process ?? undefined, this.#record.marker, this.#stopRules());
  }

  /** Stops looking after it; the process goes on. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#supervision;
  }

  #supervise(first: Life | undefined): void {
    this.#phase = first === undefined ? "waiting" : "running";
    this.#supervision = this.#loop(first).catch((error) => {
      this.#phase = "ended";
      if (!this.#unwatched.aborted) this.#host.onFatal(error);
    });
  }

  async #loop(first: Life | undefined): Promise<void> {
    let life = first;
    while (!this.#unwatched.aborted) {
      life ??= await this.#tryLaunch();
      const end = await life?.ended;
      if (life !== undefined && end === undefined) return;
      if (end !== undefined) await this.#over(end);
      if (!(await this.#mayRestart())) return;
      life = undefined;
    }
  }

  /** Undefined where the program cannot be started at all, which counts like a process that ended at once. */
  async #tryLaunch(): Promise<Life | undefined> {
    try {
      return await this.#launch();
    } catch (error) {
      if (!(error instanceof TriplaneError) || !LAUNCH_FAILURES.has(error.code)) throw error;
      this.#emit("replica.exited", { error: error.message.slice(0, 300) });
      return undefined;
    }
  }

  async #mayRestart(): Promise<boolean> {
    const { clock, random } = this.#host;
    const decision = decideRestart(this.#record.restarts, clock.nowMs(), this.place.definition.restart, random);
    this.#record = { ...this.#record, process: null, restarts: [...decision.history] };
    if (!decision.restart) {
      this.#phase = "ended";
      await this.#host.put(this.#record);
      this.#emit("replica.given-up", { restarts: decision.history.length });
      return false;
    }
    this.#phase = "waiting";
    await sleep(decision.afterMs, this.#unwatched);
    return true;
  }

  async #launch(): Promise<Life> {
    const { place } = this;
    await mkdir(place.dataDir, { recursive: true, mode: 0o700 });
    await mkdir(dirname(place.logFile), { recursive: true, mode: 0o700 });
    this.#record = { ...this.#record, marker: randomUUID(), process: null };
    await this.#host.put(this.#record);
    const { target, replica, marker, ports, settings } = this.#record;
    const log = await open(place.logFile, "a", 0o600);
    try {
      const child = await launch({ ...place, target, replica, marker, ports, settings }, this.#host, log.fd);
      const pid = child.pid ?? 0;
      // A child that is already gone has no start; its exit is reported by the child itself.
      const identity = { pid, start: (await startOf(pid)) ?? "gone" };
      this.#record = { ...this.#record, process: identity };
      await this.#host.put(this.#record);
      this.#emit("replica.started", { pid });
      this.#phase = "running";
      return this.#watch(identity, child);
    } finally {
      await log.close();
    }
  }

  #watch(identity: ProcessIdentity, child: ChildProcess | undefined): Life {
    const life = new Life({
      ...this.place,
      identity,
      child,
      ports: this.#record.ports,
      clock: this.#host.clock,
      signal: this.#unwatched,
      onHealthy: () => this.#emit("replica.healthy", { pid: identity.pid }),
    });
    this.#life = life;
    return life;
  }

  async #over(end: LifeEnd): Promise<void> {
    this.#lastEnd = end;
    this.#life = undefined;
    const { lines } = await tailOf(this.place.logFile, LOG_LINES_IN_EVENT);
    this.#emit(end.reason === "exit" ? "replica.exited" : "replica.unhealthy", { ...endFacts(end), log_tail: lines });
    await terminate(this.#record.process ?? undefined, this.#record.marker, this.#stopRules());
  }

  #stopRules(): StopRules {
    const { signal, grace_ms: graceMs } = this.place.definition.stop;
    return { signal, graceMs };
  }

  #emit(type: EventType, data: JsonRecord): void {
    this.#host.emit({ type, target: this.#record.target, data: { replica: this.#record.replica, ...data } });
  }
}

/** How a process ended, for events and evidence. */
export function endFacts(end: LifeEnd): JsonRecord {
  if (end.reason !== "exit") return { reason: end.reason, health_error: end.healthError };
  return {
    reason: "exit",
    ...(end.exitCode === undefined ? {} : { exit_code: end.exitCode }),
    ...(end.signal === undefined ? {} : { signal: end.signal }),
  };
}
