// The registry tokens that leases carry.
import { readKeyFile } from "@triplane/kit";
import type { RegistryAccessOf } from "@triplane/vm-pool";
import type { OrchestratorConfig } from "../run.ts";

type RegistryConfig = Pick<OrchestratorConfig, "registry" | "registryKeyFile" | "registryIssuer">;

/** Undefined where no registry is configured. Throws what reading the key throws. */
export async function registryAccess(config: RegistryConfig): Promise<RegistryAccessOf | undefined> {
  const { registry, registryKeyFile, registryIssuer } = config;
  if (registry === undefined || registryKeyFile === undefined) return undefined;
  const { issueRegistryAccess } = await import("@triplane/registry");
  const issuer = { key: await readKeyFile(registryKeyFile), previousKeys: [], issuer: registryIssuer, registry };
  return ({ id, key, mayPull, expiresAtS }, nowS) => {
    // Its end is due, and no token outlives it.
    if (expiresAtS <= nowS) return undefined;
    return issueRegistryAccess(issuer, { leaseId: id, repo: key.repo, mayPull, expiresAtS, nowS });
  };
}
