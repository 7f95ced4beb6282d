// Runs one test file in a process group of its own, with a deadline, and reads what its reporter wrote.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestLine } from "./reporter.ts";

export interface FileResult {
  readonly file: string;
  readonly tests: readonly TestLine[];
  /** What the file itself did wrong, beside its tests: crashed, hung, ran none. */
  readonly problem: string | undefined;
  /** Standard output and error, the last part of it. */
  readonly output: string;
  readonly ms: number;
}

export interface RunFileOptions {
  readonly root: string;
  readonly deadlineMs: number;
  /** Only tests whose name matches. */
  readonly namePattern: string | undefined;
}

const REPORTER = fileURLToPath(new URL("./reporter.ts", import.meta.url));
const OUTPUT_LIMIT = 64 * 1024;

export async function runFile(file: string, options: RunFileOptions): Promise<FileResult> {
  const folder = await mkdtemp(join(tmpdir(), "triplane-test-"));
  const lines = join(folder, "tests.ndjson");
  const startedAt = performance.now();
  try {
    const { exitCode, signal, timedOut, output } = await runNode(
      [
        "--disable-warning=ExperimentalWarning",
        `--test-reporter=${REPORTER}`,
        `--test-reporter-destination=${lines}`,
        ...(options.namePattern === undefined ? [] : [`--test-name-pattern=${options.namePattern}`]),
        file,
      ],
      options,
    );
    const tests = (await readFile(lines, "utf8").catch(() => ""))
      .split("\n")
      .filter((line) => line !== "")
      .map((line): TestLine => JSON.parse(line));
    const problem = problemOf(tests, { exitCode, signal, timedOut }, options);
    return { file, tests, problem, output, ms: performance.now() - startedAt };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function problemOf(tests: readonly TestLine[], ended: Omit<Ended, "output">, options: RunFileOptions): string | undefined {
  const { exitCode, signal, timedOut } = ended;
  if (timedOut) return `did not end within ${options.deadlineMs / 1000} s`;
  if (signal !== null) return `was ended by ${signal}, which no deadline of this run sent`;
  if (exitCode !== 0 && !tests.some(({ outcome }) => outcome === "failed")) return `ended with exit code ${exitCode}`;
  if (tests.length === 0 && options.namePattern === undefined) return "ran no test";
  return undefined;
}

interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  readonly output: string;
}

function runNode(nodeArguments: readonly string[], options: RunFileOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // Detached: a process group, so that servers which a hanging test started end with it.
    const child = spawn(process.execPath, [...nodeArguments], { cwd: options.root, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let timedOut = false;
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString("utf8")).slice(-OUTPUT_LIMIT);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const deadline = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, options.deadlineMs);
    running.add(child.pid ?? 0);
    child.once("error", reject);
    child.once("exit", (exitCode, signal) => {
      clearTimeout(deadline);
      // Whatever the tests left behind must not disturb the next file; it also holds the output open.
      killGroup(child.pid);
      running.delete(child.pid ?? 0);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ exitCode, signal, timedOut, output });
    });
  });
}

const running = new Set<number>();

/** Ends every file that is being run; for an interrupted run. */
export function killRunning(): void {
  for (const pid of running) killGroup(pid);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined || pid === 0) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is gone, as it should be.
  }
}
