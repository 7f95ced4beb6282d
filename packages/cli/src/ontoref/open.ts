// The modes and runs that a command works on: which provisioning root, where runs are kept, who acts.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { searchTool, toolNamed } from "@triplane/kit";
import { findProvisioningRoot, type Mode, type ModeCatalogue, openModes, openRuns, type RunActor, type Runs } from "@triplane/reflection";
import { z } from "zod";
import type { CommandContext } from "../framework/command.ts";
import { list, oneOf, text } from "../framework/parameters.ts";
import { homeFolder, homeLayout } from "../home/layout.ts";

export const ACTOR_WORDS = ["agent", "human", "ci"] as const;
export type ActorWord = (typeof ACTOR_WORDS)[number];

export const ROOT_SHAPE = {
  provisioningRoot: text("DIR", "Folder that holds reflection/modes (default: found from here upwards)").optional(),
} as const;

export const RUN_SHAPE = {
  ...ROOT_SHAPE,
  home: text(
    "DIR",
    "Home whose runs these are (default: TRIPLANE_HOME, else ./.triplane if it is there, else the user's state folder)",
  ).optional(),
} as const;

export const actorOption = oneOf(ACTOR_WORDS, "ACTOR", "Who acts (default: ONTOREF_ACTOR)").optional();

/** Of a new run. */
export const NEW_RUN_SHAPE = {
  task: z.string().default("").meta({ description: "What the run is for, in your words", placeholder: "TEXT" }),
  actor: actorOption,
  param: list("NAME=VALUE", "A parameter; commands see it as PARAM_NAME"),
  ...RUN_SHAPE,
} as const;

interface RootOptions {
  readonly provisioningRoot?: string | undefined;
}

interface RunOptions extends RootOptions {
  readonly home?: string | undefined;
}

/** Throws `provisioning_missing`. */
export async function provisioningRootFor(options: RootOptions, context: CommandContext): Promise<string> {
  const { provisioningRoot } = options;
  if (provisioningRoot === undefined) return await findProvisioningRoot(context.cwd);
  const folder = resolve(context.cwd, provisioningRoot);
  const root = await findProvisioningRoot(folder);
  if (root === folder || root === join(folder, "provisioning")) return root;
  throw new TriplaneError("provisioning_missing", `${folder} has no reflection/modes`);
}

/** The modes of the provisioning root. Those that compute are evaluated by the nickel program, where there is one. */
export async function openModesFor(options: RootOptions, context: CommandContext): Promise<ModeCatalogue & { readonly root: string }> {
  const root = await provisioningRootFor(options, context);
  const { found } = await searchTool(toolNamed("nickel"), context.env);
  return { root, ...openModes({ root, nickel: found?.path }) };
}

export interface Ontoref {
  readonly root: string;
  readonly modes: ModeCatalogue;
  readonly runs: Runs;
}

export async function openOntoref(options: RunOptions, context: CommandContext): Promise<Ontoref> {
  const { root, ...modes } = await openModesFor(options, context);
  const { env, clock, random } = context;
  return { root, modes, runs: openRuns({ root, modes, folder: runsFolder(options.home, context), env, clock, random }) };
}

/** Where runs are kept: in the home, if there is one, else in `${XDG_STATE_HOME:-~/.local/state}/triplane/ontoref`. */
export function runsFolder(home: string | undefined, { env, cwd }: CommandContext): string {
  const folder = homeFolder(home, env, cwd);
  if (home !== undefined || env["TRIPLANE_HOME"] !== undefined || existsSync(folder)) return homeLayout(folder).runs;
  const state = env["XDG_STATE_HOME"];
  const base = state !== undefined && isAbsolute(state) ? state : join(env["HOME"] ?? homedir(), ".local", "state");
  return join(base, "triplane", "ontoref", "runs");
}

/** Who acts: `--actor`, else ONTOREF_ACTOR; undefined where neither says. Throws `usage` for a word that is no actor. */
export function actorSaid(option: ActorWord | undefined, { env }: CommandContext): RunActor | undefined {
  const word = option ?? env["ONTOREF_ACTOR"]?.toLowerCase();
  if (word === undefined || word === "") return undefined;
  const known = ACTOR_WORDS.find((each) => each === word);
  if (known === undefined) throw new TriplaneError("usage", `ONTOREF_ACTOR must be one of ${ACTOR_WORDS.join(", ")}`);
  return ({ agent: "Agent", human: "Human", ci: "Ci" } as const)[known];
}

/** The one actor that all steps of a mode name, else a person. */
export function actorOfMode(mode: Mode): RunActor {
  const named = new Set(mode.steps.map(({ actor }) => actor).filter((actor) => actor !== "Any"));
  const [only, ...others] = named;
  return only === undefined || others.length > 0 ? "Human" : only;
}

/** `name=value` pairs. Throws `usage`. */
export function parametersOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  const entries = pairs.map((pair): [string, string] => {
    const at = pair.indexOf("=");
    if (at < 1) throw new TriplaneError("usage", `--param ${pair.slice(0, 64)}: must be name=value`);
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(entries);
}
