// Runs git with an environment and a configuration of our own: nothing on the machine or in the repository decides what it does.
import { spawn } from "node:child_process";
import { TriplaneError } from "@triplane/contract";

const SAFE_VARIABLES = ["PATH", "HOME", "TMPDIR", "SYSTEMROOT"] as const;

/**
 * No inherited GIT_* variable, no system or user configuration, no replaced objects, no prompts. And no network: a clone
 * whose own configuration calls itself partial would have git fetch missing objects, with an ssh command of the clone's choice.
 */
export function gitEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "none",
    GIT_NO_LAZY_FETCH: "1",
    GIT_SSH_COMMAND: "false",
    GIT_OPTIONAL_LOCKS: "0",
    LC_ALL: "C",
  };
  for (const name of SAFE_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

// Whatever a repository's own config says: everything synced to disk, no hooks, no reflogs, no shortcut around objects.
const OVERRIDES = [
  "core.fsync=all",
  "core.fsyncMethod=fsync",
  "core.hooksPath=/dev/null",
  "core.logAllRefUpdates=false",
  "core.commitGraph=false",
  "core.fsmonitor=false",
  "gc.auto=0",
  "safe.directory=*",
] as const;

export function gitArguments(repoDir: string, args: readonly string[]): string[] {
  return [...OVERRIDES.flatMap((setting) => ["-c", setting]), `--git-dir=${repoDir}`, ...args];
}

export interface GitRun {
  readonly stdin?: Uint8Array | string;
  readonly maxOutputBytes?: number;
}

const DEFAULT_MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Runs git to its end and returns its output. Throws `git_failed` with what git said. */
export function runGit(repoDir: string, args: readonly string[], run: GitRun = {}): Promise<Buffer> {
  const limit = run.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES;
  return new Promise((resolve, reject) => {
    const child = spawn("git", gitArguments(repoDir, args), { env: gitEnvironment(), stdio: ["pipe", "pipe", "pipe"] });
    const output: Buffer[] = [];
    let sizeBytes = 0;
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > limit) child.kill("SIGKILL");
      else output.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (said.length < 4096) said += chunk.toString("utf8");
    });
    // git may end before it has read everything; its exit code tells, not the pipe.
    child.stdin.on("error", () => {});
    child.on("error", (cause) => reject(new TriplaneError("git_failed", `git could not be started: ${cause.message}`, { cause })));
    child.on("close", (code) => {
      if (sizeBytes > limit) reject(new TriplaneError("git_failed", `git ${args[0]} answered more than ${limit} bytes`));
      else if (code === 0) resolve(Buffer.concat(output));
      else reject(new TriplaneError("git_failed", `git ${args[0]} failed (${code}): ${said.trim()}`, { details: { exitCode: code } }));
    });
    child.stdin.end(run.stdin ?? "");
  });
}
