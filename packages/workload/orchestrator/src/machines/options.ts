// Options of the vm-pool, and of the registry that its runners push to.
import { integer, list, option, text } from "@triplane/kit";
import { CURRENT_GOLDEN } from "@triplane/vm-pool";
import { z } from "zod";

/** Names of `providers.ts`. */
export const PROVIDER_NAMES = ["local", "hcloud"] as const;
export type ProviderName = (typeof PROVIDER_NAMES)[number];

/** A label's key or value as every provider takes it. */
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";
/** As it stands in image names. */
const REGISTRY = /^[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?(?::\d{1,5})?$/;

export const POOL_OPTIONS = {
  vmPoolProvider: option(z.enum(PROVIDER_NAMES).optional(), {
    description: "Where machines for builds come from: local or hcloud; absent: this orchestrator has none.",
    placeholder: "NAME",
  }),
  vmPoolName: option(
    z
      .string()
      .regex(new RegExp(`^${LABEL}$`))
      .optional(),
    {
      description: "Label on every machine of this pool; the workspace's name unless given. Nothing without it is ever touched.",
      placeholder: "NAME",
    },
  ),
  vmPoolLeases: option(integer({ min: 1, max: 1000 }).default(20), {
    description: "Leases that may be live at once.",
    placeholder: "COUNT",
  }),
  vmPoolLeasesPerTenant: option(integer({ min: 1, max: 1000 }).default(20), {
    description: "Leases of one tenant that may be live at once.",
    placeholder: "COUNT",
  }),
  vmPoolCentsPerTenantMonth: option(integer({ min: 1 }).optional(), {
    description: "What one tenant may spend in a calendar month (UTC), in cents of the provider's currency; absent: no limit.",
    placeholder: "CENTS",
  }),
  vmPoolGolden: option(list().default(Object.entries(CURRENT_GOLDEN).map(([key, value]) => `${key}=${value}`)), {
    description: "Labels of the golden image that machines are made from.",
    placeholder: "KEY=VALUE,…",
  }),
  vmPoolHeartbeatS: option(integer({ min: 1, max: 600 }).default(15), {
    description: "Seconds within which a launcher has to show itself; three that are missed end its lease.",
    placeholder: "SECONDS",
  }),
  vmPoolBootS: option(integer({ min: 10, max: 3600 }).default(300), {
    description: "Seconds in which a machine has to be ready.",
    placeholder: "SECONDS",
  }),
  vmPoolReapS: option(integer({ min: 1, max: 3600 }).default(60), {
    description: "Seconds between two passes of the reaper over the provider's list.",
    placeholder: "SECONDS",
  }),
};

export const REGISTRY_OPTIONS = {
  registry: option(z.string().regex(REGISTRY, { error: "must be host:port" }).optional(), {
    description: "Registry that builds push to, as runners reach it; absent: leases carry no registry token.",
    placeholder: "HOST:PORT",
  }),
  registryKeyFile: option(text().optional(), {
    description: "Key that signs registry tokens: the registry gateway's own.",
    placeholder: "FILE",
  }),
  registryIssuer: option(text().default("triplane"), {
    description: "Name in the registry tokens' iss: the registry gateway's.",
    placeholder: "NAME",
  }),
};

interface MachinesValues {
  readonly vmPoolProvider: ProviderName | undefined;
  readonly vmPoolGolden: readonly string[];
  readonly hcloudToken: string | undefined;
  readonly registry: string | undefined;
  readonly registryKeyFile: string | undefined;
}

/** What is wrong with these options together. */
export function machinesProblems(values: MachinesValues): readonly string[] {
  const problems = values.vmPoolGolden
    .filter((label) => !new RegExp(`^${LABEL}=${LABEL}$`).test(label))
    .map((label) => `--vm-pool-golden: ${JSON.stringify(label)} is not KEY=VALUE`);
  if (values.vmPoolProvider === "hcloud" && values.hcloudToken === undefined)
    problems.push("--vm-pool-provider hcloud needs --hcloud-token-file");
  if ((values.registry === undefined) !== (values.registryKeyFile === undefined))
    problems.push("--registry and --registry-key-file belong together");
  return problems;
}
