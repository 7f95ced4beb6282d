// The parameters of a run of a playbook: what was given, held against what the playbook takes. Pure.
import { TriplaneError } from "@triplane/contract";
import type { Playbook, PlaybookParameter } from "./schema.ts";

export type ParameterValues = Readonly<Record<string, string>>;

/**
 * Every parameter with its value; what is not given and has no default is left out. A dry run takes examples for what is required.
 * Throws `parameter_invalid` with every problem.
 */
export function resolveParameters(playbook: Playbook, given: ParameterValues, options: { readonly dryRun: boolean }): ParameterValues {
  const problems: string[] = [];
  for (const name of Object.keys(given))
    if (!playbook.parameters.some((parameter) => parameter.name === name)) problems.push(`${playbook.id} has no parameter ${name}`);
  const values: Record<string, string> = {};
  for (const parameter of playbook.parameters) {
    const value = given[parameter.name] ?? parameter.default ?? (options.dryRun ? parameter.example : undefined);
    if (value === undefined) {
      if (parameter.required) problems.push(`${parameter.name} is missing: ${parameter.description}`);
      continue;
    }
    const problem = valueProblem(parameter, value);
    if (problem === undefined) values[parameter.name] = value;
    else problems.push(`${parameter.name}: ${problem}`);
  }
  if (problems.length > 0) throw new TriplaneError("parameter_invalid", problems.join("; "), { details: { problems } });
  return values;
}

/** What is wrong with a value, or undefined. */
export function valueProblem({ type, choices = [], pattern }: PlaybookParameter, value: string): string | undefined {
  const shown = JSON.stringify(value.slice(0, 80));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal that shows the value, or a line of a script, must not be steered by it.
  if (/[\u0000-\u001f\u007f]/.test(value)) return "holds a control character";
  switch (type) {
    case "Integer":
      return /^-?(?:0|[1-9]\d{0,14})$/.test(value) ? undefined : `${shown} is no whole number`;
    case "Boolean":
      return value === "true" || value === "false" ? undefined : `${shown} is neither true nor false`;
    case "Choice":
      return choices.includes(value) ? undefined : `${shown} is none of ${choices.join(", ")}`;
    case "Text":
      if (value.length > 2000) return "has more than 2000 characters";
      return pattern === undefined || new RegExp(`^(?:${pattern})$`, "u").test(value) ? undefined : `${shown} does not match ${pattern}`;
  }
}
