// What the validations may look at in a home: of a local workspace everything that it runs, of any other what its validation.json names.
import { join, resolve } from "node:path";
import { findTool } from "@triplane/kit";
import {
  busSource,
  daemonsSource,
  dryRunSource,
  governanceSource,
  partSource,
  playbookSource,
  policySource,
  prometheusSource,
  registrySource,
  type Surroundings,
  scriptSource,
  type WatchedDaemon,
} from "@triplane/reflection";
import { openSite } from "../commands/governance/site.ts";
import type { CommandContext } from "../framework/command.ts";
import { type HomeLayout, PRODUCT_ROOT } from "../home/layout.ts";
import { natsUrl, readWorkspaceFile, type WorkspaceFile } from "../home/workspace-file.ts";
import { isThere } from "../people/who.ts";
import type { Plane } from "../planes/process-spec.ts";
import { openRunFolder } from "../planes/records.ts";
import { catalogSource, goldenSource, runnerSource } from "./build-sources.ts";
import { dryRun } from "./dry-run.ts";
import { readValidationSettings, type ValidationSettings } from "./settings.ts";

const NOT_HERE = (field: string): string => `none is configured here (validation.json: ${field})`;

export interface SurroundingsOptions {
  readonly home?: string | undefined;
  /** The provisioning folder; the product's own unless given. */
  readonly provisioning?: string | undefined;
  /** Instead of the home's validation.json. */
  readonly config?: string | undefined;
}

export interface HomeSurroundings {
  readonly layout: HomeLayout;
  readonly surroundings: Surroundings;
  /** For alarms; undefined where there is no bus. */
  readonly bus: { readonly url: string; readonly seedFile: string } | undefined;
}

/** Throws `home_missing`, `config_invalid`. */
export async function surroundingsOf(options: SurroundingsOptions, context: CommandContext): Promise<HomeSurroundings> {
  const { layout, site, pin, kind } = await openSite(options.home, context);
  const settingsFile = options.config === undefined ? layout.validationFile : resolve(context.cwd, options.config);
  const settings = await readValidationSettings(settingsFile, options.config === undefined ? layout.root : context.cwd);
  const local = kind === "local" ? await readWorkspaceFile(layout) : undefined;
  const provisioning = resolve(context.cwd, options.provisioning ?? join(PRODUCT_ROOT, "provisioning"));
  const daemons = [...(local === undefined ? [] : await daemonsOf(layout, local)), ...settings.daemons];
  const bus = busOf(layout, local, settings);
  const watchful = { ...site, memoryFile: layout.validationMemory };
  const playbooks = join(provisioning, "catalog", "playbooks");
  const hasPlaybooks = await isThere(playbooks);
  const noPlaybooks = `${playbooks} is not there`;
  const dryRunner = hasPlaybooks
    ? (name: string, signal: AbortSignal) => dryRun(name, layout, provisioning, signal)
    : { absent: noPlaybooks };
  return {
    layout,
    bus,
    surroundings: {
      workspace: site.workspace,
      nowS: () => Math.floor(context.clock.nowMs() / 1000),
      bus: bus === undefined ? { absent: NOT_HERE("nats") } : busSource({ ...bus, workspace: site.workspace }),
      governance: governanceSource({ site: watchful, controller: pin.pins.controller }),
      policy: policySource(watchful),
      catalog: catalogSource(local?.catalog ?? join(provisioning, "catalog", "components")),
      golden: goldenSource(settings.build, context),
      registry: registrySource(settings.registry, NOT_HERE("registry")),
      runners: runnerSource(settings.build, context),
      daemons: daemonsSource(daemons, "no plane of this home is up, and validation.json names no daemons"),
      prometheus: prometheusSource(settings.prometheus, daemons, NOT_HERE("prometheus")),
      loki: partSource(settings.loki, "/ready", NOT_HERE("loki")),
      grafana: partSource(settings.grafana, "/api/health", NOT_HERE("grafana")),
      vector: partSource(settings.vector, "/health", NOT_HERE("vector")),
      playbooks: hasPlaybooks ? playbookSource(playbooks) : { absent: noPlaybooks },
      scripts: scriptSource({
        root: provisioning,
        folders: ["catalog/playbooks", "reflection/handlers"],
        nu: () => findTool("nu", context.env),
      }),
      dryRuns: dryRunSource(playbooks, dryRunner),
    },
  };
}

function busOf(layout: HomeLayout, local: WorkspaceFile | undefined, { nats }: ValidationSettings): HomeSurroundings["bus"] {
  if (nats !== undefined) return nats;
  return local === undefined ? undefined : { url: natsUrl(local), seedFile: layout.natsSeed("validator") };
}

const DAEMONS: Readonly<Record<Plane, readonly (readonly [string, keyof WorkspaceFile["ports"]])[]>> = {
  workload: [
    ["orchestrator", "orchestratorHealth"],
    ["ops-controller", "controllerHealth"],
    ["audit-mirror", "mirrorHealth"],
    ["validator", "validatorHealth"],
  ],
  signing: [["keeper-daemon", "keeperHealth"]],
  ci: [["desired-sync", "desiredSyncHealth"]],
};

/** Of the planes that were started and not taken down: a keeper that nobody started is a mode, not a fault (`mode-is-operational`). */
async function daemonsOf(layout: HomeLayout, { ports }: WorkspaceFile): Promise<readonly WatchedDaemon[]> {
  const runFolder = openRunFolder(layout.run);
  const found: WatchedDaemon[] = [];
  for (const [plane, daemons] of Object.entries(DAEMONS) as [Plane, (typeof DAEMONS)[Plane]][]) {
    if ((await runFolder.readSupervisor(plane)) === undefined) continue;
    for (const [name, key] of daemons) {
      const port = ports[key];
      if (port !== undefined) found.push({ name, address: `127.0.0.1:${port}` });
    }
  }
  return found;
}
