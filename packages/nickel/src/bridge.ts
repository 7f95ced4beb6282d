// The bridge to the nickel program: it evaluates a file, which the reader never does, so only on files that somebody trusts.
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { type Json, TriplaneError } from "@triplane/contract";

export interface NickelProgram {
  /** Absolute path of the nickel program (see `findTool` of the kit). */
  readonly program: string;
  /** Folders in which imports are looked for besides the file's own. */
  readonly importPaths?: readonly string[];
  readonly timeoutMs?: number;
  readonly maxOutputBytes?: number;
  readonly signal?: AbortSignal;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_OUTPUT_BYTES = 8 * 1024 * 1024;
const MAX_MESSAGE_CHARS = 4000;

/**
 * What `nickel export` says a file is. Throws `nickel_program_failed` with the program's own words, or where it cannot be
 * started, takes too long, or says too much.
 */
export async function exportWithNickel(file: string, options: NickelProgram): Promise<Json> {
  const imports = (options.importPaths ?? []).flatMap((path) => ["--import-path", resolve(path)]);
  const { exitCode, stdout, stderr } = await run(options, ["export", "--color", "never", "--format", "json", ...imports, resolve(file)]);
  if (exitCode !== 0)
    throw new TriplaneError("nickel_program_failed", stderr.trim().slice(0, MAX_MESSAGE_CHARS) || `nickel ended with ${exitCode}`, {
      details: { file, exitCode },
    });
  try {
    return JSON.parse(stdout) as Json;
  } catch (cause) {
    throw new TriplaneError("nickel_program_failed", "nickel did not write JSON", { cause, details: { file } });
  }
}

interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(options: NickelProgram, argv: readonly string[]): Promise<Finished> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, maxOutputBytes = DEFAULT_MAX_OUTPUT_BYTES } = options;
  return new Promise((settle, fail) => {
    const fault = (message: string, cause?: unknown) => fail(new TriplaneError("nickel_program_failed", message, { cause }));
    const child = spawn(options.program, argv, {
      stdio: ["ignore", "pipe", "pipe"],
      // Nothing of ours: NICKEL_IMPORT_PATH would add folders, and secrets have no business there.
      env: {},
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const chunks: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
    let bytes = 0;
    for (const name of ["stdout", "stderr"] as const)
      child[name].on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= maxOutputBytes) chunks[name].push(chunk);
        else child.kill("SIGKILL");
      });
    child.on("error", (cause) => fault("nickel could not be run", cause));
    child.on("close", (exitCode, killedBy) => {
      if (bytes > maxOutputBytes) fault(`nickel wrote more than ${maxOutputBytes} bytes`);
      else if (killedBy !== null) fault(`nickel did not end within ${timeoutMs} ms`);
      else
        settle({ exitCode, stdout: Buffer.concat(chunks.stdout).toString("utf8"), stderr: Buffer.concat(chunks.stderr).toString("utf8") });
    });
  });
}
