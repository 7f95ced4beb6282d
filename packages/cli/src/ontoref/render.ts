// How modes and runs read.
import { printableLine } from "@triplane/kit";
import type { ConditionView, Mode, RunView, StepView } from "@triplane/reflection";
import { framed } from "../framework/machine-text.ts";
import { counted, facts, table } from "../framework/table.ts";

const MARKS = { waiting: "·", ready: "○", running: "▶", pass: "✔", fail: "✘", skip: "–" } as const;
const SIGNS = { holds: "✔", fails: "✘", unchecked: "?" } as const;
const MAX_OUTPUT_LINES = 40;
const MAX_LINE = 1000;

/** The run with its steps; what each said only where `outputs` asks for it. */
export function renderRun(run: RunView, options: { readonly outputs?: boolean } = {}): string {
  const parts = [
    facts([
      ["run", run.id],
      ["mode", run.mode],
      ["task", taskText(run)],
      ["state", stateText(run)],
      ["actor", run.actor.toLowerCase()],
      ["parameters", parametersText(run)],
    ]),
  ];
  if (run.preconditions.length > 0) parts.push(`Preconditions:\n${conditionLines(run.preconditions)}`);
  parts.push(table(["", "STEP", "FOR", "TOOK", "EXIT", ""], run.steps.map(stepRow)));
  if (options.outputs === true) parts.push(...run.steps.flatMap(outputText));
  const limits = couldNot(run);
  if (limits !== undefined) parts.push(limits);
  if (run.state !== "open" && run.postconditions.length > 0)
    parts.push(`Afterwards this should hold:\n${conditionLines(run.postconditions)}`);
  parts.push(nextText(run));
  return parts.join("\n\n");
}

/** One line, framed where an agent began the run: whoever goes on with it has to know who wrote that. */
function taskText({ task, actor }: RunView): string | undefined {
  if (task === "") return undefined;
  const line = printableLine(task, MAX_LINE);
  return actor === "Agent" ? framed("an agent", [line]) : line;
}

/** What may be done now, and by whom. */
export function nextText(run: RunView): string {
  if (run.state !== "open") return `The run has ended: ${stateText(run)}.`;
  const ready = run.steps.filter(({ state }) => state === "ready" || state === "running");
  const mine = ready.filter(({ id }) => run.ready.includes(id));
  const others = ready.filter(({ id, state }) => state === "ready" && !run.ready.includes(id));
  const cut = ready.filter(({ state }) => state === "running");
  const lines = [
    ...mine.map((step) => `ready: ${step.id}${step.cmd === undefined ? " (no command: do it, then report it)" : ""}`),
    ...others.map((step) => `waits for ${step.actor.toLowerCase()}: ${step.id}`),
    ...cut.map((step) => `runs, or was cut off: ${step.id}`),
  ];
  if (mine.length > 0) lines.push(`report with: ontoref step report ${run.mode} ${mine[0]?.id} --status pass|fail|skip`);
  return lines.length === 0 ? "Nothing is ready." : lines.join("\n");
}

export function renderRunList(runs: readonly RunView[]): string {
  if (runs.length === 0) return "There are no runs.";
  const rows = runs.map((run) => [
    run.id,
    run.mode,
    stateText(run),
    run.startedAt.slice(0, 19).replace("T", " "),
    printableLine(run.task, 40),
  ]);
  return table(["RUN", "MODE", "STATE", "STARTED (UTC)", "TASK"], rows);
}

export function renderMode(mode: Mode, file: string): string {
  const rows = mode.steps.map((step) => [
    step.id,
    step.actor.toLowerCase(),
    step.action,
    step.depends_on.map(({ step: on, kind }) => (kind === "Always" ? on : `${on} (${kind})`)).join(", "),
    errorText(step.on_error),
  ]);
  const list = (texts: readonly string[]) => texts.map((each) => `  ${each}`).join("\n");
  return [
    facts([
      ["mode", mode.id],
      ["file", file],
      ["trigger", mode.trigger],
      ["strategy", mode.strategy],
    ]),
    ...(mode.preconditions.length === 0 ? [] : [`Before:\n${list(mode.preconditions)}`]),
    table(["STEP", "FOR", "ACTION", "AFTER", "ON ERROR"], rows),
    ...(mode.postconditions.length === 0 ? [] : [`Afterwards:\n${list(mode.postconditions)}`]),
  ].join("\n\n");
}

function errorText(onError: Mode["steps"][number]["on_error"]): string {
  if (onError.strategy === "Fallback") return `Fallback to ${onError.step}`;
  if (onError.strategy === "Retry") return `Retry ${onError.max}×${onError.delay === undefined ? "" : ` after ${onError.delay} s`}`;
  return onError.strategy;
}

function stateText(run: RunView): string {
  const failed = run.steps.filter(({ state }) => state === "fail").length;
  if (run.state === "open") return `open, ${counted(run.steps.filter((step) => !isEnded(step)).length, "step")} to go`;
  return run.state === "passed" && failed > 0 ? `passed, though ${counted(failed, "step")} failed` : run.state;
}

function isEnded({ state }: StepView): boolean {
  return state === "pass" || state === "fail" || state === "skip";
}

function parametersText({ parameters, actor }: RunView): string | undefined {
  const pairs = Object.entries(parameters).map(([name, value]) => printableLine(`${name}=${value}`, MAX_LINE));
  if (pairs.length === 0) return undefined;
  return actor === "Agent" ? framed("an agent", pairs) : pairs.join("\n");
}

function conditionLines(conditions: readonly ConditionView[]): string {
  return conditions
    .map(({ text, verdict, saw }) => {
      const found = verdict === "unchecked" ? " (for you to check)" : verdict === "fails" ? `: ${saw ?? "no"}` : "";
      return `  ${SIGNS[verdict]} ${text}${found}`;
    })
    .join("\n");
}

function stepRow(step: StepView): readonly string[] {
  const last = step.evidence.at(-1);
  const took = last === undefined ? "" : `${Date.parse(last.endedAt) - Date.parse(last.startedAt)} ms`;
  const exit = last?.timedOut === true ? "time limit" : last?.interrupted === true ? "cut off" : String(last?.exitCode ?? "");
  const remark = step.why ?? (step.waitsFor.length > 0 ? `waits for ${step.waitsFor.join(", ")}` : "");
  return [MARKS[step.state], step.id, step.actor.toLowerCase(), took, exit, remark];
}

function outputText(step: StepView): readonly string[] {
  const last = step.evidence.at(-1);
  const output = last?.output?.trimEnd();
  if (output === undefined || output === "") return [];
  const lines = output.split("\n");
  const first = lines.slice(0, MAX_OUTPUT_LINES);
  const shown = isReported(last)
    ? framed(
        "an agent",
        first.map((line) => printableLine(line, MAX_LINE)),
      )
        .split("\n")
        .map((line) => `  ${line}`)
    : first.map((line) => `  ${line}`);
  const more = lines.length > MAX_OUTPUT_LINES ? [`  … ${lines.length - MAX_OUTPUT_LINES} more lines: --json shows them`] : [];
  return [[`${step.id}:`, ...shown, ...more].join("\n")];
}

/** What an agent says that it saw; what a command of ours printed has an exit code. */
function isReported(evidence: StepView["evidence"][number] | undefined): boolean {
  return evidence?.actor === "Agent" && evidence.exitCode === undefined;
}

/** What the run could not do, or did without something that it needs. */
function couldNot(run: RunView): string | undefined {
  const lines = run.steps
    .filter(({ state }) => state === "fail")
    .map(({ id, evidence }) => {
      const last = evidence.at(-1);
      const said = printableLine(last?.output?.trim().split("\n").at(-1) ?? "", 200);
      const who = isReported(last) ? " (an agent reported, unverified)" : "";
      return `  ${id} failed${last?.exitCode === undefined ? "" : ` with exit code ${last.exitCode}`}${who}${said === "" ? "" : `: ${said}`}`;
    });
  for (const { text, verdict, affects } of run.preconditions)
    if (verdict === "fails" && affects !== undefined) lines.push(`  "${text}" does not hold, and these need it: ${affects.join(", ")}`);
  return lines.length === 0 ? undefined : `What it could not do:\n${lines.join("\n")}`;
}
