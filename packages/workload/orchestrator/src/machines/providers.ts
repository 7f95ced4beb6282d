// Which providers of machines this build of the orchestrator knows.
import { TriplaneError } from "@triplane/contract";
import type { OpenMachines } from "./start-pool.ts";

const PROVIDERS: Readonly<Record<string, OpenMachines>> = {};

/** Throws `config_invalid` for a name that is not in the table. */
export const openMachines: OpenMachines = async (context) => {
  const name = context.config.vmPoolProvider ?? "";
  const open = Object.hasOwn(PROVIDERS, name) ? PROVIDERS[name] : undefined;
  if (open !== undefined) return await open(context);
  const known = Object.keys(PROVIDERS).join(", ");
  throw new TriplaneError(
    "config_invalid",
    `--vm-pool-provider: ${name} is not one of ${known === "" ? "those that are built in: none is" : known}`,
  );
};
