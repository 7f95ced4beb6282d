// The shell: parses a command line with commander, runs the command, prints data or failure, gives the exit code.
//
// 1. Data goes to standard output, everything else to standard error.
// 2. Exit codes: 0 done, 1 failed or refused, 2 wrong usage. Nothing is asked; there is no prompt to wait at.
// 3. Only the command that was asked for is loaded, and what it or a failure needs with it: help is there at once.
import type { TriplaneError } from "@triplane/contract";
import { Argument, Command as CommanderCommand, CommanderError, Option } from "commander";
import type { Command, CommandContext } from "./command.ts";
import { commandAt, type ListedCommand, type Listing, loadCommand } from "./listing.ts";

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** Only of commands that say so in their help. */
export const EXIT_UNDECIDED = 3;

export const EXIT_CODES_TEXT = "Exit codes: 0 done, 1 failed or refused, 2 wrong usage.";

/** Where the shell writes. */
export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

export interface Program {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly commands: readonly Listing[];
  /** One line per noun. */
  readonly nouns: Readonly<Record<string, string>>;
}

export type ContextFor = (json: boolean) => CommandContext | Promise<CommandContext>;

/** Runs one command line (without the program's own name) and returns its exit code. */
export async function runShell(program: Program, argv: readonly string[], streams: Streams, contextFor: ContextFor): Promise<number> {
  let exitCode = EXIT_DONE;
  const asked = commandAt(program.commands, argv);
  const loaded = asked === undefined ? undefined : await loadCommand(asked);
  const root = buildCommander(program, loaded, streams, async (command, rawArgs, rawOptions, json) => {
    exitCode = await invoke(command, rawArgs, rawOptions, json, streams, contextFor);
  });
  try {
    await root.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return EXIT_DONE;
    // With no command at all commander shows the help; that is wrong usage, already printed.
    if (thrown.code !== "commander.help") {
      const { TriplaneError } = await import("@triplane/contract");
      const message = thrown.message.replace(/^error: /, "");
      await printFailure(new TriplaneError("usage", message, { hint: usageHint(program, argv) }), argv.includes("--json"), streams);
    }
    return EXIT_USAGE;
  }
}

type Action = (command: Command, rawArgs: Record<string, unknown>, rawOptions: Record<string, unknown>, json: boolean) => Promise<void>;

function buildCommander(program: Program, loaded: ListedCommand | undefined, streams: Streams, action: Action): CommanderCommand {
  const root = prepare(new CommanderCommand(program.name), streams)
    .description(program.description)
    .version(program.version, "-V, --version", "print the version")
    .helpCommand("help [command]", "show the help of a command");
  root.addHelpText("after", `\n${EXIT_CODES_TEXT}\nEvery command has --help with examples.`);
  const groups = new Map<string, CommanderCommand>();
  for (const command of program.commands) {
    let parent = root;
    if (command.noun !== undefined) {
      parent = groups.get(command.noun) ?? prepare(root.command(command.noun), streams).description(program.nouns[command.noun] ?? "");
      groups.set(command.noun, parent);
      parent.helpCommand(false);
    }
    // A command may share its name with a group: `build DIR` and `build leases`.
    const isGroup = command.noun === undefined && program.commands.some(({ noun }) => noun === command.verb);
    const built = (isGroup ? groups.get(command.verb) : undefined) ?? prepare(parent.command(command.verb), streams);
    if (isGroup) groups.set(command.verb, built.helpCommand(false));
    if (command.name === loaded?.name) addCommand(built, loaded, action);
    else built.summary(command.summary);
  }
  return root;
}

function addCommand(built: CommanderCommand, command: ListedCommand, action: Action): void {
  built.summary(command.summary).description(describe(command));
  const { args, options } = command;
  for (const parameter of args) {
    const inner = parameter.kind === "list" ? `${parameter.placeholder}...` : parameter.placeholder;
    const argument = new Argument(parameter.required ? `<${inner}>` : `[${inner}]`, parameter.description);
    if (parameter.choices !== undefined) argument.choices(parameter.choices);
    built.addArgument(argument);
  }
  for (const parameter of options) {
    const value = parameter.kind === "flag" ? "" : ` <${parameter.placeholder}>`;
    const repeat = parameter.kind === "list" ? " (may be given several times)" : "";
    const byDefault = parameter.defaultText === undefined ? "" : ` (default: ${parameter.defaultText})`;
    const option = new Option(`--${parameter.flag}${value}`, `${parameter.description}${repeat}${byDefault}`);
    if (parameter.kind === "list")
      option.argParser((item: string, before: readonly string[] | undefined): string[] => [...(before ?? []), item]);
    if (parameter.choices !== undefined) option.choices(parameter.choices);
    if (parameter.required) option.makeOptionMandatory();
    built.addOption(option);
  }
  if (command.json) built.option("--json", "print data as JSON, and failures as JSON on standard error");
  built.addHelpText("after", examplesText(command));
  built.action(async (...called: unknown[]) => {
    const given = called.slice(0, args.length);
    const rawArgs = Object.fromEntries(args.map((parameter, index) => [parameter.name, given[index]]));
    const seen = built.opts() as Record<string, unknown>;
    const rawOptions = Object.fromEntries(options.map((parameter) => [parameter.name, seen[parameter.name]]));
    await action(command, rawArgs, rawOptions, seen["json"] === true);
  });
}

function prepare(command: CommanderCommand, streams: Streams): CommanderCommand {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .helpOption("-h, --help", "show this help")
    .configureHelp({ helpWidth: 110 })
    .configureOutput({ writeOut: streams.out, writeErr: streams.err, outputError: () => undefined });
}

function describe(command: ListedCommand): string {
  return command.description === undefined ? `${command.summary}.` : `${command.summary}.\n\n${command.description}`;
}

function examplesText(command: Command): string {
  const lines = command.examples.map((example) => `  $ ${example.command}\n      ${example.what}`);
  return `\nExamples:\n${lines.join("\n")}${command.ownExitCodes ? "" : `\n\n${EXIT_CODES_TEXT}`}`;
}

async function invoke(
  command: Command,
  rawArgs: Record<string, unknown>,
  rawOptions: Record<string, unknown>,
  json: boolean,
  streams: Streams,
  contextFor: ContextFor,
): Promise<number> {
  try {
    const result = await command.invoke(rawArgs, rawOptions, await contextFor(json));
    if (json) {
      const { printableJson } = await import("@triplane/kit");
      streams.out(`${printableJson(JSON.stringify(result.data, null, command.jsonLines ? 0 : 2))}\n`);
    }
    if (!json && result.text !== "") streams.out(`${result.text}\n`);
    if (result.exitCode !== undefined) return result.exitCode;
    if (result.failed) return EXIT_FAILED;
    return result.undecided ? EXIT_UNDECIDED : EXIT_DONE;
  } catch (thrown) {
    const { toTriplaneError } = await import("@triplane/contract");
    const failure = toTriplaneError(thrown);
    await printFailure(failure, json, streams);
    return failure.code === "usage" ? EXIT_USAGE : EXIT_FAILED;
  }
}

/** Message, code and hint on standard error; what is wrong in a file is drawn into its source. */
export async function printFailure(failure: TriplaneError, json: boolean, streams: Streams): Promise<void> {
  if (json) {
    const { code, message, hint, details } = failure;
    streams.err(`${JSON.stringify({ error: { code, message, hint, details } })}\n`);
    return;
  }
  const { drawProblems, problemsOf } = await import("@triplane/nickel");
  const problems = problemsOf(failure);
  const explanation = failure.details["explanation"];
  const lines = Array.isArray(explanation) ? explanation.map((line) => `    ${String(line)}\n`).join("") : "";
  const said = problems.length === 0 ? `error: ${failure.message}\n${lines}` : `${drawProblems(problems)}\n${lines}\n`;
  streams.err(`${said}  code: ${failure.code}\n  hint: ${failure.hint}\n`);
}

function usageHint(program: Program, argv: readonly string[]): string {
  const words = argv.filter((word) => !word.startsWith("-"));
  const known = commandAt(program.commands, argv);
  const noun = words[0] !== undefined && Object.hasOwn(program.nouns, words[0]) ? ` ${words[0]}` : "";
  return `\`${program.name}${known === undefined ? noun : ` ${known.name}`} --help\` shows what it takes.`;
}
