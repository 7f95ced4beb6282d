// What this room's tests share: a home in a temporary folder with a real store, orchestrators in it, and a client.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApplyRequest, type ApplyResult, digestOf, uuid7 } from "@triplane/contract";
import { createMetrics, noTracer, silentLogger, sleep, systemClock, systemRandom } from "@triplane/kit";
import { openStore, type Store } from "@triplane/store";
import { newToken, renderTokensFile, type TokenScope } from "./http/tokens.ts";
import { MIGRATIONS } from "./records.ts";
import { type OrchestratorConfig, startOrchestrator, stopComponents } from "./run.ts";

/** Components that behave as told. */
export const FIXTURES = join(import.meta.dirname, "../fixtures/catalog");
/** The repository's own catalog. */
export const CATALOG = join(import.meta.dirname, "../../../../provisioning/catalog/components");
export const API = "/api/v1/workspaces/w1";

export function newJti(): string {
  return uuid7(systemClock.nowMs(), systemRandom.bytes(10));
}

/** Polls until `check` gives something; throws when it does not within the time. */
export async function eventually<T>(what: string, check: () => Promise<T | undefined> | T | undefined, timeoutMs = 20_000): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(25);
  }
}

export interface TestHome extends AsyncDisposable {
  readonly path: string;
  /** Opened at the first call. The engine opens a store once in a process, so that everything in this home goes on with it. */
  store(): Promise<Store>;
  /** An orchestrator of workspace `w1` in this home. */
  start(config?: Partial<OrchestratorConfig>): Promise<TestOrchestrator>;
}

/** Leaving its scope stops orchestrators, ends their components, and removes the folder. */
export async function testHome(): Promise<TestHome> {
  const path = await mkdtemp(join(tmpdir(), "triplane-orchestrator-"));
  const running: TestOrchestrator[] = [];
  let opened: Promise<Store> | undefined;
  const store = async (): Promise<Store> => {
    opened ??= openStore({ url: `rocksdb://${join(path, "store")}`, migrations: MIGRATIONS });
    return { ...methodsOf(await opened), close: async () => undefined };
  };
  return {
    path,
    store,
    async start(config) {
      const orchestrator = await testOrchestrator(path, store, config ?? {});
      running.push(orchestrator);
      return orchestrator;
    },
    async [Symbol.asyncDispose]() {
      for (const orchestrator of running) await orchestrator.stop();
      if (running.length > 0) await stopComponents(contextOf(baseConfig(path)), store);
      await (await opened)?.close();
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function methodsOf(store: Store): Omit<Store, "close"> {
  return {
    commit: (writes) => store.commit(writes),
    get: (table, id) => store.get(table, id),
    list: (table, options) => store.list(table, options),
    pages: (table) => store.pages(table),
    count: (table, where) => store.count(table, where),
    highest: (table, field, above) => store.highest(table, field, above),
  };
}

export interface TestClient {
  readonly port: number;
  readonly token: string;
  /** Sends with the token that may do everything, unless told otherwise. */
  request(path: string, init?: { readonly method?: string; readonly body?: unknown; readonly token?: string }): Promise<Answer>;
  apply(op: string, target: string, args: Record<string, unknown>, more?: Partial<ApplyRequest>): Promise<ApplyResult>;
  version(target: string): Promise<number>;
  health(target: string): Promise<string>;
  endpoints(target: string): Promise<readonly string[]>;
}

export interface TestOrchestrator extends TestClient {
  /** Stops it; components go on. */
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

async function testOrchestrator(path: string, store: () => Promise<Store>, more: Partial<OrchestratorConfig>): Promise<TestOrchestrator> {
  const config = { ...baseConfig(path), ...more };
  const { all } = await writeTokens(config.tokensFile, { all: ["state:read", "plan", "apply"] });
  const running = await startOrchestrator(contextOf(config), store);
  running.done.catch(() => undefined);
  let stopped: Promise<void> | undefined;
  return {
    ...client(running.port, all),
    stop: () => {
      stopped ??= running.stop();
      return stopped;
    },
  };
}

/** Writes a tokens file and returns each caller's token. */
export async function writeTokens<C extends string>(
  file: string,
  callers: Readonly<Record<C, readonly TokenScope[]>>,
): Promise<Record<C, string>> {
  const names = Object.keys(callers) as C[];
  const issued = names.map((caller) => ({ caller, scopes: callers[caller], token: newToken(systemRandom) }));
  await writeFile(file, renderTokensFile(issued), { mode: 0o600 });
  return Object.fromEntries(issued.map(({ caller, token }) => [caller, token])) as Record<C, string>;
}

export function baseConfig(dataDir: string, catalogDir = FIXTURES): OrchestratorConfig {
  return {
    ...{
      logLevel: "error",
      healthPort: undefined,
      healthHost: "127.0.0.1",
      otlpEndpoint: undefined,
      workspace: "w1",
      port: 0,
      dataDir,
      catalogDir,
    },
    ...{ tokensFile: join(dataDir, "tokens.json"), storeUrl: undefined, storeNamespace: "triplane", storeDatabase: "orchestrator" },
    ...{ storeUsername: undefined, storePassword: undefined },
    ...{
      desiredRepo: undefined,
      desiredRid: undefined,
      desiredRoot: undefined,
      desiredThreshold: 2,
      policyRepo: undefined,
      policyRid: undefined,
      policyIdentityRoot: undefined,
      portsFrom: 21_000,
      portsTo: 29_999,
    },
    ...{ applyWaitMs: 20_000, stopComponents: false, stopAll: false },
    ...{ vmPoolProvider: undefined, vmPoolName: undefined, vmPoolLeases: 20, vmPoolLeasesPerTenant: 20 },
    ...{ vmPoolCentsPerTenantMonth: undefined, vmPoolGolden: ["golden=current"], vmPoolHeartbeatS: 15, vmPoolBootS: 300, vmPoolReapS: 60 },
    ...{ registry: undefined, registryKeyFile: undefined, registryIssuer: "triplane" },
    ...{ localRunnersDir: undefined, localGoldenDir: undefined, localNetwork: "10.201.0.0/24", localForward: false },
    ...{ localMemoryMib: undefined, localScale: 1, localPlainHttp: [] },
    ...{
      hcloudToken: undefined,
      hcloudEndpoint: "https://api.hetzner.cloud/v1",
      hcloudLocations: [],
      hcloudCpuTypes: ["shared"],
      hcloudSshPort: 22,
    },
  };
}

function contextOf(config: OrchestratorConfig) {
  const metrics = createMetrics({ name: "orchestrator" });
  const { signal } = new AbortController();
  return { config, logger: silentLogger, signal, clock: systemClock, random: systemRandom, metrics, tracer: noTracer };
}

/** The API of a running orchestrator as a caller with this token sees it. */
export function client(port: number, token: string): TestClient {
  const request: TestClient["request"] = async (path, init = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: init.method ?? "GET",
      headers: { authorization: `Bearer ${init.token ?? token}`, "content-type": "application/json" },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  const target = async (name: string): Promise<Record<string, unknown>> => (await request(`${API}/targets/${name}`)).json;
  const version = async (name: string): Promise<number> => Number((await target(name))["version"]);
  return {
    ...{ port, token, request, version },
    async apply(op, name, args, more = {}) {
      const jti = more.jti ?? newJti();
      const expected = more.expected_state_version ?? (await version(name));
      const body = { fence: 1, jti, op_digest: digestOf(jti), op, target: name, args, expected_state_version: expected, ...more };
      const answer = await request(`${API}/ops`, { method: "POST", body });
      if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.json)}`);
      return answer.json as unknown as ApplyResult;
    },
    health: async (name) => String((await target(name))["health"]),
    async endpoints(name) {
      const state = (await target(name))["state"] as { readonly endpoints: readonly string[] };
      return state.endpoints;
    },
  };
}
