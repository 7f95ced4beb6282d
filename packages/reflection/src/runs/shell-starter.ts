// A process that starts shells: each runs one command and ends, and the next one is started at once, before there is a command for it. To
// start a process costs Node a copy of its own page tables; a shell that does nothing else has few. Its shells are copies of it that begin
// anew: that is how bash runs a script that is not a program, at less than half of what it costs to load a bash for it.
//
// 1. Every command gets a shell of its own: a new process in a group of its own, with the environment, folder and limits of the run.
// 2. A command is run by the shell that it was meant for, or by none.
// 3. A shell that waits does nothing; when its engine dies it reads the end of its input, and ends, and the starter with it.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync, readSync } from "node:fs";
import type { Duplex } from "node:stream";
import { isErrno } from "@triplane/kit";

export interface StarterOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Path of a file with `SHELL_SCRIPT`. */
  readonly script: string;
  /** Path of the pipe that it makes for what commands write. */
  readonly output: string;
}

export interface Told {
  readonly step: string;
  readonly attempt: number;
  readonly cmd: string;
}

export interface ShellEnd {
  /** 128 and the signal's number where a signal ended it; undefined where nobody knows. */
  readonly exitCode?: number;
  readonly problem?: string;
}

/** `more`: there may be more at once; `quiet`: nothing for now; `ended`: nobody is left who could write. */
export type OutputState = "more" | "quiet" | "ended";

// Orders come on 3, what happens is told on its output. Input is /dev/null: a socket there would make bash read ~/.bashrc, as for rsh.
// A shell that was stopped (147 to 150) has not ended: it is asked about again while it is there, and once more for how it ended. That is what
// `wait -f` is for, but that of bash 5.2 may spin for ever on a shell that a signal ended.
// The script has no interpreter line: bash forks, finds that it is no program, and runs it itself, "as if a new shell had been invoked", with
// variables, options and `$$` of its own (bash(1), COMMAND EXECUTION). What it would keep is where programs were found, so it does not note
// that; and that it was forked in a loop, where `break` ends whatever comes, which a function keeps from it. On a file system without
// programs, bash is started for it.
const STARTER = `set -m +h
mkfifo -m 600 "$1" || exit
[[ -x $2 ]] || set -- "$1" "$BASH" "$2"
start() { "\${@:2}" "$1" & }
while :; do
  start "$@"
  printf 'shell %s\\n' "$!"
  wait "$!"
  code=$?
  if ((code > 146 && code < 151)); then
    while kill -0 "$!"; do sleep 0.1; done
    wait "$!"
    code=$?
  fi
  printf 'ended %s\\n' "$code"
done`;

// It is told who is meant, step, attempt and command, each ended by NUL. A part of a pipe that fails makes the command fail; both outputs are
// one, in the order of writing. All on one line, so that bash counts the lines of the command from 1 when it names one.
export const SHELL_SCRIPT = [
  `IFS= read -r -d '' -u 3 && [[ $REPLY = "$$" ]] || exit 125`,
  `IFS= read -r -d '' -u 3 ONTOREF_STEP && IFS= read -r -d '' -u 3 ONTOREF_ATTEMPT && IFS= read -r -d '' -u 3 || exit 125`,
  `exec >"$1" 2>&1 3>&-`,
  "export ONTOREF_STEP ONTOREF_ATTEMPT",
  "BASH_ARGV0=bash BASH_SUBSHELL=0",
  "set -o pipefail --",
  `eval "$REPLY"`,
].join("; ");

const BUFFER = Buffer.allocUnsafe(64 * 1024);
/** Reads of the output before others have their turn. */
const READS_AT_A_TIME = 16;

export class ShellStarter {
  readonly #process: ChildProcess;
  /** Absent where there were no descriptors left to make it. */
  readonly #orders: Duplex | undefined;
  readonly #path: string;
  #output: number | undefined;
  #heard = "";
  /** The shell that waits for a command. */
  #waiting: number | undefined;
  /** The shell that has, or had, the command. */
  #busy: number | undefined;
  #told: Told | undefined;
  #onEnd: ((end: ShellEnd) => void) | undefined;
  #gone = false;

  constructor({ cwd, env, script, output }: StarterOptions) {
    this.#path = output;
    this.#process = spawn("bash", ["-c", STARTER, "bash", output, script], {
      ...{ cwd, env: { ...env }, stdio: ["ignore", "pipe", "ignore", "pipe"], detached: true },
    });
    this.#process.once("error", (error) => this.#lose({ exitCode: 127, problem: `bash could not be started: ${error.message}` }));
    this.#process.once("exit", () => this.#lose({ problem: "the process that starts shells has ended" }));
    const [news, orders] = this.#pipes();
    this.#orders = orders;
    // What went wrong is told by the end of the process.
    orders?.on("error", () => undefined);
    news?.on("error", () => undefined).on("data", (chunk: Buffer) => this.#hear(chunk.toString("latin1")));
  }

  /** It starts no more shells. */
  get gone(): boolean {
    return this.#gone;
  }

  /** One command at a time. */
  run(told: Told, onEnd: (end: ShellEnd) => void): void {
    this.#busy = undefined;
    this.#told = told;
    this.#onEnd = onEnd;
    this.#tell();
  }

  /** To the group of the last command; one that has no shell yet will not be run. Whether there was anybody to reach. */
  kill(signal: NodeJS.Signals | 0): boolean {
    if (this.#told !== undefined) this.#finish({});
    if (this.#busy === undefined) return false;
    try {
      return process.kill(-this.#busy, signal);
    } catch {
      return false;
    }
  }

  /** Hands over what has been written. The bytes are good until the next call. */
  read(take: (bytes: Buffer) => void): OutputState {
    if (this.#output === undefined) return "ended";
    try {
      for (let reads = 0; reads < READS_AT_A_TIME; reads += 1) {
        const length = readSync(this.#output, BUFFER);
        if (length === 0) return "ended";
        take(BUFFER.subarray(0, length));
      }
      return "more";
    } catch (error) {
      if (isErrno(error, "EAGAIN")) return "quiet";
      throw error;
    }
  }

  /** Ends it, and the shell that waits; a command goes on. */
  close(): void {
    this.#gone = true;
    this.#process.unref();
    for (const pipe of this.#pipes()) pipe.destroy();
    if (this.#output !== undefined) closeSync(this.#output);
    this.#output = undefined;
  }

  #pipes(): readonly Duplex[] {
    const { stdio = [] } = this.#process;
    return [stdio[1], stdio[3]].filter((pipe) => pipe) as unknown as readonly Duplex[];
  }

  #hear(text: string): void {
    const lines = (this.#heard + text).split("\n");
    this.#heard = lines.pop() ?? "";
    for (const line of lines) {
      const [what, number] = line.split(" ");
      if (what === "ended") this.#end(Number(number));
      else this.#wait(Number(number));
    }
  }

  #wait(shell: number): void {
    // Others write to the pipe only after the first command, so that there is always somebody to read.
    try {
      this.#output ??= openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      this.#lose({ problem: `its output could not be read: ${String(error)}` });
      return;
    }
    this.#waiting = shell;
    this.#tell();
  }

  #tell(): void {
    if (this.#told === undefined || this.#waiting === undefined) return;
    const { step, attempt, cmd } = this.#told;
    this.#orders?.write(`${this.#waiting}\0${step}\0${attempt}\0${cmd.replaceAll("\0", "")}\0`);
    this.#busy = this.#waiting;
    this.#waiting = undefined;
    this.#told = undefined;
  }

  #end(exitCode: number): void {
    // A shell that ended while it waited was ended by somebody else. One that a signal ended may not have read its command, which then is still
    // in the pipe: none of the next ones takes it, but it ends the first of them.
    if (this.#waiting !== undefined || exitCode > 128) this.#gone = true;
    this.#waiting = undefined;
    this.#finish({ exitCode });
  }

  #lose(end: ShellEnd): void {
    this.#gone = true;
    this.#finish(end);
  }

  #finish(end: ShellEnd): void {
    const onEnd = this.#onEnd;
    this.#onEnd = undefined;
    this.#told = undefined;
    onEnd?.(end);
  }
}
