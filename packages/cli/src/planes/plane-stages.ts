// The processes of each plane of a local workspace, with the configuration file that each one reads.
import { join } from "node:path";
import { type Identity, identityName } from "@triplane/bus/identities";
import { TriplaneError } from "@triplane/contract";
import { atomicWriteFile, createLogger, ensurePrivateFolder, findTool, readFileIfThere, readSecretFile } from "@triplane/kit";
import { repositoryDir } from "@triplane/ledger/layout";
import { isSocketPath } from "@triplane/radicle";
import type { HomeLayout } from "../home/layout.ts";
import { CONTROLLER_CALLER } from "../home/tokens.ts";
import { natsUrl, type WorkspaceFile } from "../home/workspace-file.ts";
import { isThere } from "../people/who.ts";
import { assertDatabasesThere, pastOf } from "../recovery/past.ts";
import type { Plane, ProcessSpec, Stages } from "./process-spec.ts";

const DAEMONS = join(import.meta.dirname, "..", "daemons");
const TRIPLANE = join(import.meta.dirname, "..", "..", "bin", "triplane.mjs");

/** Writes the configuration files of a plane and says what to start, in which order. Throws `state_lost` where a database is gone. */
export async function planeStages(plane: Plane, layout: HomeLayout, workspace: WorkspaceFile): Promise<Stages> {
  switch (plane) {
    case "workload":
      await assertDatabasesThere(layout, workspace);
      return [
        [await natsServer(layout, workspace, () => provisionStreams(layout, workspace))],
        [await orchestrator(layout, workspace)],
        [await opsController(layout, workspace), await auditMirror(layout, workspace), ...(await validator(layout, workspace))],
      ];
    case "signing":
      return [[await keeperDaemon(layout, workspace)]];
    case "ci":
      return [[await desiredSync(layout, workspace)]];
  }
}

/** What runs while a workspace is recovered. */
export async function recoveryStages(layout: HomeLayout, workspace: WorkspaceFile, afterNats: () => Promise<void>): Promise<Stages> {
  return [[await natsServer(layout, workspace, afterNats)], [await auditMirror(layout, workspace)]];
}

async function natsServer(layout: HomeLayout, workspace: WorkspaceFile, afterReady: () => Promise<void>): Promise<ProcessSpec> {
  const { path } = await findTool("nats-server");
  return {
    name: "nats-server",
    plane: "workload",
    argv: [path, "--config", layout.natsConfig],
    healthUrl: natsUrl(workspace),
    log: join(layout.logs, "nats-server.log"),
    afterReady,
  };
}

/** Throws `state_lost` where streams are gone that a past had. */
async function provisionStreams(layout: HomeLayout, workspace: WorkspaceFile): Promise<void> {
  // Not with this module: only the workload plane has streams.
  const { provision } = await import("@triplane/bus");
  await provision({
    servers: natsUrl(workspace),
    nkeySeed: (await readSecretFile(layout.natsSeed("provisioner"))).trim(),
    workspace: workspace.workspace,
    logger: createLogger({ name: "provisioner" }),
    ranBefore: await pastOf(layout, workspace),
  });
}

async function orchestrator(layout: HomeLayout, workspace: WorkspaceFile): Promise<ProcessSpec> {
  return await daemon(
    layout,
    "workload",
    "orchestrator",
    workspace.ports.orchestratorHealth,
    layout.orchestrator,
    orchestratorConfig(layout, workspace),
  );
}

/** Also for the one run that ends the components. */
export function orchestratorConfig(layout: HomeLayout, workspace: WorkspaceFile): object {
  const { ports, pins } = workspace;
  return {
    workspace: workspace.workspace,
    port: ports.orchestrator,
    healthPort: ports.orchestratorHealth,
    dataDir: join(layout.orchestrator, "data"),
    catalogDir: workspace.catalog,
    tokensFile: layout.tokensFile,
    desiredRepo: repositoryDir(layout.storage, pins.desired.rid),
    desiredRid: pins.desired.rid,
    desiredRoot: pins.desired.identityRoot,
    ...policyPins(layout, workspace),
    portsFrom: ports.componentsFrom,
    portsTo: ports.componentsTo,
  };
}

async function opsController(layout: HomeLayout, workspace: WorkspaceFile): Promise<ProcessSpec> {
  return await daemon(layout, "workload", "ops-controller", workspace.ports.controllerHealth, layout.controller, {
    ...onBus(layout, workspace, { role: "controller" }),
    ...policyPins(layout, workspace),
    healthPort: workspace.ports.controllerHealth,
    keyFile: layout.keyFile("controller"),
    storeUrl: `rocksdb://${join(layout.controller, "store")}`,
    orchestratorUrl: `http://127.0.0.1:${workspace.ports.orchestrator}`,
    orchestratorTokenFile: layout.tokenFile(CONTROLLER_CALLER),
    // After a crash the next one waits for the old one's lease to run out instead of giving up; on one machine that may be soon.
    standby: true,
    leaseTtlMs: 4_000,
  });
}

async function auditMirror(layout: HomeLayout, workspace: WorkspaceFile): Promise<ProcessSpec> {
  const { state } = workspace.pins;
  return await daemon(layout, "workload", "audit-mirror", workspace.ports.mirrorHealth, layout.mirror, {
    ...onBus(layout, workspace, { role: "mirror" }),
    ...policyPins(layout, workspace),
    healthPort: workspace.ports.mirrorHealth,
    keyFile: layout.keyFile("controller"),
    stateRepo: repositoryDir(layout.storage, state.rid),
    stateRid: state.rid,
    stateIdentityRoot: state.identityRoot,
    asideDir: join(layout.mirror, "aside"),
    ...(await announcingTo(layout)),
    ...(await formerKey(layout)),
  });
}

/** It only looks, so it has a process of its own. A home from before there was one does without. */
async function validator(layout: HomeLayout, workspace: WorkspaceFile): Promise<readonly ProcessSpec[]> {
  const { validatorHealth: healthPort } = workspace.ports;
  if (healthPort === undefined || !(await isThere(layout.natsSeed("validator")))) return [];
  const config = { home: layout.root, workspace: workspace.workspace, triplane: TRIPLANE, healthPort };
  return [await daemon(layout, "workload", "validator", healthPort, layout.validation, config)];
}

/** The key that still has to hand the ledger over, where `triplane keys rotate controller` left one. */
async function formerKey(layout: HomeLayout): Promise<{ readonly formerKeyFile?: string }> {
  return (await isThere(layout.formerControllerKey)) ? { formerKeyFile: layout.formerControllerKey } : {};
}

/** The home's own seed, where one was started; one whose socket's path is too long looks for itself what moved. */
async function announcingTo(layout: HomeLayout): Promise<{ readonly radicleSocket?: string }> {
  const isThere = (await readFileIfThere(join(layout.seed, "config.json"))) !== undefined;
  return isThere && isSocketPath(layout.seedSocket) ? { radicleSocket: layout.seedSocket } : {};
}

async function keeperDaemon(layout: HomeLayout, workspace: WorkspaceFile): Promise<ProcessSpec> {
  return await daemon(layout, "signing", "keeper-daemon", workspace.ports.keeperHealth, layout.keeper, {
    ...onBus(layout, workspace, { role: "keeper" }),
    ...policyPins(layout, workspace),
    healthPort: workspace.ports.keeperHealth,
    keyFile: layout.keyFile("keeper"),
  });
}

async function desiredSync(layout: HomeLayout, workspace: WorkspaceFile): Promise<ProcessSpec> {
  const { pins } = workspace;
  const [principal] = workspace.people.automations;
  if (principal === undefined) throw new TriplaneError("config_invalid", "the workspace has no automation for the CI plane");
  return await daemon(layout, "ci", "desired-sync", workspace.ports.desiredSyncHealth, layout.desiredSync, {
    ...onBus(layout, workspace, { role: "operator", principal }),
    healthPort: workspace.ports.desiredSyncHealth,
    principal,
    keyFile: layout.keyFile(principal),
    outboxDir: layout.outbox(principal),
    stateFile: join(layout.desiredSync, "state.json"),
    desiredRepo: repositoryDir(layout.storage, pins.desired.rid),
    desiredRid: pins.desired.rid,
    desiredIdentityRoot: pins.desired.identityRoot,
    ...policyPins(layout, workspace),
    controllerDid: pins.controller,
    orchestratorUrl: `http://127.0.0.1:${workspace.ports.orchestrator}`,
    orchestratorTokenFile: layout.tokenFile(principal),
  });
}

function onBus(layout: HomeLayout, workspace: WorkspaceFile, identity: Identity): object {
  return { workspace: workspace.workspace, natsUrl: natsUrl(workspace), nkeySeedFile: layout.natsSeed(identityName(identity)) };
}

function policyPins(layout: HomeLayout, workspace: WorkspaceFile): object {
  const { policy } = workspace.pins;
  return { policyRepo: repositoryDir(layout.storage, policy.rid), policyRid: policy.rid, policyIdentityRoot: policy.identityRoot };
}

async function daemon(
  layout: HomeLayout,
  plane: Plane,
  name: string,
  healthPort: number,
  folder: string,
  config: object,
): Promise<ProcessSpec> {
  await ensurePrivateFolder(folder);
  const configFile = join(folder, "config.json");
  await atomicWriteFile(configFile, `${JSON.stringify(config, null, 2)}\n`);
  return {
    name,
    plane,
    argv: [process.execPath, join(DAEMONS, `${name}.ts`), "--config", configFile],
    healthUrl: `http://127.0.0.1:${healthPort}/healthz`,
    log: join(layout.logs, `${name}.log`),
  };
}
