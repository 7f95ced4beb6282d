// Opens a provider's golden images for a command: adapters, lock, and where lists of contents go.
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { asBuilder, ContentsShelf, type GoldenImages, type GoldenParts, ociContents, sshShell } from "@triplane/golden";
import { silentLogger } from "@triplane/kit";
import { type GoldenRecipe as HcloudRecipe, hcloudGoldenImages, hcloudProvider } from "@triplane/provider-hcloud";
import {
  DEFAULT_RECIPE,
  defaultGoldenFolder,
  GoldenStore,
  type GoldenRecipe as LocalRecipe,
  localGoldenImages,
  openLocalProvider,
} from "@triplane/provider-local";
import type { Image, Provider } from "@triplane/vm-pool";
import type { CommandContext } from "../../framework/command.ts";
import { type ProviderOptions, type RegistryOptions, secretOf } from "./options.ts";

/** What a build needs beyond the other commands. */
export interface Recipes {
  readonly local: LocalRecipe;
  /** Folder for Debian's packages. */
  readonly archives: string;
  readonly hcloud: HcloudRecipe | undefined;
}

interface Opened {
  readonly images: GoldenImages;
  readonly platform: Image["platform"];
  readonly workFolder: string;
  /** How patient one has to be with a canary. */
  readonly bootWithinMs: number;
  readonly pollMs: number;
  /** Makes canaries; opened only by those who may. */
  provider(): Promise<Provider>;
}

const HCLOUD = "https://api.hetzner.cloud/v1";
/** Enough for sshd, buildkitd and one small step. */
const CANARY_SIZE = { type: "canary", cpus: 1, memoryMib: 1024 };
const NO_RECIPES: Recipes = { local: DEFAULT_RECIPE, archives: "", hcloud: undefined };

/** To look at them only: no lock, no root, no secret of a registry. */
export async function readGolden(options: ProviderOptions, context: CommandContext): Promise<Pick<Opened, "images" | "platform">> {
  return await openImages(options, NO_RECIPES, context);
}

/** Runs `work` as the one who changes the golden images from this machine. Throws `golden_locked` while another command does. */
export async function withGolden<T>(
  options: ProviderOptions & RegistryOptions,
  context: CommandContext,
  work: (parts: GoldenParts) => Promise<T>,
  recipes: Recipes = NO_RECIPES,
): Promise<T> {
  const { clock, random, progress } = context;
  const { images, platform, workFolder, bootWithinMs, pollMs, provider } = await openImages(options, recipes, context);
  const registry =
    options.registry === undefined
      ? undefined
      : ociContents({
          ...{ origin: options.registry, user: options.registryUser, providerName: options.provider },
          secret: await secretOf(options.registryTokenFile, "TRIPLANE_REGISTRY_TOKEN", "--registry-token-file", context),
        });
  return await asBuilder(workFolder, random, async (builder) =>
    work({
      ...{ images, platform, provider: await provider(), providerName: options.provider, builder, clock, random, bootWithinMs, pollMs },
      ...{ shell: sshShell, shelf: new ContentsShelf(join(workFolder, "contents"), registry), say: progress },
    }),
  );
}

async function openImages(options: ProviderOptions, recipes: Recipes, context: CommandContext): Promise<Opened> {
  return options.provider === "local" ? openLocal(options, recipes, context) : await openHcloud(options, recipes, context);
}

function openLocal(options: ProviderOptions, { local: recipe, archives }: Recipes, { cwd, env, clock }: CommandContext): Opened {
  const goldenFolder = options.goldenDir === undefined ? defaultGoldenFolder(env) : resolve(cwd, options.goldenDir);
  const workFolder = options.workDir === undefined ? join(goldenFolder, ".work") : resolve(cwd, options.workDir);
  const nowS = (): number => Math.floor(clock.nowMs() / 1000);
  return {
    images: localGoldenImages({ store: new GoldenStore(goldenFolder), recipe, archives, nowS }),
    platform: process.arch === "arm64" ? "linux/arm64" : "linux/amd64",
    ...{ workFolder, bootWithinMs: 120_000, pollMs: 300 },
    provider: () =>
      openLocalProvider(
        {
          ...{ runnersFolder: join(workFolder, "canaries"), goldenFolder, network: options.network, forward: false },
          ...{ plainHttpRegistries: [], sizes: [CANARY_SIZE], memoryMib: CANARY_SIZE.memoryMib },
        },
        { clock },
      ),
  };
}

async function openHcloud(options: ProviderOptions, { hcloud: recipe }: Recipes, context: CommandContext): Promise<Opened> {
  const { cwd, env, clock, random } = context;
  const hcloud = {
    ...{ token: await secretOf(options.tokenFile, "HCLOUD_TOKEN", "--token-file", context), clock, random, logger: silentLogger },
    ...{ endpoint: options.endpoint ?? env["HCLOUD_ENDPOINT"] ?? HCLOUD, locations: options.location, sshPort: options.sshPort },
    unavailableForMs: 60_000,
  };
  const data = env["XDG_DATA_HOME"];
  const base = data !== undefined && isAbsolute(data) ? data : join(env["HOME"] ?? homedir(), ".local", "share");
  return {
    images: hcloudGoldenImages({ ...hcloud, recipe, platform: options.platform, buildWithinMs: 30 * 60_000 }),
    platform: options.platform,
    workFolder: options.workDir === undefined ? join(base, "triplane", "golden-hcloud") : resolve(cwd, options.workDir),
    ...{ bootWithinMs: 10 * 60_000, pollMs: 1000 },
    provider: async () => hcloudProvider(hcloud),
  };
}
