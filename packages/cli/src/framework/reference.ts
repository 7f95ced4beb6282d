// The reference of a program, as Markdown, made from its command values.
import { type ListedCommand, loadCommands } from "./listing.ts";
import type { Parameter } from "./parameters.ts";
import { EXIT_CODES_TEXT, type Program } from "./shell.ts";

/** The lines of a page: an overview, then a section for each command. */
export async function referencePage(program: Program): Promise<readonly string[]> {
  const commands = await loadCommands(program.commands);
  return [
    `## ${program.name}`,
    "",
    `${program.description} ${EXIT_CODES_TEXT} Data goes to standard output, everything else to standard error.`,
    "",
    ...commands.map((command) => `- [\`${program.name} ${command.name}\`](#${anchor(program, command)}) ${command.summary}`),
    "",
    ...commands.flatMap((command) => [section(program, command), ""]),
  ];
}

function section(program: Program, command: ListedCommand): string {
  const { args, options } = command;
  const parts = [`### ${program.name} ${command.name}`, `${command.summary}.`];
  if (command.description !== undefined) parts.push(command.description);
  parts.push(`\`\`\`text\n${usage(program, command, args, options)}\n\`\`\``);
  if (args.length > 0) parts.push(rows("Argument", args, (each) => each.placeholder));
  const shown = options.map((each) => ({ ...each, label: each.kind === "flag" ? `--${each.flag}` : `--${each.flag} ${each.placeholder}` }));
  const json = command.json ? [{ label: "--json", description: "Print data as JSON, and failures as JSON on standard error." }] : [];
  if (shown.length + json.length > 0) {
    const lines = [
      ...shown.map((each) => `| \`${each.label}\` | ${cell(each)} |`),
      ...json.map((each) => `| \`${each.label}\` | ${each.description} |`),
    ];
    parts.push(["| Option | Meaning |", "| --- | --- |", ...lines].join("\n"));
  }
  parts.push(`\`\`\`text\n${command.examples.map((example) => `# ${example.what}\n$ ${example.command}`).join("\n\n")}\n\`\`\``);
  return parts.join("\n\n");
}

function usage(program: Program, command: ListedCommand, args: readonly Parameter[], options: readonly Parameter[]): string {
  const words = args.map((each) => {
    const inner = each.kind === "list" ? `${each.placeholder}...` : each.placeholder;
    return each.required ? `<${inner}>` : `[${inner}]`;
  });
  const hasOptions = options.length > 0 || command.json;
  return [program.name, command.name, ...(hasOptions ? ["[options]"] : []), ...words].join(" ");
}

function rows(heading: string, parameters: readonly Parameter[], label: (each: Parameter) => string): string {
  return [`| ${heading} | Meaning |`, "| --- | --- |", ...parameters.map((each) => `| \`${label(each)}\` | ${cell(each)} |`)].join("\n");
}

function cell(each: Parameter): string {
  const notes = [
    each.choices === undefined ? "" : ` One of ${each.choices.map((choice) => `\`${choice}\``).join(", ")}.`,
    each.kind === "list" ? " May be given several times." : "",
    each.defaultText === undefined ? "" : ` Default: \`${each.defaultText}\`.`,
  ].join("");
  return `${each.description.replaceAll("|", "\\|")}.${notes}`;
}

function anchor(program: Program, command: ListedCommand): string {
  return `${program.name} ${command.name}`.replaceAll(" ", "-");
}
