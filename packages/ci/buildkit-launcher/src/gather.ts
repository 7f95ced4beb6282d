// Reads what a build is made of: context, Dockerfile, ignore file, .build-spec.ncl, secrets. Nothing is asked of anybody.
import { readdir, readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { type Language, TriplaneError } from "@triplane/contract";
import { type Environment, isErrno, readFileIfThere } from "@triplane/kit/options";
import type { BuildSettings } from "./config.ts";
import { type IgnoreRules, ignorePatterns, ignoreRules } from "./context/ignore-rules.ts";
import { type BuildSpec, languageOf, readBuildSpec } from "./plan/size.ts";
import { parseSecrets, type SecretSpec } from "./secrets/secret-spec.ts";

export interface Gathered {
  /** Absolute, as are the other paths. */
  readonly contextFolder: string;
  readonly dockerfile: string;
  /** The Dockerfile's own ignore file, where it has one. */
  readonly dockerfileIgnore: string | undefined;
  /** Which ignore file counts; undefined where there is none. */
  readonly ignoreFile: string | undefined;
  readonly rules: IgnoreRules;
  readonly spec: BuildSpec | undefined;
  readonly language: Language;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly secrets: readonly { readonly id: string; readonly value: Uint8Array }[];
}

/** What BuildKit takes of one secret. */
const MAX_SECRET_BYTES = 500 * 1024;

/** Throws `context_invalid`, `build_spec_invalid`, `config_invalid`, or as `readNickel`. */
export async function gather(settings: BuildSettings, cwd: string, env: Environment): Promise<Gathered> {
  const contextFolder = resolve(cwd, settings.context);
  const names = await readdir(contextFolder).catch((cause: unknown) => {
    throw new TriplaneError("context_invalid", `${contextFolder} is no folder that can be read`, { cause });
  });
  const dockerfile = resolve(contextFolder, settings.dockerfile);
  if ((await stat(dockerfile).catch(() => undefined))?.isFile() !== true)
    throw new TriplaneError("context_invalid", `${dockerfile} is no file: --dockerfile names it, from the context`);
  const specFile = resolve(contextFolder, ".build-spec.ncl");
  const spec = await readFileIfThere(specFile);
  return {
    ...{ contextFolder, dockerfile, ...(await ignoreOf(contextFolder, dockerfile)) },
    spec: spec === undefined ? undefined : readBuildSpec(spec, specFile),
    language: languageOf(new Set(names)),
    buildArgs: buildArgsOf(settings.buildArgs, env),
    secrets: await Promise.all(parseSecrets(settings.secrets).map((secret) => readSecret(secret, cwd, env))),
  };
}

async function ignoreOf(contextFolder: string, dockerfile: string): Promise<Pick<Gathered, "ignoreFile" | "dockerfileIgnore" | "rules">> {
  const own = `${dockerfile}.dockerignore`;
  const ofDockerfile = await readFileIfThere(own);
  const ofContext = ofDockerfile === undefined ? await readFileIfThere(resolve(contextFolder, ".dockerignore")) : undefined;
  return {
    dockerfileIgnore: ofDockerfile === undefined ? undefined : own,
    ignoreFile: ofDockerfile !== undefined ? own : ofContext === undefined ? undefined : resolve(contextFolder, ".dockerignore"),
    rules: ignoreRules(ignorePatterns(ofDockerfile ?? ofContext ?? "")),
  };
}

function buildArgsOf(given: readonly string[], env: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries(
    given.flatMap((text): readonly (readonly [string, string])[] => {
      const equals = text.indexOf("=");
      if (equals > 0) return [[text.slice(0, equals), text.slice(equals + 1)]];
      // As with others: a variable that is not set leaves the Dockerfile's own default.
      const value = env[text];
      return value === undefined ? [] : [[text, value]];
    }),
  );
}

async function readSecret(
  { id, from }: SecretSpec,
  cwd: string,
  env: Environment,
): Promise<{ readonly id: string; readonly value: Uint8Array }> {
  const value = from.kind === "file" ? await secretFile(id, resolve(cwd, from.path)) : env[from.name];
  if (value === undefined) throw new TriplaneError("config_invalid", `the secret ${id}: there is no such variable in the environment`);
  const bytes = Buffer.from(value);
  if (bytes.length > MAX_SECRET_BYTES)
    throw new TriplaneError("config_invalid", `the secret ${id} has more than ${MAX_SECRET_BYTES} bytes`);
  return { id, value: bytes };
}

async function secretFile(id: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const why = isErrno(cause, "ENOENT") ? "is not there" : "cannot be read";
    throw new TriplaneError("config_invalid", `the secret ${id}: its file ${why}`, { cause });
  }
}
