// git as this room lets it online: only to fetch and to push refs, over three protocols, with a time limit, with nothing of the user's or
// the repository's configuration deciding what it runs.
import { spawn } from "node:child_process";
import { TriplaneError } from "@triplane/contract";
import { printableLine } from "@triplane/kit";

const PASSED_ON = ["PATH", "HOME", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR"] as const;
const OVERRIDES = [
  "core.fsync=all",
  "core.fsyncMethod=fsync",
  "core.hooksPath=/dev/null",
  "core.logAllRefUpdates=false",
  "core.fsmonitor=false",
  "credential.helper=",
  "gc.auto=0",
  "maintenance.auto=false",
  "protocol.ext.allow=never",
  "submodule.recurse=false",
  "push.followTags=false",
] as const;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export interface NetworkRun {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Output of git. Throws `remote_failed` with what git said. */
export function runNetworkGit(repoDir: string, args: readonly string[], run: NetworkRun): Promise<string> {
  const environment: Record<string, string> = {
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_NO_LAZY_FETCH: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "file:https:ssh",
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
    GIT_ASKPASS: "false",
    LC_ALL: "C",
  };
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return new Promise((resolve, reject) => {
    const argv = [...OVERRIDES.flatMap((setting) => ["-c", setting]), `--git-dir=${repoDir}`, ...args];
    // A group of its own: what git starts (ssh, index-pack) ends with it.
    const child = spawn("git", argv, { env: environment, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const kill = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended already.
      }
    };
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      kill();
    }, run.timeoutMs);
    run.signal?.addEventListener("abort", kill, { once: true });
    let [output, said] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => {
      if (output.length < MAX_OUTPUT_BYTES) output += chunk.toString("utf8");
      else kill();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (said.length < 4096) said += chunk.toString("utf8");
    });
    const settled = (): void => {
      clearTimeout(timer);
      run.signal?.removeEventListener("abort", kill);
    };
    child.on("error", (cause) => {
      settled();
      reject(new TriplaneError("remote_failed", `git could not be started: ${cause.message}`, { cause }));
    });
    child.on("close", (code) => {
      settled();
      if (code === 0) resolve(output);
      else if (isLate) reject(new TriplaneError("remote_failed", `git ${args[0]} took longer than ${run.timeoutMs} ms`));
      else reject(new TriplaneError("remote_failed", `git ${args[0]}: ${printableLine(said, 500) || `it ended with ${code}`}`));
    });
  });
}
