// Which providers of machines this build of the orchestrator knows. Each is loaded when it is asked for, and only then.
import type { DaemonContext } from "@triplane/kit";
import type { Provider } from "@triplane/vm-pool";
import type { OrchestratorConfig } from "../run.ts";
import type { ProviderName } from "./options.ts";
import { registryAccess } from "./registry-access.ts";
import type { OpenMachines } from "./start-pool.ts";

type OpenProvider = (context: DaemonContext<OrchestratorConfig>) => Promise<Provider>;

const PROVIDERS: Readonly<Record<ProviderName, OpenProvider>> = {
  local: async ({ config, clock, random }) => {
    const { defaultGoldenFolder, defaultRunnersFolder, openLocalProvider } = await import("@triplane/provider-local");
    const { localMemoryMib: memoryMib } = config;
    return await openLocalProvider(
      {
        runnersFolder: config.localRunnersDir ?? defaultRunnersFolder(process.env),
        goldenFolder: config.localGoldenDir ?? defaultGoldenFolder(process.env),
        ...{ network: config.localNetwork, forward: config.localForward, scale: config.localScale },
        plainHttpRegistries: config.localPlainHttp,
        ...(memoryMib === undefined ? {} : { memoryMib }),
      },
      { clock, random },
    );
  },
  hcloud: async ({ config, clock, random, logger }) => {
    const { hcloudProvider } = await import("@triplane/provider-hcloud");
    return hcloudProvider({
      ...{ clock, random, logger, token: config.hcloudToken ?? "", endpoint: config.hcloudEndpoint },
      ...{ locations: config.hcloudLocations, cpuTypes: config.hcloudCpuTypes, sshPort: config.hcloudSshPort },
    });
  },
};

/** The provider that the configuration names. */
export const openMachines: OpenMachines = async (context, name) => {
  const provider = await PROVIDERS[name](context);
  const access = await registryAccess(context.config);
  return { provider, ...(access === undefined ? {} : { registryAccess: access }) };
};
