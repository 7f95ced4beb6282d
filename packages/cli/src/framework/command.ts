// A command as a value: what it is called, what it takes, what it does, how its data reads. The shell, the help, the
// completion scripts and the reference page are all made from these values.

import type { Clock, Random } from "@triplane/contract";
import { printable } from "@triplane/kit";
import type { z } from "zod";
import { kebab, type Parameter, parametersOf, parseInput } from "./parameters.ts";

export interface Example {
  /** The whole command line, starting with `triplane`. */
  readonly command: string;
  /** What it does, one sentence without a full stop. */
  readonly what: string;
}

/** What a command sees of the world. Data goes out as the return value; the rest goes through `progress`. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Fires on Ctrl-C and on SIGTERM. */
  readonly signal: AbortSignal;
  /** Whether a person sits at the other end of standard error. */
  readonly terminal: boolean;
  /** Whether the caller asked for JSON. */
  readonly json: boolean;
  /** A line on standard error while work goes on. */
  progress(line: string): void;
  /** Data that appears while the command runs: an event as one JSON line, or its text. */
  emit(event: object, text: string): void;
  /** All of standard input, for arguments given as `-`. */
  readInput(): Promise<string>;
  /** What a person types without it being shown; undefined where nobody sits at a terminal. */
  askSecret(question: string): Promise<string | undefined>;
}

export interface CommandSpec<Args extends z.ZodObject, Options extends z.ZodObject, Data> {
  /** Paragraphs for `--help`, after the summary. */
  readonly description?: string;
  /** Positional arguments in order; an array schema at the end takes the rest. */
  readonly args: Args;
  readonly options: Options;
  readonly examples: readonly [Example, ...Example[]];
  /** False for commands whose output is no data (completion scripts). */
  readonly json?: false;
  /** With --json the data is one line, after events of one line each. */
  readonly jsonLines?: true;
  run(input: { readonly args: z.output<Args>; readonly options: z.output<Options> }, context: CommandContext): Promise<Data>;
  render(data: Data): string;
  /** Whether the data means "failed or refused": exit code 1 with the data still printed. */
  failed?(data: Data): boolean;
  /** Whether it neither failed nor could be judged: exit code 3 with the data still printed. */
  undecided?(data: Data): boolean;
  /** Of commands with exit codes of their own, which their description says. */
  exitCode?(data: Data): number;
}

export interface CommandResult {
  readonly data: unknown;
  readonly text: string;
  readonly failed: boolean;
  readonly undecided: boolean;
  readonly exitCode: number | undefined;
}

/** A command without its type parameters, as the shell handles it. */
export interface Command {
  readonly description: string | undefined;
  readonly args: readonly Parameter[];
  readonly options: readonly Parameter[];
  readonly examples: readonly Example[];
  readonly json: boolean;
  readonly jsonLines: boolean;
  /** Its description says which. */
  readonly ownExitCodes: boolean;
  invoke(rawArgs: Record<string, unknown>, rawOptions: Record<string, unknown>, context: CommandContext): Promise<CommandResult>;
}

/** Makes a command out of its spec. `invoke` throws `usage` naming every argument that is wrong. */
export function defineCommand<Args extends z.ZodObject, Options extends z.ZodObject, Data>(
  spec: CommandSpec<Args, Options, Data>,
): Command {
  return {
    description: spec.description,
    args: parametersOf(spec.args),
    options: parametersOf(spec.options),
    examples: spec.examples,
    json: spec.json !== false,
    jsonLines: spec.jsonLines === true,
    ownExitCodes: spec.exitCode !== undefined,
    invoke: async (rawArgs, rawOptions, context) => {
      const args = parseInput(spec.args, rawArgs, (name) => name.toUpperCase());
      const options = parseInput(spec.options, rawOptions, (name) => `--${kebab(name)}`);
      const data = await spec.run({ args, options }, context);
      const ended = { failed: spec.failed?.(data) ?? false, undecided: spec.undecided?.(data) ?? false, exitCode: spec.exitCode?.(data) };
      return { data, text: printable(spec.render(data)), ...ended };
    },
  };
}
