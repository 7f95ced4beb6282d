// Runs of the modes of a provisioning root: started, reported on, executed, all on one shelf.
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { type Clock, type Random, TriplaneError, uuid7 } from "@triplane/contract";
import type { ModeSource } from "../modes/catalogue.ts";
import { MAX_OUTPUT_BYTES } from "./command.ts";
import { checkConditions } from "./conditions.ts";
import { commandEnvironment } from "./environment.ts";
import { execute } from "./execute.ts";
import { endOrphans } from "./orphans.ts";
import { type HeldRun, RunShelf } from "./shelf.ts";
import { type RunState, runOutcome, stepAt } from "./state.ts";
import type { ConditionView, ExecOptions, ReportOptions, RunActor, Runs, RunView, StartOptions } from "./types.ts";
import { isFor, viewOf } from "./view.ts";

export interface RunsOptions {
  /** Absolute path of the provisioning root: commands run there. */
  readonly root: string;
  /** The repository that holds it, from which preconditions name files; the root's parent without it. */
  readonly repository?: string;
  readonly modes: ModeSource;
  /** Folder of the runs; made when the first one is. */
  readonly folder: string;
  /** The caller's environment; commands see little of it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
}

const DEFAULT_JOBS = 4;
const MAX_JOBS = 1024;
const MAX_TASK_CHARS = 4000;
const MAX_REPORT_CHARS = 1024 * 1024;
const MAX_PARAMETERS = 100;
const MAX_PARAMETER_CHARS = 8192;
const PARAMETER_NAME = /^[a-z][a-z0-9_]{0,31}$/;

/** The runs of a provisioning root. */
export function openRuns(options: RunsOptions): Runs {
  const shelf = new RunShelf(options.folder);
  return {
    start: async (mode, start) => {
      await using run = disposable(await found(options, shelf, mode, start));
      return viewOf(run.state, start.actor);
    },
    report: (mode, step, report) => reportStep(options, shelf, mode, step, report),
    exec: (mode, exec) => executeRun(options, shelf, mode, exec),
    show: async (named, actor) => viewOf(await shelf.read(await shelf.idOf(named)), actor),
    list: async () => {
      const states = await Promise.all((await shelf.ids()).map((id) => shelf.read(id)));
      return states.filter((state) => state.opened.root === options.root).map((state) => viewOf(state, state.opened.actor));
    },
    cancel: async (named, actor) => {
      await using run = disposable(await shelf.hold(await shelf.idOf(named)));
      mustBeOpen(run.state);
      await run.add({ kind: "cancelled", at: now(options), actor });
      return viewOf(run.state, actor);
    },
  };
}

async function found(options: RunsOptions, shelf: RunShelf, id: string, start: StartOptions): Promise<HeldRun> {
  const parameters = start.parameters ?? {};
  checkStart(start.task, parameters);
  const mode = await options.modes.load(id);
  const { clock, random, root } = options;
  return await shelf.create({
    ...{ kind: "opened", run: uuid7(clock.nowMs(), random.bytes(10)), mode, root, task: start.task, actor: start.actor, parameters },
    ...{ at: now(options), preconditions: await conditionsOf(options, mode.preconditions, mode.steps) },
  });
}

async function reportStep(options: RunsOptions, shelf: RunShelf, mode: string, step: string, report: ReportOptions): Promise<RunView> {
  if ((report.output?.length ?? 0) > MAX_REPORT_CHARS)
    throw new TriplaneError("run_invalid", `the output has more than ${MAX_REPORT_CHARS} characters`);
  await using run = disposable(await shelf.hold(await runNamed(options, shelf, mode, report.run)));
  mustBeOpen(run.state);
  const actor = report.actor ?? run.state.opened.actor;
  mustBeReportable(run.state, step, actor);
  const index = run.state.graph.indexOf.get(step) ?? -1;
  const endedAt = now(options);
  const bytes = report.output === undefined ? undefined : Buffer.from(report.output, "utf8");
  const record = run.state.steps[index];
  await run.add({
    ...{ kind: "ended", step, status: report.status },
    evidence: {
      attempt: (record?.evidence.length ?? 0) + 1,
      startedAt: record?.startedAt ?? endedAt,
      endedAt,
      actor,
      ...(bytes === undefined ? {} : { outputDigest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` }),
      ...(bytes === undefined ? {} : { output: new TextDecoder().decode(bytes.subarray(0, MAX_OUTPUT_BYTES)) }),
    },
  });
  await closeWhenDone(options, run);
  return viewOf(run.state, actor);
}

async function executeRun(options: RunsOptions, shelf: RunShelf, mode: string, exec: ExecOptions): Promise<RunView> {
  const jobs = exec.jobs ?? DEFAULT_JOBS;
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > MAX_JOBS) throw new TriplaneError("run_invalid", `jobs must be 1 to ${MAX_JOBS}`);
  const goesOn = exec.run !== undefined;
  await using run = disposable(
    goesOn ? await shelf.hold(await runNamed(options, shelf, mode, exec.run)) : await found(options, shelf, mode, exec),
  );
  mustBeOpen(run.state);
  if (goesOn) {
    const { preconditions, steps } = run.state.opened.mode;
    await recover(options, run, exec);
    await run.add({ kind: "checked", at: now(options), preconditions: await conditionsOf(options, preconditions, steps) });
  }
  const { opened } = run.state;
  const env = commandEnvironment(options.env, {
    ...{ run: opened.run, mode: opened.mode.id, task: opened.task, actor: exec.actor, root: options.root, parameters: opened.parameters },
    added: exec.environment ?? {},
  });
  const state = await execute(run.state, {
    ...{
      actor: exec.actor,
      cwd: options.root,
      folder: run.folder,
      env,
      jobs,
      clock: options.clock,
      signal: exec.signal ?? new AbortController().signal,
    },
    append: run.append,
    onEvent: (event) => exec.onEvent?.(event),
  });
  run.replace(state);
  await closeWhenDone(options, run);
  return viewOf(run.state, exec.actor);
}

/** Steps that ran when the run was cut off: what is left of them is ended, then they may run again, if that is wanted. */
async function recover(options: RunsOptions, run: HeldRun, exec: ExecOptions): Promise<void> {
  const cut = run.state.steps.flatMap(({ state }, index) => (state === "running" ? [stepAt(run.state, index).id] : []));
  if (cut.length === 0) return;
  await endOrphans(run.state.opened.run);
  if (exec.interrupted === "ask")
    throw new TriplaneError("step_interrupted", `cut off while running: ${cut.join(", ")}`, {
      details: { run: run.state.opened.run, steps: cut },
    });
  const at = now(options);
  await run.add(...cut.map((step) => ({ kind: "interrupted" as const, step, at, actor: exec.actor })));
  for (const step of cut) exec.onEvent?.({ step, what: "interrupted", state: "ready" });
}

async function closeWhenDone(options: RunsOptions, run: HeldRun): Promise<void> {
  if (runOutcome(run.state) === "open" || run.state.postconditions !== undefined) return;
  const { postconditions, steps } = run.state.opened.mode;
  await run.add({ kind: "closed", at: now(options), postconditions: await conditionsOf(options, postconditions, steps) });
}

/** The run of this name, else the mode's newest open one. Throws `run_unknown`. */
async function runNamed(options: RunsOptions, shelf: RunShelf, mode: string, named: string | undefined): Promise<string> {
  const candidates = named === undefined ? await shelf.ids() : [await shelf.idOf(named)];
  for (const id of candidates) {
    const state = await shelf.read(id);
    const fits = state.opened.mode.id === mode && state.opened.root === options.root;
    if (fits && (named !== undefined || runOutcome(state) === "open")) return id;
  }
  throw new TriplaneError("run_unknown", named === undefined ? `no run of ${mode} is open` : `run ${named} is not one of ${mode} here`);
}

function mustBeOpen(state: RunState): void {
  const outcome = runOutcome(state);
  if (outcome !== "open") throw new TriplaneError("run_ended", `run ${state.opened.run} has ended: ${outcome}`);
}

/** Also a step that was cut off while it ran: nobody else can close it. */
function mustBeReportable(state: RunState, step: string, actor: RunActor): void {
  const index = state.graph.indexOf.get(step);
  if (index === undefined)
    throw new TriplaneError("step_unknown", `${state.opened.mode.id} has no step ${JSON.stringify(step.slice(0, 64))}`);
  const view = viewOf(state, actor).steps[index];
  if (!isFor(state, index, actor))
    throw new TriplaneError("step_not_yours", `${step} is for ${stepAt(state, index).actor.toLowerCase()}, you are ${actor.toLowerCase()}`);
  if (view?.state === "ready" || view?.state === "running") return;
  const why = view?.state === "waiting" ? `waits for ${view.waitsFor.join(", ")}` : `has ended: ${view?.state}`;
  throw new TriplaneError("step_not_ready", `${step} ${why}`, { details: { step, state: view?.state, waitsFor: view?.waitsFor } });
}

function checkStart(task: string, parameters: Readonly<Record<string, string>>): void {
  const wrong = (what: string) => new TriplaneError("run_invalid", what);
  if (task.length > MAX_TASK_CHARS || task.includes("\0"))
    throw wrong(`the task must have at most ${MAX_TASK_CHARS} characters and no NUL`);
  const entries = Object.entries(parameters);
  if (entries.length > MAX_PARAMETERS) throw wrong(`more than ${MAX_PARAMETERS} parameters`);
  for (const [name, value] of entries) {
    if (!PARAMETER_NAME.test(name))
      throw wrong(`${JSON.stringify(name.slice(0, 64))}: a parameter's name is 1 to 32 lower-case letters, digits and underscores`);
    if (value.length > MAX_PARAMETER_CHARS || value.includes("\0"))
      throw wrong(`the parameter ${name} must have at most ${MAX_PARAMETER_CHARS} characters and no NUL`);
  }
}

function conditionsOf(
  options: RunsOptions,
  texts: readonly string[],
  steps: RunState["opened"]["mode"]["steps"],
): Promise<readonly ConditionView[]> {
  const repository = options.repository ?? dirname(options.root);
  return checkConditions(texts, { repository, path: options.env["PATH"] ?? "", steps });
}

function now(options: RunsOptions): string {
  return new Date(options.clock.nowMs()).toISOString();
}

function disposable(run: HeldRun): HeldRun & AsyncDisposable {
  return {
    get state() {
      return run.state;
    },
    ...{ folder: run.folder, add: run.add, append: run.append, replace: run.replace, close: run.close },
    [Symbol.asyncDispose]: run.close,
  };
}
