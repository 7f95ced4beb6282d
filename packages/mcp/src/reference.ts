// The reference page of tools and resources, made from the values that are served.
import { describeShelves } from "./resources.ts";
import { listTools } from "./server.ts";

interface Property {
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly default?: unknown;
}

/** Lines of Markdown. */
export function mcpReference(): readonly string[] {
  return [
    "## Resources",
    "",
    "| URI | what it is |",
    "| --- | --- |",
    ...describeShelves().map(({ uri, what }) => `| \`${uri}\` | ${what} |`),
    "",
    "## Tools",
    "",
    ...listTools().flatMap(({ name, description, annotations, inputSchema }) => [
      `### ${name}`,
      "",
      description,
      "",
      ...argumentLines(inputSchema),
      hintLine(annotations),
      "",
    ]),
  ];
}

function argumentLines(schema: object): readonly string[] {
  const { properties = {}, required = [] } = schema as { properties?: Record<string, Property>; required?: readonly string[] };
  const entries = Object.entries(properties);
  if (entries.length === 0) return ["No arguments.", ""];
  return [
    "| argument | what it is |",
    "| --- | --- |",
    ...entries.map(([name, property]) => {
      const isOptional = !required.includes(name) || property.default !== undefined;
      return `| \`${name}\`${isOptional ? " (optional)" : ""} | ${describeProperty(property)} |`;
    }),
    "",
  ];
}

function describeProperty({ description, type, enum: choices, default: byDefault }: Property): string {
  const shown = choices === undefined ? (type ?? "any JSON") : choices.map((choice) => `\`${choice}\``).join(", ");
  const text = description === undefined ? shown : `${description} (${shown})`;
  return `${text}${byDefault === undefined ? "" : `; \`${JSON.stringify(byDefault)}\` unless given`}`.replaceAll("|", "\\|");
}

function hintLine(hints: { readonly readOnlyHint: boolean; readonly destructiveHint: boolean; readonly idempotentHint: boolean }): string {
  if (hints.readOnlyHint) return "Changes nothing.";
  return `Changes something${hints.destructiveHint ? ", possibly what is there" : ", by adding to it"}; repeating it ${hints.idempotentHint ? "changes nothing more" : "does it again"}.`;
}
