// Runs the steps of a Woodpecker pipeline on this machine, as Woodpecker's local backend treats them. It is not Woodpecker: see deploy/woodpecker/README.md.
//
// Settings become PLUGIN_*: scalars as text, lists of scalars between commas, everything else as JSON; `from_secret` is looked up. `${CI_…}` is
// substituted in the file before it is read. The commands of a step are one shell that ends with the first failure.
import { execFile } from "node:child_process";
import { parse } from "yaml";

type Scalar = string | number | boolean;

export interface PipelineStep {
  readonly name: string;
  readonly image: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly commands?: readonly string[];
}

export interface Pipeline {
  readonly steps: readonly PipelineStep[];
}

/** The keys that our pipelines use, of those that Woodpecker 3 knows: one that is misspelt is an error, as it is there. */
const KEYS = {
  pipeline: ["when", "depends_on", "runs_on", "steps"],
  step: ["name", "image", "settings", "environment", "commands", "when"],
  when: ["event", "branch", "cron", "status"],
} as const;

/** Throws what is wrong with the file. `ci`: what is substituted. */
export function readPipeline(text: string, ci: Readonly<Record<string, string>>): Pipeline {
  const pipeline = parse(text.replaceAll(/\$\{([A-Z][A-Z0-9_]*)\}/g, (_, name: string) => ci[name] ?? ""));
  checkKeys("pipeline", pipeline);
  for (const step of pipeline.steps) {
    checkKeys("step", step);
    if (!/^[a-z][a-z0-9-]*$/.test(step.name) || typeof step.image !== "string")
      throw new Error(`${step.name}: a step has a name and an image`);
    if ((step.settings === undefined) === (step.commands === undefined))
      throw new Error(`${step.name}: a step has either settings or commands`);
    if (step.settings !== undefined && step.environment !== undefined) throw new Error(`${step.name}: a plugin gets no environment`);
    if (step.commands?.some((command: unknown) => typeof command !== "string")) throw new Error(`${step.name}: a command is no text`);
  }
  for (const when of [...pipeline.when, ...pipeline.steps.flatMap((step: { readonly when?: readonly unknown[] }) => step.when ?? [])])
    checkKeys("when", when);
  return pipeline;
}

function checkKeys(kind: keyof typeof KEYS, value: object): void {
  const known: readonly string[] = KEYS[kind];
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  if (unknown.length > 0) throw new Error(`a ${kind} has no ${unknown.join(", ")}`);
}

function isScalar(value: unknown): value is Scalar {
  return ["string", "number", "boolean"].includes(typeof value);
}

/** The environment that a step gets beside its surroundings. */
export function environmentOf(step: PipelineStep, secrets: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const resolved = (value: unknown): unknown => {
    const name = (value as { readonly from_secret?: unknown } | null)?.from_secret;
    if (typeof name !== "string") return value;
    const found = secrets[name];
    if (found === undefined) throw new Error(`there is no secret ${name}`);
    return found;
  };
  const plugin = Object.entries(step.settings ?? {}).map(
    ([name, value]) => [`PLUGIN_${name.toUpperCase().replaceAll(/[.-]/g, "_")}`, asText(resolved(value))] as const,
  );
  const plain = Object.entries(step.environment ?? {}).map(([name, value]) => [name, asText(resolved(value))] as const);
  return Object.fromEntries([...plugin, ...plain]);
}

function asText(value: unknown): string {
  if (isScalar(value)) return String(value);
  if (Array.isArray(value) && value.every(isScalar)) return value.join(",");
  return JSON.stringify(value);
}

export interface StepEnd {
  readonly exitCode: number;
  readonly output: string;
}

/** `plugin`: the program and its arguments behind the images of steps with settings. */
export function runStep(
  step: PipelineStep,
  plugin: readonly [string, ...string[]],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly secrets: Readonly<Record<string, string>> },
): Promise<StepEnd> {
  const script = step.commands?.join("\n") ?? "";
  const [program, ...args] = step.settings === undefined ? ["/bin/sh", "-e", "-c", script] : plugin;
  const env = { ...options.env, ...environmentOf(step, options.secrets) };
  return new Promise((resolve) => {
    execFile(program ?? "", args, { cwd: options.cwd, env, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : typeof error.code === "number" ? error.code : -1, output: stdout + stderr });
    });
  });
}
