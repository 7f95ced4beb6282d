// Resolves a configuration: flag before environment before file before default; every problem is reported, together.
import { readFile } from "node:fs/promises";
import { TriplaneError } from "@triplane/contract";
import type { z } from "zod";
import { readSecretFile } from "../files.ts";
import { type CommandLine, parseCommandLine } from "./command-line.ts";
import { type ConfigDefinition, envOf, flagOf, type OptionTable, type ValuesOf } from "./define.ts";
import type { Option } from "./option.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigSources {
  readonly argv: readonly string[];
  readonly env: Environment;
}

/** Frozen values. Throws `config_invalid`; `details.problems` lists every problem with its flag and variable. */
export async function resolveConfig<T extends OptionTable>(definition: ConfigDefinition<T>, sources: ConfigSources): Promise<ValuesOf<T>> {
  const commandLine = parseCommandLine(definition, sources.argv);
  const problems = [...commandLine.problems];
  const fileValues = await readConfigFile(definition, commandLine, sources.env, problems);
  const values: Record<string, unknown> = {};

  for (const [name, spec] of Object.entries(definition.options)) {
    const given = await givenValue(definition, name, spec, commandLine, sources.env, fileValues, problems);
    if (given.failed) continue;
    const parsed = spec.schema.safeParse(given.value);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(`${label(definition, name, spec)}: ${describeIssues(parsed.error, given.value, spec)}`);
  }
  // The loop above put exactly one checked value under each name of the table.
  const resolved = Object.freeze(values) as ValuesOf<T>;
  if (problems.length === 0) problems.push(...(definition.rules?.(resolved) ?? []));
  if (problems.length > 0) {
    throw new TriplaneError("config_invalid", `${definition.program}: ${problems.join("; ")}`, { details: { problems } });
  }
  return resolved;
}

interface Given {
  readonly value: unknown;
  readonly failed: boolean;
}

const absent: Given = { value: undefined, failed: false };

async function givenValue(
  definition: ConfigDefinition,
  name: string,
  spec: Option,
  commandLine: CommandLine,
  env: Environment,
  fileValues: Readonly<Record<string, unknown>>,
  problems: string[],
): Promise<Given> {
  const fromFlag = commandLine.values.get(name);
  const variable = envOf(name, spec, definition.envPrefix);
  if (spec.secret !== true) {
    const value = fromFlag ?? nonEmpty(env[variable]) ?? fileValues[name];
    return value === undefined ? absent : { value, failed: false };
  }
  const inFile = fileValues[`${name}File`];
  const path = fromFlag ?? nonEmpty(env[`${variable}_FILE`]) ?? (nonEmpty(env[variable]) === undefined ? inFile : undefined);
  if (path === undefined) return { value: nonEmpty(env[variable]), failed: false };
  try {
    if (typeof path !== "string") throw new TriplaneError("config_invalid", `${name}File is not a path`);
    return { value: (await readSecretFile(path)).replace(/\r?\n$/, ""), failed: false };
  } catch (error) {
    problems.push(`${label(definition, name, spec)}: ${error instanceof Error ? error.message : "cannot be read"}`);
    return { value: undefined, failed: true };
  }
}

async function readConfigFile(
  definition: ConfigDefinition,
  commandLine: CommandLine,
  env: Environment,
  problems: string[],
): Promise<Readonly<Record<string, unknown>>> {
  const path = commandLine.configFile ?? nonEmpty(env[`${definition.envPrefix}_CONFIG`]);
  if (path === undefined) return {};
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    problems.push(`--config: ${path}: ${error instanceof Error ? error.message : "cannot be read"}`);
    return {};
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    problems.push(`--config: ${path}: is not a JSON object`);
    return {};
  }
  const allowed = new Set(Object.entries(definition.options).map(([name, spec]) => (spec.secret === true ? `${name}File` : name)));
  for (const key of Object.keys(content)) {
    if (!allowed.has(key)) problems.push(`--config: ${path}: there is no option ${JSON.stringify(key)}`);
  }
  return content as Readonly<Record<string, unknown>>;
}

function label(definition: ConfigDefinition, name: string, spec: Option): string {
  const variable = envOf(name, spec, definition.envPrefix);
  return `--${flagOf(name, spec)} (${spec.secret === true ? `${variable} or ${variable}_FILE` : variable})`;
}

// The value itself is never repeated: it may be a secret that was put into the wrong place.
function describeIssues(error: z.ZodError, value: unknown, spec: Option): string {
  if (value === undefined) return `is required: ${spec.description}`;
  return error.issues.map((issue) => `${issue.path.length > 0 ? `${issue.path.join(".")}: ` : ""}${issue.message}`).join(", ");
}

// An empty variable is how shells and unit files say "not set".
function nonEmpty(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
