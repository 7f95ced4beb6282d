// The identities of a local workspace on the bus, as the seeds in its home are: added and taken out while the server runs.
//
// 1. server.conf is written from the seeds, whole or not at all; a running server is told to read it again.
// 2. Nothing is believed of a server that was told: a new identity has to get in, a removed one has to be refused.
import { readdir, rm } from "node:fs/promises";
import { connectBus, createNatsKey, type Identity, identityName, natsConfig, natsKeyFromSeed, parseIdentity } from "@triplane/bus";
import { TriplaneError, toTriplaneError } from "@triplane/contract";
import { atomicWriteFile, readFileIfThere, readSecretFile, silentLogger, sleep } from "@triplane/kit";
import type { Surroundings } from "../people/connect.ts";
import { signalProcess } from "../planes/process-identity.ts";
import { openRunFolder } from "../planes/records.ts";
import type { HomeLayout } from "./layout.ts";
import { natsUrl, type WorkspaceFile } from "./workspace-file.ts";

const SETTLED_TIMEOUT_MS = 60_000;
/** The server is told once more: what it was told while it still worked on the last change may be lost. */
const TELL_AGAIN_MS = 5_000;
const POLL_MS = 200;
const SEED = /^([a-z0-9-]+)\.nk$/;

export interface ChangedIdentities {
  /** Names of identities that were made. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Whether a server runs that was told and then tried. */
  readonly tried: boolean;
}

/** Gives each of these identities a new seed, and takes the others' away. Throws `bus_unreachable` where a running server did not follow. */
export async function changeIdentities(
  layout: HomeLayout,
  workspace: WorkspaceFile,
  change: { readonly add: readonly Identity[]; readonly remove: readonly Identity[] },
  around: Surroundings,
): Promise<ChangedIdentities> {
  const gone: { readonly identity: Identity; readonly seed: string }[] = [];
  for (const identity of [...change.remove, ...change.add]) {
    const seed = await readFileIfThere(layout.natsSeed(identityName(identity)));
    if (seed !== undefined) gone.push({ identity, seed: seed.trim() });
  }
  for (const identity of change.remove) await rm(layout.natsSeed(identityName(identity)), { force: true });
  for (const identity of change.add) await atomicWriteFile(layout.natsSeed(identityName(identity)), `${createNatsKey().seed}\n`);
  await writeServerConfig(layout, workspace);
  const tried = await tellServer(layout);
  if (tried) {
    for (const identity of change.add) {
      const seed = (await readSecretFile(layout.natsSeed(identityName(identity)))).trim();
      await settled(layout, workspace, { identity, seed }, "in", around);
    }
    for (const each of gone) await settled(layout, workspace, each, "out", around);
  }
  const names = (identities: readonly Identity[]): readonly string[] => identities.map(identityName);
  return { added: names(change.add), removed: names(change.remove), tried };
}

/** Names of the identities that have a seed in the home. */
export async function identitiesOf(layout: HomeLayout): Promise<readonly string[]> {
  return (await readdir(layout.nats)).flatMap((file) => SEED.exec(file)?.[1] ?? []).sort();
}

async function writeServerConfig(layout: HomeLayout, workspace: WorkspaceFile): Promise<void> {
  const users = [];
  for (const name of await identitiesOf(layout)) {
    const { publicKey } = natsKeyFromSeed(await readSecretFile(layout.natsSeed(name)));
    users.push({ identity: parseIdentity(name), publicKey });
  }
  const config = natsConfig({ workspace: workspace.workspace, port: workspace.ports.nats, storeDir: layout.natsData, users });
  await atomicWriteFile(layout.natsConfig, config);
}

/** NATS reads its configuration again at SIGHUP. False where no server runs. */
async function tellServer(layout: HomeLayout): Promise<boolean> {
  const server = (await openRunFolder(layout.run).processes()).find(({ name }) => name === "nats-server");
  return server !== undefined && (await signalProcess(server.process, "SIGHUP"));
}

async function settled(
  layout: HomeLayout,
  workspace: WorkspaceFile,
  { identity, seed }: { readonly identity: Identity; readonly seed: string },
  where: "in" | "out",
  around: Surroundings,
): Promise<void> {
  const deadlineMs = performance.now() + SETTLED_TIMEOUT_MS;
  let toldMs = performance.now();
  while ((await login(workspace, identity, seed, around)) !== where) {
    if (performance.now() > deadlineMs)
      throw new TriplaneError(
        "bus_unreachable",
        `the NATS server ${where === "in" ? "does not let" : "still lets"} ${identityName(identity)} in after its configuration changed`,
        {
          hint: "nats-server.log says what it did not like. Starting the workload plane again makes it read the configuration for certain.",
        },
      );
    if (performance.now() - toldMs > TELL_AGAIN_MS) {
      await tellServer(layout);
      toldMs = performance.now();
    }
    await sleep(POLL_MS);
  }
}

/**
 * Whether the server lets somebody in now. `partly`: it knows them, and their account does not reach the streams yet (accounts are
 * replaced one after another), or it is too busy with that to answer. Throws what is none of these.
 */
async function login(
  workspace: WorkspaceFile,
  identity: Identity,
  nkeySeed: string,
  around: Surroundings,
): Promise<"in" | "out" | "partly"> {
  try {
    const connection = { servers: natsUrl(workspace), workspace: workspace.workspace, identity, nkeySeed, connectTimeoutMs: 3_000 };
    const bus = await connectBus({ ...connection, ...around, logger: silentLogger });
    await bus.close();
    return "in";
  } catch (thrown) {
    const error = toTriplaneError(thrown);
    if (error.code === "bus_denied") return "out";
    if (error.code === "stream_missing" || error.code === "bus_unreachable") return "partly";
    throw error;
  }
}
