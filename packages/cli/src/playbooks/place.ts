// Where playbooks are found, where their runs and receipts are kept, and what their steps see of the world.
//
// 1. Runs and receipts lie beside the home, not in it: a playbook makes homes, and rebuilds what they lost.
// 2. A dry run keeps its run in a folder that is gone afterwards: nothing of the home changes, nor beside it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { openPlaybooks, openRuns, type PlaybookCatalogue, type Runs } from "@triplane/reflection";
import { layoutFor } from "../commands/home-option.ts";
import type { CommandContext } from "../framework/command.ts";
import { text } from "../framework/parameters.ts";
import { type HomeLayout, PRODUCT_ROOT } from "../home/layout.ts";
import { provisioningRootFor } from "../ontoref/open.ts";

export const PLAYBOOK_SHAPE = {
  provisioningRoot: text("DIR", "Folder that holds catalog/playbooks (default: that of this program)").optional(),
} as const;

export interface PlaybookPlace {
  /** The provisioning root. */
  readonly root: string;
  readonly layout: HomeLayout;
  readonly catalogue: PlaybookCatalogue;
  readonly requestsFolder: string;
  readonly receiptsFolder: string;
  readonly runs: Runs;
  /** What steps see besides the scrubbed environment. */
  readonly environment: Readonly<Record<string, string>>;
}

interface PlaceOptions {
  readonly home?: string | undefined;
  readonly provisioningRoot?: string | undefined;
  readonly as?: string | undefined;
}

export async function openPlace(options: PlaceOptions, context: CommandContext): Promise<PlaybookPlace> {
  const layout = layoutFor(options.home, context);
  const folder = `${layout.root}-playbooks`;
  return {
    ...(await placeAt(join(folder, "runs"), layout, options, context)),
    requestsFolder: join(folder, "requests"),
    receiptsFolder: join(folder, "receipts"),
  };
}

/** The same place with runs that are forgotten. */
export async function withDryPlace<T>(
  options: PlaceOptions,
  context: CommandContext,
  work: (place: PlaybookPlace) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "triplane-dry-run-"));
  try {
    const place = await placeAt(join(folder, "runs"), layoutFor(options.home, context), options, context);
    return await work({ ...place, requestsFolder: join(folder, "requests"), receiptsFolder: join(folder, "receipts") });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function placeAt(folder: string, layout: HomeLayout, options: PlaceOptions, context: CommandContext) {
  const root = await provisioningRootFor({ provisioningRoot: options.provisioningRoot ?? join(PRODUCT_ROOT, "provisioning") }, context);
  const catalogue = openPlaybooks(root);
  const { clock, random } = context;
  const path = [...programFolders(), context.env["PATH"] ?? ""].join(delimiter);
  const env = { ...context.env, PATH: path };
  const as = options.as ?? context.env["TRIPLANE_AS"];
  return {
    ...{ root, layout, catalogue },
    runs: openRuns({ root, modes: catalogue.modes, folder, env, clock, random }),
    environment: {
      ...passedOn(context.env),
      TRIPLANE_HOME: layout.root,
      ...(as === undefined ? {} : { TRIPLANE_AS: as }),
    },
  };
}

/** Before anything else on PATH, the programs of this very checkout: triplane, the Node that runs it, Nushell. */
function programFolders(): readonly string[] {
  const modules = join(PRODUCT_ROOT, "node_modules");
  return [join(modules, ".bin"), dirname(process.execPath), join(modules, "@nushell", `${process.platform}-${process.arch}`, "bin")];
}

/** What our own programs need to find things, as the planes get it. */
function passedOn(env: CommandContext["env"]): Record<string, string> {
  const names = ["TMPDIR", "XDG_CACHE_HOME", "NODE_COMPILE_CACHE", "SSH_AUTH_SOCK", "TZ", "LC_ALL", "SSL_CERT_FILE"];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
