// Shells that are there before they are wanted: to start one takes longer than most commands do, so the next ones are started while others
// work. Each runs one command.
//
// 1. A shell does nothing before it was told what; when its engine dies it reads the end of its input, and ends.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

export type Shell = ChildProcessByStdio<Writable, Readable, null>;

export interface ShellOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** How many wait. */
  readonly size: number;
}

// It is told step, attempt and command, each ended by NUL. A part of a pipe that fails makes the command fail; both outputs are one, in the
// order of writing.
const WRAPPER = `IFS= read -r -d '' ONTOREF_STEP && IFS= read -r -d '' ONTOREF_ATTEMPT && IFS= read -r -d '' REPLY || exit 125
exec </dev/null 2>&1
export ONTOREF_STEP ONTOREF_ATTEMPT
set -o pipefail
eval "$REPLY"`;

export class ShellPool {
  readonly #options: ShellOptions;
  readonly #waiting: Shell[] = [];
  #refill: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(options: ShellOptions) {
    this.#options = options;
  }

  /** A shell of its own process group that waits to be told. */
  take(): Shell {
    // One that could not be started has no id, and has said so already.
    const waiting = this.#waiting.splice(0, this.#waiting.findIndex(({ pid, exitCode }) => pid !== undefined && exitCode === null) + 1);
    const shell = waiting.at(-1) ?? this.#start();
    // After whatever has to be done now.
    this.#refill ??= setImmediate(() => this.#fill());
    return shell;
  }

  /** Ends those that wait. */
  close(): void {
    this.#closed = true;
    clearImmediate(this.#refill);
    for (const shell of this.#waiting.splice(0)) {
      shell.stdout.destroy();
      shell.stdin.end();
    }
  }

  #fill(): void {
    this.#refill = undefined;
    if (this.#closed || this.#waiting.length >= this.#options.size) return;
    const shell = this.#start();
    this.#waiting.push(shell);
    shell.once("exit", () => {
      const at = this.#waiting.indexOf(shell);
      if (at !== -1) this.#waiting.splice(at, 1);
    });
    if (this.#waiting.length < this.#options.size) this.#refill = setImmediate(() => this.#fill());
  }

  #start(): Shell {
    const { cwd, env } = this.#options;
    const shell = spawn("bash", ["-c", WRAPPER], { cwd, env: { ...env }, stdio: ["pipe", "pipe", "ignore"], detached: true });
    // What cannot be started, or has ended, is told by its other events.
    shell.once("error", () => undefined);
    shell.stdin.on("error", () => undefined);
    return shell;
  }
}

export function tellShell(
  shell: Pick<Shell, "stdin">,
  command: { readonly step: string; readonly attempt: number; readonly cmd: string },
): void {
  shell.stdin.end(`${command.step}\0${command.attempt}\0${command.cmd.replaceAll("\0", "")}\0`);
}
