// buildkit-launcher: settings, log, build, receipt, exit code.
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { type Environment, parseCommandLine, renderHelp, systemClock, systemRandom } from "@triplane/kit/options";
import { performBuild, prepareBuild } from "./build.ts";
import { type BuildSettings, CONFIG, resolveBuildSettings } from "./config.ts";
import type { BuildLog } from "./log/build-log.ts";
import { jsonLog } from "./log/json-log.ts";
import { liveLog } from "./log/live-log.ts";
import { plainLog } from "./log/plain-log.ts";
import { renderPlan } from "./plan/build-plan.ts";
import { EXIT, EXIT_CODES_HELP, exitCodeOf } from "./receipt/exit-codes.ts";
import { renderReceipt } from "./receipt/receipt.ts";
import { stopSignals } from "./stop-signals.ts";

/** What the build's streams are. */
export interface BuildStreams {
  out(text: string): void;
  err(text: string): void;
  /** Of standard error, where it is a terminal. */
  terminal(): { readonly columns: number; readonly rows: number } | undefined;
}

/** Runs one build; the result is the exit code. Never throws. `--json` is an argument like the others. */
export async function runLauncher(argv: readonly string[], env: Environment, streams: BuildStreams, cwd = process.cwd()): Promise<number> {
  const json = argv.includes("--json");
  const flags = argv.filter((word) => word !== "--json");
  if (parseCommandLine(CONFIG, flags).help) {
    streams.out(helpText());
    return EXIT.built;
  }
  using stopping = stopSignals((name) => streams.err(`${name}: stopping, the runner is given back\n`));
  try {
    const settings = await resolveBuildSettings(flags, env);
    if (parseCommandLine(CONFIG, flags).check) return EXIT.built;
    const surroundings = { cwd, env, clock: systemClock, random: systemRandom, signal: stopping.signal, stoppedBy: stopping.name };
    const prepared = await prepareBuild(settings, surroundings);
    if (settings.dryRun) {
      streams.out(json ? `${JSON.stringify(prepared.plan, null, 2)}\n` : `${renderPlan(prepared.plan)}\n`);
      return EXIT.built;
    }
    const log = logFor(settings, json, env, streams);
    log.note(`building ${prepared.plan.repo} on ${prepared.plan.size.tier}: ${prepared.plan.size.reason}`);
    for (const warning of prepared.plan.warnings) log.note(`warning: ${warning}`);
    const receipt = await performBuild(prepared, settings, { ...surroundings, log });
    streams.out(json ? `${JSON.stringify({ event: "receipt", ...receipt })}\n` : `${renderReceipt(receipt)}\n`);
    return receipt.exit_code;
  } catch (thrown) {
    const error = toTriplaneError(thrown);
    printFailure(error, json, streams);
    return exitCodeOf("infrastructure", error, undefined);
  }
}

function printFailure({ code, message, hint, details }: TriplaneError, json: boolean, streams: BuildStreams): void {
  if (json) streams.err(`${JSON.stringify({ error: { code, message, hint, details } })}\n`);
  else streams.err(`error: ${message}\n  code: ${code}\n  hint: ${hint}\n`);
}

function logFor({ progress }: BuildSettings, json: boolean, env: Environment, streams: BuildStreams): BuildLog {
  if (json) return jsonLog(streams.out);
  const terminal = streams.terminal();
  if (progress === "plain" || terminal === undefined) {
    if (progress === "live") throw new TriplaneError("usage", "--progress live needs a terminal at standard error");
    return plainLog(streams.err);
  }
  const colours = (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return liveLog({ write: streams.err, clock: systemClock, screen: () => ({ ...(streams.terminal() ?? terminal), colours }) });
}

function helpText(): string {
  const lines = renderHelp(CONFIG).trimEnd().split("\n");
  const json = ["  --json: events as one JSON object per line on standard output, the receipt last."];
  return [...lines.slice(0, -1), ...json, "", EXIT_CODES_HELP, ""].join("\n");
}

/** This process's own streams. */
export const processStreams: BuildStreams = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  terminal: () => (process.stderr.isTTY ? { columns: process.stderr.columns, rows: process.stderr.rows } : undefined),
};
