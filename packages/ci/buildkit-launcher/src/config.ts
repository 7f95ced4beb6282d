// Settings of a build: one description for the flags of `buildkit-launcher` and `triplane build`, for TRIPLANE_BUILD_* and for Woodpecker's PLUGIN_*.
import { buildIdField, buildTargetField, imageRepositoryField, PLATFORMS, platformField, repoField } from "@triplane/contract";
import {
  type ConfigDefinition,
  type Environment,
  envOf,
  integer,
  type OptionTable,
  option,
  resolveConfig,
  text,
  toggle,
  url,
  type ValuesOf,
} from "@triplane/kit/options";
import { z } from "zod";

const MAX_ITEMS = 100;

/** Text between commas, a JSON array (as Woodpecker writes lists with commas inside), or an array. */
function items() {
  return z
    .preprocess((value) => {
      if (typeof value !== "string") return value;
      if (value.startsWith("[")) return parsed(value);
      return value
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "");
    }, z.array(z.string().max(4096)).max(MAX_ITEMS).readonly())
    .default([]);
}

/** `NAME=VALUE` each; a JSON object, as Woodpecker writes mappings; `NAME` alone is the variable of that name. */
function assignments() {
  return z.preprocess((value) => {
    const object = typeof value === "string" && value.startsWith("{") ? parsed(value) : value;
    if (typeof object !== "object" || object === null || Array.isArray(object)) return object;
    return Object.entries(object).map(([name, each]) => `${name}=${String(each)}`);
  }, items());
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

const OPTIONS = {
  context: option(text().default("."), { description: "Folder that is built: the build context.", placeholder: "DIR" }),
  dockerfile: option(text().default("Dockerfile"), { description: "The Dockerfile, from the context.", placeholder: "FILE" }),
  repo: option(repoField, {
    description: "Name of the image below images/ in the registry, and what sizes are remembered by; CI_REPO where it is not set.",
    placeholder: "ORG/NAME",
  }),
  tags: option(
    items().transform((tags) => (tags.length === 0 ? ["latest"] : tags)),
    {
      description: "Tags of the image; latest where none is given.",
      placeholder: "TAG,…",
    },
  ),
  target: option(buildTargetField.default(""), {
    description: "Stage of the Dockerfile; the last one where none is given.",
    placeholder: "STAGE",
  }),
  platforms: option(
    items()
      .pipe(z.array(platformField).readonly())
      .transform((list) => (list.length === 0 ? ([PLATFORMS[0]] as const) : list)),
    { description: `Platforms of the image, ${PLATFORMS.join(" or ")}; the runner is of the first one.`, placeholder: "PLATFORM,…" },
  ),
  buildArgs: option(assignments(), {
    description: "Build arguments, NAME=VALUE; NAME alone takes the variable of that name. They are kept in the image: never for secrets.",
    placeholder: "NAME=VALUE,…",
  }),
  secrets: option(items(), {
    description: "Secrets of the build: id=NAME,src=FILE or id=NAME,env=VARIABLE, one after another.",
    placeholder: "id=…,src=…",
  }),
  registry: option(
    z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9.-]{0,252})(?::\d{1,5})?$/, "must be host:port")
      .optional(),
    {
      description: "Registry as runners reach it, where the pool names none with the lease.",
      placeholder: "HOST:PORT",
    },
  ),
  mayPull: option(items().pipe(z.array(imageRepositoryField).max(16).readonly()), {
    description: "Repositories of the registry that the build begins from, with their namespace: its token may read them.",
    placeholder: "images/ORG/NAME,…",
  }),
  cacheKey: option(
    z
      .string()
      .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, "must be a tag")
      .optional(),
    {
      description: "Name of the cache below cache/ in the registry; made of target and platform where it is not set.",
      placeholder: "TAG",
    },
  ),
  noCache: toggle({ description: "Neither start from the cache in the registry nor write it." }),
  orchestratorUrl: option(url("http", "https").default("http://127.0.0.1:7700"), {
    description: "The orchestrator whose pool gives the machine.",
    placeholder: "URL",
  }),
  token: option(text(), { description: "Token for the orchestrator's vm-pool.", secret: true }),
  tenant: option(
    z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9-]{0,62})$/)
      .default("default"),
    {
      description: "Whose limits on leases and cost count.",
      placeholder: "NAME",
    },
  ),
  buildId: option(buildIdField.max(90).optional(), {
    description: "Id of this build at the pool, unique for each; made by chance where it is not set.",
    placeholder: "ID",
  }),
  ttlS: option(integer({ min: 60, max: 24 * 3600 }).default(3600), {
    description: "Seconds after which the machine is taken away, whatever happens.",
    placeholder: "S",
  }),
  readyTimeoutS: option(integer({ min: 1, max: 3600 }).default(600), {
    description: "Longest wait for a machine, in seconds.",
    placeholder: "S",
  }),
  progress: option(z.enum(["auto", "live", "plain"]).default("auto"), {
    description: "How the log looks: live draws over itself, plain writes lines; auto is live at a terminal.",
    placeholder: "KIND",
  }),
  receiptFile: option(text().optional(), {
    description: "File that the receipt is written to as JSON, for the steps that follow.",
    placeholder: "FILE",
  }),
  dryRun: toggle({ description: "Print what would be done, with the size and its reason, and do nothing." }),
} satisfies OptionTable;

export type BuildSettings = ValuesOf<typeof OPTIONS>;
export type BuildOptionName = keyof typeof OPTIONS;

export const CONFIG: ConfigDefinition<typeof OPTIONS> = {
  program: "buildkit-launcher",
  summary:
    "Builds an image on a machine of the pool and gives the machine back. As a Woodpecker plugin its settings are PLUGIN_* instead of TRIPLANE_BUILD_*.",
  envPrefix: "TRIPLANE_BUILD",
  options: OPTIONS,
};

/**
 * Flag before PLUGIN_* before TRIPLANE_BUILD_* before file before default. Throws `config_invalid` with every problem.
 *
 * What the pipeline says counts for more than what its surroundings say.
 */
export async function resolveBuildSettings(argv: readonly string[], env: Environment): Promise<BuildSettings> {
  return await resolveConfig(CONFIG, { argv, env: withPluginSettings(env) });
}

/** PLUGIN_X takes the place of TRIPLANE_BUILD_X, and CI_REPO stands in for the repository. */
function withPluginSettings(env: Environment): Environment {
  const merged: Record<string, string | undefined> = { ...env };
  for (const [name, spec] of Object.entries<OptionTable[string]>(OPTIONS)) {
    const own = envOf(name, spec, CONFIG.envPrefix);
    const plugin = own.replace(CONFIG.envPrefix, "PLUGIN");
    for (const end of spec.secret === true ? ["", "_FILE"] : [""]) {
      if ((env[plugin + end] ?? "") === "") continue;
      if (spec.secret === true) for (const other of ["", "_FILE"]) delete merged[own + other];
      merged[own + end] = env[plugin + end];
    }
  }
  const repo = `${CONFIG.envPrefix}_REPO`;
  if ((merged[repo] ?? "") === "") merged[repo] = env["CI_REPO"]?.toLowerCase();
  return merged;
}
