// The validator: configuration, adapters, run, exit code.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { type DaemonSurroundings, type Environment, runDaemon } from "@triplane/kit";
import { HistoryFile } from "../validation/history.ts";
import type { ValidationName } from "../validation/types.ts";
import { CONFIG } from "./config.ts";
import { validationMetrics } from "./metrics.ts";
import { Validator } from "./run.ts";

const VALIDATION_MS = 600_000;
const MAX_OUTPUT = 8 * 1024 * 1024;
/** A validation that found something red: it is in the history. */
const EXIT_RED = 1;

/** Runs the validator until it is told to stop; the result is the exit code. */
export function runValidator(
  argv: readonly string[],
  env: Environment,
  surroundings: Omit<DaemonSurroundings, "argv" | "env"> = {},
): Promise<number> {
  return runDaemon(
    {
      name: "validator",
      config: CONFIG,
      async start({ config, logger, signal, clock, metrics }) {
        const { home, triplane, firstLookMs, pollMs, periodS, retryMs } = config;
        const history = new HistoryFile(join(home, "validation"), clock);
        const validator = new Validator({
          ...{ history, firstLookMs, pollMs, periodS, retryMs, clock, logger, signal },
          show: validationMetrics(metrics),
          validate: (validation, stop) => validateInChild({ home, triplane }, validation, stop),
        });
        const running = validator.run();
        return {
          done: running,
          // What is red is told by metrics and alarms: it is not this process that is unwell.
          health: () => ({
            ok: true,
            detail: {
              due: validator.due,
              ...(validator.problem === undefined ? {} : { problem: `${validator.problem.code}: ${validator.problem.message}` }),
            },
          }),
          stop: () => running,
        };
      },
    },
    { argv, env, ...surroundings },
  );
}

/** In a process of its own, which ends: whatever looking costs is given back. Throws `unavailable`. */
function validateInChild(
  { home, triplane }: { readonly home: string; readonly triplane: string },
  validation: ValidationName,
  signal: AbortSignal,
): Promise<void> {
  const argv = [triplane, "validate", validation, "--home", home, "--json"];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, argv, { signal, timeout: VALIDATION_MS, maxBuffer: MAX_OUTPUT }, (error, stdout, stderr) => {
      if (error === null || (error.code === EXIT_RED && stdout !== "")) resolve();
      else
        reject(
          new TriplaneError("unavailable", `${validation} could not be run: ${stderr.trim().slice(0, 500) || error.message}`, {
            cause: error,
          }),
        );
    });
  });
}
