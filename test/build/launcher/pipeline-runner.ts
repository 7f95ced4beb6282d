// Runs the steps of a Woodpecker pipeline on this machine, as Woodpecker's local backend treats them. It is not Woodpecker: see deploy/woodpecker/README.md.
//
// Settings become PLUGIN_*: scalars as text, lists of scalars between commas, everything else as JSON; `from_secret` is looked up. `${CI_…}` is
// substituted in the file before it is read. The commands of a step are one shell that ends with the first failure.
import { execFile } from "node:child_process";
import { parse } from "yaml";
import { z } from "zod";

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const fromSecret = z.strictObject({ from_secret: z.string() });
const whenSchema = z.strictObject({
  event: z.unknown().optional(),
  branch: z.unknown().optional(),
  cron: z.unknown().optional(),
  status: z.unknown().optional(),
});
/** The keys that our pipelines use, of those that Woodpecker 3 knows: one that is misspelt is an error, as it is there. */
const stepSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]*$/),
    image: z.string(),
    settings: z.record(z.string(), z.unknown()).optional(),
    environment: z.record(z.string(), z.union([scalar, fromSecret])).optional(),
    commands: z.array(z.string()).min(1).optional(),
    when: z.array(whenSchema).optional(),
  })
  .refine((step) => (step.settings === undefined) !== (step.commands === undefined), "a step has either settings or commands")
  .refine((step) => step.settings === undefined || step.environment === undefined, "a plugin gets no environment");
const pipelineSchema = z.strictObject({
  when: z.array(whenSchema).min(1),
  depends_on: z.array(z.string()).optional(),
  runs_on: z.array(z.string()).optional(),
  steps: z.array(stepSchema).min(1),
});
export type Pipeline = z.infer<typeof pipelineSchema>;
export type PipelineStep = Pipeline["steps"][number];

/** Throws what is wrong with the file. `ci`: what is substituted. */
export function readPipeline(text: string, ci: Readonly<Record<string, string>>): Pipeline {
  return pipelineSchema.parse(parse(text.replaceAll(/\$\{([A-Z][A-Z0-9_]*)\}/g, (_, name: string) => ci[name] ?? "")));
}

/** The environment that a step gets beside its surroundings. */
export function environmentOf(step: PipelineStep, secrets: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const resolved = (value: unknown): unknown => {
    const secret = fromSecret.safeParse(value);
    if (!secret.success) return value;
    const found = secrets[secret.data.from_secret];
    if (found === undefined) throw new Error(`there is no secret ${secret.data.from_secret}`);
    return found;
  };
  const plugin = Object.entries(step.settings ?? {}).map(
    ([name, value]) => [`PLUGIN_${name.toUpperCase().replaceAll(/[.-]/g, "_")}`, asText(resolved(value))] as const,
  );
  const plain = Object.entries(step.environment ?? {}).map(([name, value]) => [name, asText(resolved(value))] as const);
  return Object.fromEntries([...plugin, ...plain]);
}

function asText(value: unknown): string {
  if (scalar.safeParse(value).success) return String(value);
  if (Array.isArray(value) && value.every((each) => scalar.safeParse(each).success)) return value.join(",");
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
