// Runs a program of the machine to its end: argument list only, no shell, bounded output, a deadline.
import { spawn } from "node:child_process";
import { TriplaneError } from "@triplane/contract";

export interface ExecOptions {
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** File descriptor that gets both outputs; without it they are returned, and a program that goes on in the background would be waited for. */
  readonly outputTo?: number;
  /** File descriptor that gets standard output alone. */
  readonly stdoutTo?: number;
}

const DEFAULT_DEADLINE_MS = 30_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What it printed. Throws `provider_failed` with the last line that it said when it fails, is missing or takes too long. */
export async function exec(program: string, programArguments: readonly string[], options: ExecOptions = {}): Promise<string> {
  const output = options.outputTo ?? "pipe";
  const deadline = AbortSignal.timeout(options.deadlineMs ?? DEFAULT_DEADLINE_MS);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  return await new Promise<string>((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void => reject(new TriplaneError("provider_failed", `${program}: ${why}`, { cause }));
    const child = spawn(program, [...programArguments], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { PATH, LC_ALL: "C.UTF-8", ...options.env },
      stdio: ["ignore", options.stdoutTo ?? output, output],
      killSignal: "SIGKILL",
      signal,
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout = (stdout + text).slice(-MAX_OUTPUT_BYTES);
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-MAX_OUTPUT_BYTES);
    });
    child.once("error", (error) => fail(deadline.aborted ? "took too long" : error.message, error));
    child.once("close", (code, killedBy) => {
      if (code === 0) resolve(stdout);
      else fail(lastLine(stderr) ?? lastLine(stdout) ?? (killedBy === null ? `ended with ${code}` : `ended by ${killedBy}`));
    });
  });
}

function lastLine(text: string): string | undefined {
  const line = text.trimEnd().split("\n").at(-1)?.trim();
  return line === "" ? undefined : line?.slice(0, 300);
}
