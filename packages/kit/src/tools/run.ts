// Runs a foreign program to its end: argument list only, no shell, with a deadline; everything it says goes to a log file.
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { TriplaneError } from "@triplane/contract";
import { isErrno } from "../files.ts";

export interface RunOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly cwd: string;
}

const TAIL_BYTES = 4096;

/** Throws `tool_missing` with the last thing the program said when it is not there, fails, or takes too long. */
export async function runProgram(program: string, programArguments: readonly string[], options: RunOptions): Promise<void> {
  const log = createWriteStream(options.logFile, { flags: "a", mode: 0o600 });
  log.write(`$ ${[program, ...programArguments].join(" ")}\n`);
  const ending = new AbortController();
  const endBySignal = (): void => ending.abort();
  options.signal?.addEventListener("abort", endBySignal, { once: true });
  let late = false;
  // Not spawn's own time-out: that one goes on, and holds the process, when the program is not there at all (nodejs 24).
  const deadline = setTimeout(() => {
    late = true;
    ending.abort();
  }, options.deadlineMs);
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn(program, [...programArguments], {
        cwd: options.cwd,
        env: { ...options.env },
        stdio: ["ignore", "pipe", "pipe"],
        killSignal: "SIGKILL",
        signal: ending.signal,
      });
      let tail = "";
      const keep = (chunk: Buffer): void => {
        log.write(chunk);
        tail = (tail + chunk.toString("utf8")).slice(-TAIL_BYTES);
      };
      child.stdout.on("data", keep);
      child.stderr.on("data", keep);
      child.once("error", (error) => {
        child.stdout.destroy();
        child.stderr.destroy();
        reject(new TriplaneError("tool_missing", whyNotRun(program, error, late, options.deadlineMs), { cause: error }));
      });
      child.once("close", (exitCode) => {
        if (exitCode === 0) resolve();
        else reject(new TriplaneError("tool_missing", lastLine(tail) ?? `${program} exited with ${exitCode}`));
      });
    });
  } finally {
    clearTimeout(deadline);
    options.signal?.removeEventListener("abort", endBySignal);
    await new Promise<void>((resolve) => log.end(resolve));
  }
}

function whyNotRun(program: string, error: Error, late: boolean, deadlineMs: number): string {
  if (isErrno(error, "ENOENT")) return `there is no ${program} on PATH`;
  return late ? `${program} did not end within ${deadlineMs / 1000} s` : error.message;
}

/** The line that most likely says why: the last one that mentions an error, else the last one. */
function lastLine(output: string): string | undefined {
  const lines = output
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return (lines.findLast((line) => /error|fatal|no module|not found/i.test(line)) ?? lines.at(-1))?.slice(0, 300);
}
