// Puts the orchestrator together: store, driver, service, API; and takes it apart in the order that loses nothing.
//
// 1. Recorded processes are found again before any op goes on; ops that were running go on before the API listens.
// 2. On a stop no new request is taken, ops in hand are left to the next start, processes are left alone unless told otherwise.

import type { Server } from "node:http";
import { resolve } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { assertWorkspace, TriplaneError, toTriplaneError } from "@triplane/contract";
import { type DaemonContext, ensurePrivateFolder, findTool, isToolName, type RunningDaemon, type ValuesOf } from "@triplane/kit";
import { type RepositoryPlace, rememberInFile } from "@triplane/ledger";
import { type OpenStoreOptions, openServedStore, openStore, type Store } from "@triplane/store";
import type { VmPool } from "@triplane/vm-pool";
import { CatalogFolder } from "./adapters/catalog-folder.ts";
import { desiredRepo } from "./adapters/desired-repo.ts";
import { loadKinds } from "./adapters/kinds-folder.ts";
import { TokensFile } from "./adapters/tokens-file.ts";
import type { Releases } from "./catalog/catalog.ts";
import type { CONFIG } from "./config.ts";
import { DriverSet } from "./drivers/driver-set.ts";
import { FileDriver } from "./drivers/file/file-driver.ts";
import { PortAllocator } from "./drivers/process/ports.ts";
import { ProcessDriver } from "./drivers/process/process-driver.ts";
import { type ReplicaRecord, ReplicaRecords } from "./drivers/process/replica-record.ts";
import { type RestoreParts, restoreReplicas } from "./drivers/process/restore.ts";
import { stopAllReplicas } from "./drivers/process/stop-all.ts";
import { createApp } from "./http/app.ts";
import { openMachines } from "./machines/providers.ts";
import { withinTerms } from "./machines/runner-terms.ts";
import { type OpenMachines, startPool } from "./machines/start-pool.ts";
import { type InstanceState, instanceOf } from "./model.ts";
import { observe, observeTargets } from "./observe.ts";
import { MIGRATIONS, Records } from "./records.ts";
import { assertMayStart } from "./replay/standing.ts";
import { OrchestratorService } from "./service.ts";

export type OrchestratorConfig = ValuesOf<typeof CONFIG.options>;

export interface RunningOrchestrator extends RunningDaemon {
  /** Of the API. */
  readonly port: number;
}

type Context = DaemonContext<OrchestratorConfig>;

export async function startOrchestrator(
  context: Context,
  open: OpenStore = (config) => openServedStore(storeOptions(config), context.logger),
  machines: OpenMachines = openMachines,
): Promise<RunningOrchestrator> {
  const { config, logger, clock, random, metrics, tracer } = context;
  const workspace = assertWorkspace(config.workspace);
  const dataDir = resolve(config.dataDir);
  await ensurePrivateFolder(dataDir);
  const catalog = new CatalogFolder(resolve(config.catalogDir), resolve(dataDir, "releases"), secretsOf(dataDir));
  const tokens = new TokensFile(config.tokensFile, logger);
  const store = await open(config);

  const stopping = new AbortController();
  const done = Promise.withResolvers<void>();
  done.promise.catch(() => undefined);
  const onFatal = (error: unknown): void => done.reject(toTriplaneError(error));
  let pool: VmPool | undefined;
  try {
    await assertMayStart(store, dataDir);
    const records = await Records.load(store, clock);
    const replicas = await ReplicaRecords.load(store);
    const release = releasesOf(catalog);
    const ports = new PortAllocator({ first: config.portsFrom, last: config.portsTo }, random);
    const launchHost = { env: process.env, node: process.execPath, tool: toolPath, secretsDir: secretsOf(dataDir) };
    const restored = await restoreLost(
      { dataDir, release, ports, host: launchHost, found: replicas.found },
      records,
      replicas.records,
      logger,
    );
    const processes = new ProcessDriver({
      ...{ dataDir, release, ports, records: replicas.records, found: [...replicas.found, ...restored] },
      host: {
        ...launchHost,
        clock,
        random,
        emit: (event) => {
          const { jti } = event.data;
          logger.info(
            { ...(typeof jti === "string" ? { jti } : {}), type: event.type, target: event.target, data: event.data },
            "component",
          );
          records.record([event]).catch(onFatal);
        },
        onFatal,
      },
      signal: stopping.signal,
    });
    const files = await FileDriver.open({ dataDir, clock });
    const driver = new DriverSet({ release, process: processes, file: files });
    const service = new OrchestratorService({
      ...{ workspace, records, driver, catalog, clock, onFatal, signal: stopping.signal },
      kinds: await loadKinds(),
      desired: desiredOf(config, workspace),
      onFinished: observe(metrics, records, logger, tracer),
    });
    observeTargets(metrics, service);
    await processes.adoptAll();
    const missing = await adoptFiles(files, records, release);
    if (missing.length > 0) logger.error({ targets: missing }, "files that cannot be brought back");
    const resumed = await service.resume();
    if (resumed > 0) logger.info({ ops: resumed }, "going on with ops that were running");

    pool = await startPool(context, store, machines);
    const app = createApp({
      ...{ workspace, service, events: records.events, tokens, logger, metrics, signal: stopping.signal },
      pool: pool === undefined ? undefined : withinTerms(pool, dataDir),
      health: () => ({ ok: true, detail: { workspace, revision: records.revision } }),
      applyWaitMs: config.applyWaitMs,
    });
    const server = createAdaptorServer({ fetch: app.fetch, hostname: "127.0.0.1" }) as Server;
    const port = await listen(server, config.port);
    logger.info({ port, workspace }, "listening");
    const stop = async (): Promise<void> => {
      stopping.abort();
      await closeServer(server);
      await pool?.stop();
      await processes.close();
      await service.idle();
      await files.close();
      if (config.stopComponents) await processes.stopAll();
      await store.close();
    };
    return { port, done: done.promise, health: () => ({ ok: true, detail: { workspace, revision: records.revision } }), stop };
  } catch (error) {
    stopping.abort();
    await pool?.stop();
    await store.close();
    throw error;
  }
}

/** One file for each secret, named as settings name it; its owner puts them there, for the programs that are to read them. */
function secretsOf(dataDir: string): string {
  return resolve(dataDir, "secrets");
}

/** A release that was lost is made again where the catalog still has the same files. */
function releasesOf(catalog: CatalogFolder): Releases {
  return async (component, definition) => {
    try {
      return await catalog.release(component, definition);
    } catch (error) {
      const entry = await catalog.find(component).catch(() => undefined);
      if (entry?.digest !== definition) throw error;
      return await catalog.release(component, definition);
    }
  };
}

/** Replicas that the targets' states want and the database does not have, since it was rebuilt; with what still runs of them. */
async function restoreLost(
  parts: Omit<RestoreParts, "targets" | "isBusy">,
  records: Records,
  replicas: ReplicaRecords,
  logger: Context["logger"],
): Promise<readonly ReplicaRecord[]> {
  const busy = await busyTargets(records);
  const restored = await restoreReplicas({ ...parts, targets: await records.targets(), isBusy: (target) => busy.has(target) });
  for (const replica of restored.replicas) await replicas.put(replica);
  const { adopted, ended, missing } = restored;
  if (restored.replicas.length > 0 || ended > 0)
    logger.warn({ restored: restored.replicas.length, adopted, ended }, "replicas had no record");
  if (missing.length > 0) logger.error({ targets: missing }, "components whose release is not there cannot be brought back");
  return restored.replicas;
}

async function busyTargets(records: Records): Promise<ReadonlySet<string>> {
  const running = await records.runningOps();
  return new Set(running.flatMap(({ changes }) => changes.map(({ target }) => target)));
}

/** Returns the targets whose file cannot be brought back. */
async function adoptFiles(files: FileDriver, records: Records, release: Releases): Promise<readonly string[]> {
  const busy = await busyTargets(records);
  const present = new Set<string>();
  const kept = new Map<string, InstanceState>();
  for (const record of await records.targets()) {
    const instance = instanceOf(record);
    if (instance === undefined) continue;
    present.add(record.target);
    // A release that is lost says nothing of its driver; the next op on the instance fails and tells.
    const found = await release(instance.component, instance.definition).catch(() => undefined);
    if (found?.definition.driver === "File") kept.set(record.target, instance);
  }
  await files.clear((target) => present.has(target) || busy.has(target));
  return await files.adoptAll(kept, (target) => busy.has(target));
}

type OpenStore = (config: OrchestratorConfig) => Promise<Store>;

/** Ends all components that run, and starts nothing. */
export async function stopComponents(context: Context, open: OpenStore = openConfiguredStore): Promise<RunningDaemon> {
  const { config, logger } = context;
  const dataDir = resolve(config.dataDir);
  const catalog = new CatalogFolder(resolve(config.catalogDir), resolve(dataDir, "releases"), secretsOf(dataDir));
  const store = await open(config);
  try {
    const { records, found } = await ReplicaRecords.load(store);
    const ended = await stopAllReplicas(records, found, async ({ component, definition }) => {
      const release = await catalog.release(component, definition).catch(() => undefined);
      if (release?.definition.driver !== "Process") return undefined;
      return { signal: release.definition.stop.signal, graceMs: release.definition.stop.grace_ms };
    });
    logger.info({ replicas: ended }, "all components are ended");
  } finally {
    await store.close();
  }
  return { done: Promise.resolve(), stop: async () => undefined };
}

function openConfiguredStore(config: OrchestratorConfig): Promise<Store> {
  return openStore(storeOptions(config));
}

function storeOptions(config: OrchestratorConfig): OpenStoreOptions {
  const { storeNamespace: namespace, storeDatabase: database, storeUsername: username, storePassword: password } = config;
  const server = username === undefined || password === undefined ? {} : { server: { namespace, database, username, password } };
  return { url: config.storeUrl ?? `rocksdb://${resolve(config.dataDir, "store")}`, migrations: MIGRATIONS, ...server };
}

function desiredOf(config: OrchestratorConfig, workspace: string) {
  const desired = placeOf(config.desiredRepo, config.desiredRid, config.desiredRoot);
  const policy = placeOf(config.policyRepo, config.policyRid, config.policyIdentityRoot);
  if (desired === undefined || policy === undefined) return undefined;
  const memory = rememberInFile(resolve(config.dataDir, "desired-seen.json"));
  return desiredRepo({ desired, policy, minThreshold: config.desiredThreshold, memory, workspace });
}

function placeOf(directory: string | undefined, rid: string | undefined, identityRoot: string | undefined): RepositoryPlace | undefined {
  if (directory === undefined || rid === undefined || identityRoot === undefined) return undefined;
  return { directory: resolve(directory), pin: { rid, identityRoot } };
}

async function toolPath(name: string): Promise<string> {
  if (!isToolName(name)) throw new TriplaneError("tool_missing", `no tool is called ${name}`);
  return (await findTool(name)).path;
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolved, reject) => {
    server.once("error", (error) => reject(new TriplaneError("config_invalid", `cannot listen on port ${port}: ${error.message}`)));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolved(address !== null && typeof address === "object" ? address.port : port);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolved) => {
    server.close(() => resolved());
    server.closeAllConnections();
  });
}
