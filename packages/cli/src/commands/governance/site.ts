// Where a governance command works: a home that governs, or the local workspace with everybody's keys.
import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Did, nowSeconds, TriplaneError } from "@triplane/contract";
import { assertRemote, type Files, type Remote, type ReviewOptions, type Site } from "@triplane/governance";
import { readNickel } from "@triplane/nickel";
import type { CommandContext } from "../../framework/command.ts";
import { text } from "../../framework/parameters.ts";
import { type PinFile, readGovernanceFile } from "../../home/governance-file.ts";
import type { HomeLayout } from "../../home/layout.ts";
import { readWorkspaceFile } from "../../home/workspace-file.ts";
import { fileSigner, fromAgent, openSigner, type PersonalSigner } from "../../people/signer.ts";
import { type ActorFlags, actorFor, isThere, keyOption } from "../../people/who.ts";
import { homeOption, layoutFor } from "../home-option.ts";

export const governanceOptions = {
  home: homeOption,
};

export const signingOptions = {
  as: text("PRINCIPAL", "Whose key signs, in a local workspace; a home that governs has one key").optional(),
  key: keyOption,
  home: homeOption,
};

/** Fewest delegates that may decide in production. */
const MIN_THRESHOLD = 2;

export interface OpenSite {
  readonly layout: HomeLayout;
  readonly site: Site;
  readonly pin: PinFile;
  /** `local`: all keys lie here, for learning. `own`: one person's machine. `reader`: no key. */
  readonly kind: "local" | "own" | "reader";
}

/** Throws `home_missing`, `config_invalid`. */
export async function openSite(home: string | undefined, context: CommandContext): Promise<OpenSite> {
  const layout = layoutFor(home, context);
  const own = await readGovernanceFile(layout);
  if (own === undefined) return await localSite(layout);
  const minThreshold = own.single_operator ? 1 : MIN_THRESHOLD;
  if (own.single_operator) context.progress("single-operator workspace: one person alone decides here");
  const pin: PinFile = { format: "triplane-pin-1", workspace: own.workspace, single_operator: own.single_operator, pins: own.pins };
  return { layout, pin, kind: own.me === undefined ? "reader" : "own", site: siteOf(layout, pin, minThreshold, own.remotes) };
}

async function localSite(layout: HomeLayout): Promise<OpenSite> {
  const { workspace, pins } = await readWorkspaceFile(layout);
  const controller = pins.controller as Did;
  const pin: PinFile = { format: "triplane-pin-1", workspace, single_operator: false, pins: { ...pins, controller } };
  return { layout, pin, kind: "local", site: siteOf(layout, pin, MIN_THRESHOLD, []) };
}

export function siteOf(layout: HomeLayout, pin: PinFile, minThreshold: number, remotes: readonly Remote[]): Site {
  const { policy, desired, state } = pin.pins;
  return {
    workspace: pin.workspace,
    storageDir: layout.storage,
    pins: { policy, desired, state },
    memoryFile: layout.governanceMemory,
    minThreshold,
    remotes,
  };
}

export interface SigningSite extends OpenSite {
  readonly principal: string;
  readonly key: PersonalSigner;
}

/** Throws `key_unknown` where there is no key to sign with. */
export async function openSigningSite(
  options: ActorFlags & { readonly home?: string | undefined },
  context: CommandContext,
): Promise<SigningSite> {
  const open = await openSite(options.home, context);
  if (open.kind === "local") {
    const actor = await actorFor(options, context, open.layout, await readWorkspaceFile(open.layout));
    return { ...open, ...actor };
  }
  const me = (await readGovernanceFile(open.layout))?.me;
  if (me === undefined)
    throw new TriplaneError("key_unknown", `${open.layout.root} is a reader's home: it holds no key`, {
      hint: "`triplane governance join` makes a home with a key.",
    });
  if (options.as !== undefined && options.as !== me.principal)
    throw new TriplaneError("key_unknown", `this home is ${me.principal}'s, not ${options.as}'s`, { hint: "Leave --as out here." });
  const key = await ownSigner(me, options.key ?? context.env["TRIPLANE_KEY"], open.layout, context);
  if (key.did !== me.did) throw new TriplaneError("config_invalid", `the key of ${me.principal} is another than governance.json names`);
  return { ...open, principal: me.principal, key };
}

/** What was named, else the home's key file, else, where there is none, the agent's key of that DID. */
async function ownSigner(
  me: { readonly principal: string; readonly did: Did },
  given: string | undefined,
  layout: HomeLayout,
  context: CommandContext,
): Promise<PersonalSigner> {
  if (given !== undefined) return await openSigner(given, (path) => resolve(context.cwd, path), context);
  const path = layout.keyFile(me.principal);
  return (await isThere(path)) ? await fileSigner(path, context) : await fromAgent(me.did, context);
}

export function reviewOptions(site: Site, context: CommandContext): ReviewOptions & { readonly random: CommandContext["random"] } {
  return {
    nowS: nowSeconds(context.clock),
    checkDesired: (files) => checkDesired(site.workspace, files),
    random: context.random,
  };
}

async function checkDesired(workspace: string, files: Files): Promise<void> {
  // Loaded when a desired state is read: most of what is governed by command is policy.
  const { parseDesiredState } = await import("@triplane/orchestrator");
  const name = "desired.ncl";
  const source = files.get(name);
  if (source === undefined) throw new TriplaneError("args_invalid", `there is no ${name}`);
  parseDesiredState(readNickel(source, { file: name, importer: (path) => files.get(path) }), workspace);
}

/** The remotes that a command works with: the one that was named, else all that the home has. Throws `usage` where there are none. */
export function remotesFor(site: Site, given: string | undefined): readonly Remote[] {
  if (given === undefined) {
    if (site.remotes.length > 0) return site.remotes;
    throw new TriplaneError("usage", "this home has no remote", { hint: "Name one: --remote PATH or URL." });
  }
  const known = site.remotes.filter(({ name }) => name === given);
  return known.length > 0 ? known : [assertRemote({ name: "given", url: given })];
}

/** Throws `home_exists` where a home is, or anything else that is not empty. */
export async function assertNoHome(layout: HomeLayout): Promise<void> {
  for (const path of [layout.governanceFile, layout.workspaceFile, join(layout.root, "storage"), layout.keys]) {
    if ((await stat(path).catch(() => undefined)) === undefined) continue;
    throw new TriplaneError("home_exists", `${layout.root} holds a home already`, { hint: "Choose another folder with --home." });
  }
}
