// One command of a step: bash in a process group of its own, with a time limit and bounded output.
import { createHash, type Hash, hash } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { sleep } from "@triplane/kit";
import type { ShellPool } from "./shell-pool.ts";
import type { OutputState, ShellEnd, Told } from "./shell-starter.ts";

export interface CommandOptions extends Told {
  readonly shells: ShellPool;
  readonly timeoutMs: number;
  /** Ends the command and all that it started. */
  readonly signal: AbortSignal;
  onOutput?(text: string): void;
}

export interface CommandResult {
  /** 128 and the signal's number where a signal ended it; undefined where it is not known. */
  readonly exitCode?: number;
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
/** Between looks at the output of a command that says nothing; shorter while it does. Most have ended before the first. */
const POLL_MS = 20;
const FIRST_POLL_MS = 5;

/** Never rejects: what cannot be started is a failed command that says why. */
export async function runCommand(options: CommandOptions): Promise<CommandResult> {
  const { shells, timeoutMs, signal } = options;
  const output = new Output(options.onOutput);
  const shell = shells.take();
  let timedOut = false;
  let stopped = false;
  let grace: NodeJS.Timeout | undefined;
  let polling: NodeJS.Timeout | undefined;
  const endGroup = (): void => {
    if (grace !== undefined) return;
    grace = setTimeout(() => shell.kill("SIGKILL"), GRACE_MS);
    shell.kill("SIGTERM");
  };
  const onAbort = (): void => {
    stopped = true;
    endGroup();
  };
  const limit = setTimeout(() => {
    timedOut = true;
    endGroup();
  }, timeoutMs);
  const poll = (afterMs: number): void => {
    polling = setTimeout(() => {
      const before = output.bytes;
      shell.read(output.take);
      poll(output.bytes > before ? 1 : Math.min(2 * afterMs, POLL_MS));
    }, afterMs);
  };
  const ended = new Promise<ShellEnd>((resolve) => shell.run(options, resolve));
  poll(FIRST_POLL_MS);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });

  const { exitCode, problem } = await ended;
  clearTimeout(limit);
  clearTimeout(polling);
  signal.removeEventListener("abort", onAbort);
  // A process of the group that lives on holds the output open; the step has ended, and it ends with it. What was asked to end has until the
  // end of the grace, also where it has let go of the output.
  const asked = timedOut || stopped;
  const look = (): OutputState => {
    const state = shell.read(output.take);
    return state === "ended" && asked && shell.kill(0) ? "quiet" : state;
  };
  const over = await isOver(look, asked ? GRACE_MS : LEFTOVER_MS);
  if (!over || problem !== undefined) shell.kill("SIGKILL");
  clearTimeout(grace);
  // Whoever still holds the output would write into that of another step.
  if (over && !shell.gone) shells.giveBack(shell);
  else shells.drop(shell);
  if (problem !== undefined) output.take(Buffer.from(`${problem}\n`));
  return { ...output.result(), ...(exitCode === undefined ? {} : { exitCode }), timedOut, stopped };
}

/** Looks until the output has ended, or `patienceMs` have passed. */
async function isOver(look: () => OutputState, patienceMs: number): Promise<boolean> {
  let state = look();
  if (state === "ended") return true;
  let late = false;
  const patience = setTimeout(() => {
    late = true;
  }, patienceMs);
  while (state !== "ended" && !late) {
    await sleep(state === "more" ? 0 : POLL_MS);
    state = look();
  }
  clearTimeout(patience);
  return state === "ended";
}

/** What a command wrote: the beginning, and the digest of all. */
class Output {
  /** Most commands write nothing. */
  #digest: Hash | undefined;
  readonly #decoder = new StringDecoder("utf8");
  readonly #kept: Buffer[] = [];
  readonly #onOutput: ((text: string) => void) | undefined;
  bytes = 0;

  constructor(onOutput: ((text: string) => void) | undefined) {
    this.#onOutput = onOutput;
  }

  readonly take = (chunk: Buffer): void => {
    this.#digest ??= createHash("sha256");
    this.#digest.update(chunk);
    const room = MAX_OUTPUT_BYTES - this.bytes;
    // The bytes are the reader's.
    if (room > 0) this.#kept.push(Buffer.from(chunk.subarray(0, room)));
    this.bytes += chunk.length;
    this.#onOutput?.(this.#decoder.write(chunk));
  };

  result(): Pick<CommandResult, "output" | "outputDigest"> {
    // The beginning may end within a character.
    const output = new StringDecoder("utf8").write(Buffer.concat(this.#kept));
    return { output, outputDigest: `sha256:${this.#digest?.digest("hex") ?? hash("sha256", "")}` };
  }
}
