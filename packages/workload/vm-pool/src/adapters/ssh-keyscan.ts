// Whether a runner is ready, asked with ssh-keyscan: is the port open, and is this the host key that the pool made.
//
// 1. Only a key of the kind that was asked for counts, compared byte by byte; another one is refused, never taken for "not yet".
import { execFile } from "node:child_process";
import type { RunnerProbe } from "../ports.ts";

export interface ProbeTool {
  /** Path of ssh-keyscan. */
  readonly path: string;
  /** Seconds for one look. */
  readonly timeoutS: number;
}

const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,252})$/;
const MAX_OUTPUT_BYTES = 64 * 1024;

export function sshKeyscan(tool: ProbeTool): RunnerProbe {
  return async ({ host, port }, hostKey, signal) => {
    // An address that begins with a hyphen would be an option.
    if (!HOST.test(host) || !Number.isInteger(port) || port < 1 || port > 65_535) return "not-yet";
    const argv = ["-t", "ed25519", "-T", String(tool.timeoutS), "-p", String(port), "--", host];
    const output = await run(tool.path, argv, tool.timeoutS * 2000, signal);
    const shown = output.split("\n").flatMap((line) => /^[^#\s]\S* (ssh-ed25519 \S+)$/.exec(line.trim())?.[1] ?? []);
    if (shown.length === 0) return "not-yet";
    return shown.every((key) => key === hostKey) ? "ready" : "wrong-key";
  };
}

/** What it prints; nothing where it fails, which is what a port that is closed looks like. */
function run(path: string, argv: readonly string[], timeoutMs: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const options = {
      timeout: timeoutMs,
      killSignal: "SIGKILL" as const,
      maxBuffer: MAX_OUTPUT_BYTES,
      signal,
      env: { PATH: process.env["PATH"] },
    };
    execFile(path, [...argv], options, (_error, stdout) => resolve(stdout));
  });
}
