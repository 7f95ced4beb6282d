// Runs a daemon from command line to exit code: configuration, logger, health pages, signals, drain.
//
// 1. SIGTERM and SIGINT abort `ctx.signal` once; the daemon then has `drainMs` to finish what it holds. A second signal ends the process at once.
// 2. Whatever happens to the daemon, its `stop` is called exactly once before the exit code is returned.
// 3. An unhandled rejection or exception is a defect: it is logged and the process exits with 1, so that its supervisor starts a clean one.
import { type Clock, type Random, TriplaneError, toTriplaneError } from "@triplane/contract";
import { systemClock, systemRandom } from "./clock.ts";
import { parseCommandLine } from "./config/command-line.ts";
import type { CommonOptions } from "./config/common.ts";
import type { ConfigDefinition, OptionTable, ValuesOf } from "./config/define.ts";
import { renderHelp } from "./config/render.ts";
import { type Environment, resolveConfig } from "./config/resolve.ts";
import { type Health, serveHealth } from "./health.ts";
import { createLogger, type Logger, type LogSink } from "./logger.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { sleep } from "./sleep.ts";
import { createTracer, noTracer, type Tracer } from "./traces/tracer.ts";

export interface DaemonContext<C> {
  readonly config: C;
  readonly logger: Logger;
  /** Aborted when the daemon is asked to stop. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
}

export interface RunningDaemon {
  /** Settles when the daemon ends by itself; a rejection is a failure. A daemon that runs until told to stop gives a promise that stays open. */
  readonly done: Promise<void>;
  /** For /healthz. */
  health?(): Health | Promise<Health>;
  /** Finishes what is in hand and releases everything. */
  stop(): Promise<void>;
}

export interface Daemon<T extends OptionTable> {
  readonly name: string;
  readonly config: ConfigDefinition<T & CommonOptions>;
  start(context: DaemonContext<ValuesOf<T & CommonOptions>>): Promise<RunningDaemon>;
  /** Longest time to finish after a signal. */
  readonly drainMs?: number;
}

export interface DaemonSurroundings {
  readonly argv: readonly string[];
  readonly env: Environment;
  /** Where --help goes; standard output unless given. */
  readonly stdout?: LogSink;
  readonly logSink?: LogSink;
  /** Stops the daemon as a signal would; for tests and for programs that hold several daemons. */
  readonly signal?: AbortSignal;
}

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

const DEFAULT_DRAIN_MS = 20_000;

/** Runs until the daemon ends or is told to; the result is the exit code. Never throws. */
export async function runDaemon<T extends OptionTable>(daemon: Daemon<T>, surroundings: DaemonSurroundings): Promise<number> {
  const stdout = surroundings.stdout ?? { write: (line: string) => void process.stdout.write(line) };
  const commandLine = parseCommandLine(daemon.config, surroundings.argv);
  if (commandLine.help) {
    stdout.write(renderHelp(daemon.config));
    return EXIT_DONE;
  }
  const sink = surroundings.logSink === undefined ? {} : { sink: surroundings.logSink };
  let config: ValuesOf<T & CommonOptions>;
  try {
    config = await resolveConfig(daemon.config, surroundings);
  } catch (error) {
    createLogger({ name: daemon.name, ...sink }).error({ err: error }, "the configuration is wrong");
    return EXIT_USAGE;
  }
  if (commandLine.check) {
    stdout.write(`${daemon.config.program}: the configuration is right\n`);
    return EXIT_DONE;
  }
  const metrics = createMetrics({ name: daemon.name, workspace: workspaceOf(config), processMetrics: true });
  const lines = metrics.counter("log_lines_total");
  const onLine = (level: "warn" | "error"): void => lines.add({ level });
  const logger = createLogger({ name: daemon.name, workspace: workspaceOf(config), level: config.logLevel, onLine, ...sink });
  const spans = metrics.counter("trace_spans_total");
  const { otlpEndpoint: endpoint } = config;
  const tracer =
    endpoint === undefined
      ? noTracer
      : createTracer({ endpoint, name: daemon.name, workspace: workspaceOf(config), spans, random: systemRandom });
  return await supervise(daemon, config, { logger, metrics, tracer }, surroundings.signal);
}

/** What the daemon tells people with. */
type Voices = Pick<DaemonContext<unknown>, "logger" | "metrics" | "tracer">;

/** Every daemon that serves one workspace calls that option so. */
function workspaceOf(config: Readonly<Record<string, unknown>>): string | undefined {
  const { workspace } = config;
  return typeof workspace === "string" ? workspace : undefined;
}

async function supervise<T extends OptionTable>(
  daemon: Daemon<T>,
  config: ValuesOf<T & CommonOptions>,
  voices: Voices,
  outerSignal: AbortSignal | undefined,
): Promise<number> {
  const { logger } = voices;
  const stopping = new AbortController();
  const crashed = Promise.withResolvers<never>();
  // Awaited only inside a race; without this an early crash would itself be an unhandled rejection.
  crashed.promise.catch(() => undefined);
  const onSignal = (name: NodeJS.Signals): void => {
    if (stopping.signal.aborted) {
      logger.warn({ signal: name }, "second signal, ending at once");
      process.exit(EXIT_FAILED);
    }
    logger.info({ signal: name }, "asked to stop");
    stopping.abort();
  };
  const onDefect = (error: unknown): void => crashed.reject(toTriplaneError(error));
  const onOuterAbort = (): void => stopping.abort();
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal).on("uncaughtException", onDefect).on("unhandledRejection", onDefect);
  if (outerSignal?.aborted === true) stopping.abort();
  outerSignal?.addEventListener("abort", onOuterAbort, { once: true });
  try {
    return await runStarted(daemon, config, voices, stopping.signal, crashed.promise);
  } finally {
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal).off("uncaughtException", onDefect).off("unhandledRejection", onDefect);
    outerSignal?.removeEventListener("abort", onOuterAbort);
  }
}

async function runStarted<T extends OptionTable>(
  daemon: Daemon<T>,
  config: ValuesOf<T & CommonOptions>,
  { logger, metrics, tracer }: Voices,
  signal: AbortSignal,
  crashed: Promise<never>,
): Promise<number> {
  const drainMs = daemon.drainMs ?? DEFAULT_DRAIN_MS;
  const asked = aborted(signal);
  let running: RunningDaemon | undefined;
  let closeHealth: () => Promise<void> = async () => undefined;
  let exitCode = EXIT_DONE;
  try {
    const starting = daemon.start({ config, logger, signal, clock: systemClock, random: systemRandom, metrics, tracer });
    running = await Promise.race([starting, crashed, asked.then(() => within(drainMs, starting, "was still starting"))]);
    const health = running.health?.bind(running) ?? (() => ({ ok: true }));
    metrics.gauge("healthy", { collect: async (gauge) => gauge.set((await isWell(health)) ? 1 : 0) });
    let healthPort: number | undefined;
    if (config.healthPort !== undefined) {
      const server = await serveHealth(config.healthPort, { name: daemon.name, metrics, health, host: config.healthHost });
      closeHealth = server.close;
      healthPort = server.port;
    }
    logger.info({ ...(healthPort === undefined ? {} : { healthPort }) }, "ready");
    await Promise.race([running.done, asked, crashed]);
  } catch (error) {
    logger.error({ err: error }, running === undefined ? "could not start" : "failed");
    exitCode = EXIT_FAILED;
  }
  if (running !== undefined && !(await drain(running, drainMs, logger))) exitCode = EXIT_FAILED;
  await closeHealth();
  await tracer.close();
  logger.info({ exitCode }, "stopped");
  return exitCode;
}

async function isWell(health: () => Health | Promise<Health>): Promise<boolean> {
  try {
    return (await health()).ok;
  } catch {
    return false;
  }
}

async function drain(running: RunningDaemon, drainMs: number, logger: Logger): Promise<boolean> {
  try {
    await within(drainMs, running.stop(), "had not stopped");
    return true;
  } catch (error) {
    logger.error({ err: error }, "did not stop cleanly");
    return false;
  }
}

/** The promise's result, or `internal` when it is not there in time. */
async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  const timer = new AbortController();
  const late = sleep(ms, timer.signal).then((): never => {
    throw new TriplaneError("internal", `the daemon ${what} ${ms} ms after it was asked to stop`);
  });
  // Once the race is over nobody listens to the loser.
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
