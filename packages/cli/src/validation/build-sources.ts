// The build plane as sources: golden images and runners by the provider's own list, leases by the pool's, components by the catalogue's folder.
import { readdir } from "node:fs/promises";
import { poolClient } from "@triplane/buildkit-launcher";
import { type Clock, type Random, toTriplaneError } from "@triplane/contract";
import { readSecretFile, silentLogger } from "@triplane/kit";
import { conform, readNickelFile } from "@triplane/nickel";
import { componentDefinitionSchema } from "@triplane/orchestrator";
import { hcloudGoldenImages, hcloudProvider } from "@triplane/provider-hcloud";
import { DEFAULT_RECIPE, GoldenStore, localGoldenImages, openLocalProvider } from "@triplane/provider-local";
import { type CatalogFacts, type GoldenFacts, RUNNER_COMPONENT, type RunnerFacts, type Source } from "@triplane/reflection";
import { GOLDEN_LABELS, GOLDEN_REFUSE_AFTER_S, GOLDEN_WARN_AFTER_S, goldenState, type Image, type Provider } from "@triplane/vm-pool";
import type { ValidationSettings } from "./settings.ts";

type Build = NonNullable<ValidationSettings["build"]>;

interface Around {
  readonly clock: Clock;
  readonly random: Random;
}

const NO_BUILDS = "no build plane is configured here (validation.json: build)";
const UNAVAILABLE_FOR_MS = 60_000;

export function goldenSource(build: Build | undefined, around: Around): Source<GoldenFacts> {
  if (build === undefined) return { absent: NO_BUILDS };
  return {
    where: build.provider === "hcloud" ? build.endpoint : build.goldenDir,
    read: async (signal) => {
      const { images, platform } = await goldenImages(build, around);
      const { current } = goldenState(await images.list(signal), platform);
      return {
        ...{ provider: build.provider, platform },
        limits: { warnAfterS: GOLDEN_WARN_AFTER_S, refuseAfterS: GOLDEN_REFUSE_AFTER_S },
        current:
          current === undefined
            ? undefined
            : { id: current.id, version: current.labels[GOLDEN_LABELS.version], createdAtS: current.createdAtS },
      };
    },
  };
}

export function runnerSource(build: Build | undefined, around: Around): Source<RunnerFacts> {
  if (build === undefined) return { absent: NO_BUILDS };
  return {
    where: `${build.provider === "hcloud" ? build.endpoint : build.runnersDir} and ${build.orchestratorUrl}`,
    read: async (signal) => {
      const pool = poolClient({ url: build.orchestratorUrl, token: (await readSecretFile(build.orchestratorTokenFile)).trim() });
      const provider = await providerOf(build, around);
      // A lease that ends, or begins, while the list is made is in one of the two.
      const before = (await pool.leases()).leases;
      const servers = await provider.list(build.pool, signal);
      const after = (await pool.leases()).leases;
      return {
        ...{ provider: build.provider, pool: build.pool },
        servers: servers.map(({ id, name, labels, createdAtS }) => ({ id, name, lease: labels?.lease, createdAtS })),
        leases: [...new Set([...before, ...after].map(({ lease_id }) => lease_id))],
      };
    },
  };
}

export function catalogSource(folder: string | undefined): Source<CatalogFacts> {
  if (folder === undefined) return { absent: "no catalogue is known here" };
  return {
    where: folder,
    read: async () => {
      const entries = await readdir(folder, { withFileTypes: true });
      const components = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
      return { components, runner: components.includes(RUNNER_COMPONENT) ? runnerIn(folder) : undefined };
    },
  };
}

function runnerIn(folder: string): CatalogFacts["runner"] {
  try {
    const document = readNickelFile(folder, `${RUNNER_COMPONENT}/component.ncl`);
    const { version } = conform(document, { schema: componentDefinitionSchema, code: "args_invalid", whole: "the component" });
    return { version };
  } catch (thrown) {
    return { problem: toTriplaneError(thrown).message.replaceAll("\n", "; ") };
  }
}

async function hcloudOptions(build: Extract<Build, { provider: "hcloud" }>, { clock, random }: Around) {
  const token = (await readSecretFile(build.tokenFile)).trim();
  return {
    token,
    endpoint: build.endpoint,
    clock,
    random,
    logger: silentLogger,
    locations: [],
    sshPort: 22,
    unavailableForMs: UNAVAILABLE_FOR_MS,
  };
}

async function goldenImages(build: Build, around: Around) {
  if (build.provider === "hcloud") {
    const { platform } = build;
    const hcloud = { ...(await hcloudOptions(build, around)), recipe: undefined, platform, buildWithinMs: UNAVAILABLE_FOR_MS };
    return { images: hcloudGoldenImages(hcloud), platform };
  }
  const platform: Image["platform"] = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
  const nowS = (): number => Math.floor(around.clock.nowMs() / 1000);
  return { images: localGoldenImages({ store: new GoldenStore(build.goldenDir), recipe: DEFAULT_RECIPE, archives: "", nowS }), platform };
}

async function providerOf(build: Build, around: Around): Promise<Pick<Provider, "list">> {
  if (build.provider === "hcloud") return hcloudProvider(await hcloudOptions(build, around));
  const { goldenDir: goldenFolder, runnersDir: runnersFolder, network } = build;
  return await openLocalProvider(
    { goldenFolder, runnersFolder, network, forward: false, plainHttpRegistries: [] },
    { clock: around.clock },
  );
}
