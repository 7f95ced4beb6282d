// Connecting to the bus of a local workspace under one of its identities.
import { type Bus, connectBus, type Identity, identityName } from "@triplane/bus";
import type { Clock, Random } from "@triplane/contract";
import { readSecretFile, silentLogger } from "@triplane/kit";
import type { HomeLayout } from "../home/layout.ts";
import { natsUrl, type WorkspaceFile } from "../home/workspace-file.ts";

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
}

/** The caller closes it. Throws `bus_unreachable` where nothing runs. */
export async function connectAs(identity: Identity, layout: HomeLayout, workspace: WorkspaceFile, around: Surroundings): Promise<Bus> {
  return await connectBus({
    servers: natsUrl(workspace),
    workspace: workspace.workspace,
    identity,
    nkeySeed: (await readSecretFile(layout.natsSeed(identityName(identity)))).trim(),
    clock: around.clock,
    random: around.random,
    logger: silentLogger,
    connectTimeoutMs: 3_000,
  });
}

/** Opens a connection for one piece of work. */
export async function withBus<T>(
  identity: Identity,
  layout: HomeLayout,
  workspace: WorkspaceFile,
  around: Surroundings,
  work: (bus: Bus) => Promise<T>,
): Promise<T> {
  const bus = await connectAs(identity, layout, workspace, around);
  try {
    return await work(bus);
  } finally {
    await bus.close();
  }
}

/** What a person, agent or automation is on the bus: operators may also approve. */
export function identityOf(principal: string, workspace: WorkspaceFile): Identity {
  return { role: workspace.people.operators.includes(principal) ? "approver" : "operator", principal };
}
