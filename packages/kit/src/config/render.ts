// The same options for people: --help, and the table in docs/reference/configuration.md.
import { type ConfigDefinition, envOf, flagOf, isRequired } from "./define.ts";
import type { Option } from "./option.ts";

export function renderHelp(definition: ConfigDefinition): string {
  const rows = Object.entries(definition.options).map(([name, spec]) => {
    const value = spec.secret === true ? " FILE" : spec.toggle === true ? "" : ` ${spec.placeholder ?? "VALUE"}`;
    return [
      `--${flagOf(name, spec)}${value}`,
      `${spec.description} [${envText(definition, name, spec)}] ${defaultText(spec)}`.trim(),
    ] as const;
  });
  rows.push(
    ["--config FILE", `JSON object with these options in camelCase. [${definition.envPrefix}_CONFIG]`],
    ["--check", "Validate the configuration and exit: 0 if it is right, 2 if not."],
    ["--help", "Show this and exit."],
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `${definition.program} - ${definition.summary}`,
    "",
    `Usage: ${definition.program} [flags]`,
    "",
    "Flag before environment before file before default.",
    "",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    "",
    "Exit codes: 0 stopped as asked, 1 failed, 2 wrong configuration.",
    "",
  ].join("\n");
}

/** A Markdown section with one row for each option. */
export function renderConfigReference(definition: ConfigDefinition): string {
  const rows = Object.entries(definition.options).map(([name, spec]) => {
    const cells = [
      `\`--${flagOf(name, spec)}\``,
      envText(definition, name, spec, "`"),
      `\`${spec.secret === true ? `${name}File` : name}\``,
    ];
    return `| ${[...cells, defaultText(spec) || "none", spec.description].map(escapeCell).join(" | ")} |`;
  });
  return [
    `## ${definition.program}`,
    "",
    definition.summary,
    "",
    "| flag | variable | in the file | default | meaning |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function envText(definition: ConfigDefinition, name: string, spec: Option, quote = ""): string {
  const variable = envOf(name, spec, definition.envPrefix);
  const names = spec.secret === true ? [variable, `${variable}_FILE`] : [variable];
  return names.map((each) => `${quote}${each}${quote}`).join(", ");
}

function defaultText(spec: Option): string {
  if (isRequired(spec)) return "(required)";
  const parsed = spec.schema.safeParse(undefined);
  if (!parsed.success || parsed.data === undefined) return "";
  return `(default ${Array.isArray(parsed.data) ? parsed.data.join(",") || "none" : String(parsed.data)})`;
}

function escapeCell(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
