// The bridge to the nickel program: it evaluates a file, which the reader never does, so only on files that somebody trusts.
import { spawn } from "node:child_process";
import { isAbsolute, resolve } from "node:path";
import { type Json, TriplaneError } from "@triplane/contract";
import { isProgram, limitedCommand, type ProcessLimits } from "./limited-command.ts";

export interface NickelProgram {
  /** Absolute path of the nickel program (see `findTool` of the kit). */
  readonly program: string;
  /** Folders in which imports are looked for besides the file's own. */
  readonly importPaths?: readonly string[];
  readonly timeoutMs?: number;
  readonly maxOutputBytes?: number;
  readonly limits?: Partial<ProcessLimits>;
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_OUTPUT_BYTES = 8 * 1024 * 1024;
const DEFAULT_LIMITS: ProcessLimits = { maxMemoryBytes: 1024 * 1024 * 1024, maxCpuSeconds: 10 };
const MAX_MESSAGE_CHARS = 4000;

/**
 * What `nickel export` says a file is. Throws `nickel_program_failed` with the program's own words, or where it cannot be
 * started, takes too long or too much memory, or says too much.
 */
export function exportWithNickel(file: string, options: NickelProgram): Promise<Json> {
  return exportJson([resolve(file)], undefined, { file }, options);
}

/** What `nickel export` says of a text that it gets on its standard input; imports in it are best absolute. Throws as `exportWithNickel`. */
export function exportTextWithNickel(text: string, options: NickelProgram): Promise<Json> {
  return exportJson([], text, {}, options);
}

async function exportJson(
  files: readonly string[],
  text: string | undefined,
  details: Readonly<Record<string, unknown>>,
  options: NickelProgram,
): Promise<Json> {
  const imports = (options.importPaths ?? []).flatMap((path) => ["--import-path", resolve(path)]);
  const { exitCode, stdout, stderr } = await run(options, ["export", "--color", "never", "--format", "json", ...imports, ...files], text);
  if (exitCode !== 0)
    throw new TriplaneError("nickel_program_failed", stderr.trim().slice(0, MAX_MESSAGE_CHARS) || `nickel ended with ${exitCode}`, {
      details: { ...details, exitCode },
    });
  try {
    return JSON.parse(stdout) as Json;
  } catch (cause) {
    throw new TriplaneError("nickel_program_failed", "nickel did not write JSON", { cause, details });
  }
}

interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(options: NickelProgram, argv: readonly string[], input: string | undefined): Promise<Finished> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  return new Promise((settle, fail) => {
    const fault = (message: string, cause?: unknown) => fail(new TriplaneError("nickel_program_failed", message, { cause }));
    if (!isAbsolute(options.program) || !isProgram(options.program)) {
      fault(`nickel could not be run: ${options.program} is no program`);
      return;
    }
    const [command, ...args] = limitedCommand([options.program, ...argv], limits);
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      // Nothing of ours: NICKEL_IMPORT_PATH would add folders, and secrets have no business there.
      env: {},
      killSignal: "SIGKILL",
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    // A program that ends without reading closes the pipe; what it said is what counts.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input ?? "");
    const chunks: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
    let bytes = 0;
    for (const name of ["stdout", "stderr"] as const)
      child[name].on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= maxOutputBytes) chunks[name].push(chunk);
        else child.kill("SIGKILL");
      });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, timeoutMs);
    child.on("error", (cause) => {
      clearTimeout(timer);
      fault("nickel could not be run", cause);
    });
    child.on("close", (exitCode, killedBy) => {
      clearTimeout(timer);
      const stderr = Buffer.concat(chunks.stderr).toString("utf8");
      if (bytes > maxOutputBytes) fault(`nickel wrote more than ${maxOutputBytes} bytes`);
      else if (late) fault(`nickel did not end within ${timeoutMs} ms`);
      else if (killedBy === "SIGABRT" || /memory allocation of \d+ bytes failed/.test(stderr))
        fault(`nickel wanted more than ${limits.maxMemoryBytes} bytes of memory`);
      else if (killedBy === "SIGKILL" || killedBy === "SIGXCPU")
        fault(`nickel took more than ${limits.maxCpuSeconds} s of processor time, or was killed`);
      else if (killedBy !== null) fault(`nickel was ended by ${killedBy}: the file may recurse without end`);
      else settle({ exitCode, stdout: Buffer.concat(chunks.stdout).toString("utf8"), stderr });
    });
  });
}
