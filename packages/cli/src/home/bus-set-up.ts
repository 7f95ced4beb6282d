// NATS identities of a local workspace: one nkey per process and person, and the server configuration that names them.
import { createNatsKey, type Identity, identityName, natsConfig } from "@triplane/bus";
import { atomicWriteFile, ensurePrivateFolder } from "@triplane/kit";
import type { HomeLayout } from "./layout.ts";

export interface BusSetUp {
  readonly workspace: string;
  readonly port: number;
  /** Operators may approve as well. */
  readonly operators: readonly string[];
  /** Agents and automations: they submit and read their own answers. */
  readonly others: readonly string[];
}

/** Writes seeds and server.conf into `building`; paths inside the configuration are those of `final`. */
export async function setUpBus(building: HomeLayout, final: HomeLayout, setUp: BusSetUp): Promise<void> {
  await ensurePrivateFolder(building.nats);
  await ensurePrivateFolder(building.natsData);
  const identities: readonly Identity[] = [
    { role: "provisioner" },
    { role: "keeper" },
    { role: "keeper-cli" },
    { role: "controller" },
    { role: "mirror" },
    { role: "watcher" },
    { role: "validator" },
    ...setUp.operators.map((principal) => ({ role: "approver", principal }) as const),
    ...setUp.operators.map((principal) => ({ role: "break-glass", principal }) as const),
    ...setUp.others.map((principal) => ({ role: "operator", principal }) as const),
  ];
  const users = [];
  for (const identity of identities) {
    const key = createNatsKey();
    await atomicWriteFile(building.natsSeed(identityName(identity)), `${key.seed}\n`);
    users.push({ identity, publicKey: key.publicKey });
  }
  const config = natsConfig({ workspace: setUp.workspace, port: setUp.port, storeDir: final.natsData, users });
  await atomicWriteFile(building.natsConfig, config);
}
