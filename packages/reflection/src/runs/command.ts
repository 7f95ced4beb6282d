// One command of a step: bash in a process group of its own, with a time limit and bounded output.
import type { ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { sleep } from "@triplane/kit";
import { type ShellPool, tellShell } from "./shell-pool.ts";

export interface CommandOptions {
  readonly step: string;
  readonly attempt: number;
  readonly cmd: string;
  readonly shells: ShellPool;
  readonly timeoutMs: number;
  /** Ends the command and all that it started. */
  readonly signal: AbortSignal;
  onOutput?(text: string): void;
}

export interface CommandResult {
  /** Undefined where a signal ended it. */
  readonly exitCode: number | undefined;
  /** Of all that it wrote, also where only the beginning is kept. */
  readonly outputDigest: string;
  readonly output: string;
  readonly timedOut: boolean;
  /** It was ended from outside. */
  readonly stopped: boolean;
}

/** Bytes of a step's output that are kept. */
export const MAX_OUTPUT_BYTES = 16 * 1024;
/** Between asking a group to end and making it. */
const GRACE_MS = 5000;
/** For what a command has left running in its group and that still holds its output. */
const LEFTOVER_MS = 200;
const POLL_MS = 20;

/** Never rejects: what cannot be started is a failed command that says why. */
export function runCommand(options: CommandOptions): Promise<CommandResult> {
  const { timeoutMs, signal, onOutput } = options;
  return new Promise((resolve) => {
    const child = options.shells.take();
    const digest = createHash("sha256");
    const decoder = new StringDecoder("utf8");
    const kept: Buffer[] = [];
    let keptBytes = 0;
    let timedOut = false;
    let stopped = false;
    let grace: NodeJS.Timeout | undefined;
    let leftover: NodeJS.Timeout | undefined;
    const take = (chunk: Buffer): void => {
      digest.update(chunk);
      const room = MAX_OUTPUT_BYTES - keptBytes;
      if (room > 0) {
        const part = chunk.subarray(0, room);
        kept.push(part);
        keptBytes += part.length;
      }
      onOutput?.(decoder.write(chunk));
    };
    const endGroup = (): void => {
      if (grace !== undefined) return;
      killGroup(child, "SIGTERM");
      grace = setTimeout(() => killGroup(child, "SIGKILL"), GRACE_MS);
    };
    const onAbort = (): void => {
      stopped = true;
      endGroup();
    };
    const limit = setTimeout(() => {
      timedOut = true;
      endGroup();
    }, timeoutMs);
    const settle = (exitCode: number | null, note?: string): void => {
      clearTimeout(limit);
      clearTimeout(grace);
      clearTimeout(leftover);
      signal.removeEventListener("abort", onAbort);
      if (note !== undefined) take(Buffer.from(note));
      const output = decodeWhole(Buffer.concat(kept));
      resolve({ exitCode: exitCode ?? undefined, outputDigest: `sha256:${digest.digest("hex")}`, output, timedOut, stopped });
    };
    child.stdout.on("data", take);
    child.once("error", (error) => {
      if (child.pid === undefined) settle(127, `bash could not be started: ${error.message}\n`);
    });
    child.once("exit", () => {
      // A process of the group that lives on holds the output open; the step has ended, and it ends with it. One that was asked to end has
      // until the end of the grace.
      const patienceMs = timedOut || stopped ? GRACE_MS : LEFTOVER_MS;
      leftover = setTimeout(() => {
        killGroup(child, "SIGKILL");
        child.stdout.destroy();
      }, patienceMs);
    });
    child.once("close", (exitCode) => {
      if (child.pid === undefined) return;
      // Whoever let go of the output and does not want to end has had its time, too.
      if (timedOut || stopped) void groupGone(child, GRACE_MS).then(() => settle(exitCode));
      else settle(exitCode);
    });
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener("abort", onAbort, { once: true });
      tellShell(child, options);
    }
  });
}

/** Whether there was anybody to reach. */
function killGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}

/** Waits until nobody is left in the group; makes it so after `patienceMs`. */
async function groupGone(child: ChildProcess, patienceMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += POLL_MS) {
    if (!killGroup(child, 0)) return;
    await sleep(POLL_MS);
  }
  killGroup(child, "SIGKILL");
}

/** Text of bytes that may end within a character. */
function decodeWhole(bytes: Buffer): string {
  return new StringDecoder("utf8").write(bytes);
}
