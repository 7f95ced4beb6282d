// One command line in this process, through the same shell as the program's, and what it printed.
import { TriplaneError } from "@triplane/contract";
import type { CommandContext } from "./command.ts";
import { type Program, runShell } from "./shell.ts";

export interface Captured {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Nobody is at a terminal, and there is no standard input. */
export async function runCaptured(
  program: Program,
  argv: readonly string[],
  around: Pick<CommandContext, "env" | "cwd" | "clock" | "random" | "signal">,
): Promise<Captured> {
  const printed = { out: "", err: "" };
  const out = (text: string): void => {
    printed.out += text;
  };
  const err = (text: string): void => {
    printed.err += text;
  };
  const code = await runShell(program, argv, { out, err }, (json) => ({
    ...around,
    ...{ terminal: false, json },
    progress: (line) => err(`${line}\n`),
    emit: (event, text) => out(`${json ? JSON.stringify(event) : text}\n`),
    readInput: () => Promise.reject(new TriplaneError("usage", "there is no standard input here")),
    askSecret: () => Promise.resolve(undefined),
  }));
  return { code, ...printed };
}
