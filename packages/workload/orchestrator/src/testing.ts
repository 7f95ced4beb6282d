// What this room's tests share: a whole orchestrator in a temporary folder with a real store, and a catalog of small components.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApplyRequest, type ApplyResult, digestOf, uuid7 } from "@triplane/contract";
import { createMetrics, silentLogger, sleep, systemClock, systemRandom } from "@triplane/kit";
import { openStore, type Store } from "@triplane/store";
import { newToken, renderTokensFile, type TokenScope } from "./http/tokens.ts";
import { MIGRATIONS } from "./records.ts";
import { type OrchestratorConfig, startOrchestrator, stopComponents } from "./run.ts";

/** The repository's own catalog. */
export const CATALOG = join(import.meta.dirname, "../../../../provisioning/catalog/components");

export function newJti(): string {
  return uuid7(systemClock.nowMs(), systemRandom.bytes(10));
}

/** Polls until `check` gives something; throws when it does not within the time. */
export async function eventually<T>(what: string, check: () => Promise<T | undefined> | T | undefined, timeoutMs = 15_000): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(25);
  }
}

export async function temporaryFolder(): Promise<{ readonly path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "triplane-orchestrator-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}

export interface TestOrchestrator {
  readonly port: number;
  readonly dataDir: string;
  /** Sends with the token that may do everything, unless told otherwise. */
  request(path: string, init?: { readonly method?: string; readonly body?: unknown; readonly token?: string }): Promise<Answer>;
  apply(op: string, target: string, args: Record<string, unknown>, more?: Partial<ApplyRequest>): Promise<ApplyResult>;
  version(target: string): Promise<number>;
  endpoint(target: string): Promise<string>;
  /** Stops it; components go on. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

export interface TestOptions {
  readonly dataDir: string;
  readonly catalogDir?: string;
  readonly config?: Partial<OrchestratorConfig>;
}

/** Writes a tokens file and returns the token of each scope list. */
export async function writeTokens(file: string, callers: Readonly<Record<string, readonly TokenScope[]>>): Promise<Record<string, string>> {
  const issued = Object.entries(callers).map(([caller, scopes]) => ({ caller, scopes, token: newToken(systemRandom) }));
  await writeFile(file, renderTokensFile(issued), { mode: 0o600 });
  return Object.fromEntries(issued.map(({ caller, token }) => [caller, token]));
}

/** A running orchestrator of workspace `w1`; leaving its scope ends it and its components. */
export async function testOrchestrator(options: TestOptions): Promise<TestOrchestrator> {
  await mkdir(options.dataDir, { recursive: true });
  const tokensFile = join(options.dataDir, "tokens.json");
  const { all = "" } = await writeTokens(tokensFile, { all: ["state:read", "plan", "apply"] });
  const config: OrchestratorConfig = { ...baseConfig(options.dataDir, options.catalogDir ?? CATALOG, tokensFile), ...options.config };
  const aborting = new AbortController();
  const metrics = createMetrics({ name: "orchestrator" });
  const context = { config, logger: silentLogger, signal: aborting.signal, clock: systemClock, random: systemRandom, metrics };
  const running = await startOrchestrator(context, testStore);
  running.done.catch(() => undefined);
  return { ...client(running.port, all), dataDir: options.dataDir, ...stopper(running, options.dataDir) };
}

function stopper(running: { stop(): Promise<void> }, dataDir: string) {
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= running.stop());
  return {
    stop,
    async [Symbol.asyncDispose](): Promise<void> {
      await stop();
      await endComponents(dataDir);
    },
  };
}

export function baseConfig(dataDir: string, catalogDir: string, tokensFile: string): OrchestratorConfig {
  return {
    ...{ logLevel: "error", healthPort: undefined, healthHost: "127.0.0.1", workspace: "w1", port: 0, dataDir, catalogDir, tokensFile },
    ...{
      storeUrl: undefined,
      storeNamespace: "triplane",
      storeDatabase: "orchestrator",
      storeUsername: undefined,
      storePassword: undefined,
    },
    ...{ desiredRepo: undefined, desiredRid: undefined, desiredRoot: undefined, portsFrom: 21_000, portsTo: 29_999 },
    ...{ applyWaitMs: 20_000, stopComponents: false, stopAll: false },
  };
}

/** What `--stop-all` does. */
export async function endComponents(dataDir: string): Promise<void> {
  const context = {
    config: { ...baseConfig(dataDir, CATALOG, join(dataDir, "tokens.json")), stopAll: true },
    ...{ logger: silentLogger, signal: new AbortController().signal, clock: systemClock, random: systemRandom },
    metrics: createMetrics({ name: "orchestrator" }),
  };
  await stopComponents(context, testStore);
}

const stores = new Map<string, Promise<Store>>();

/** The engine opens a store once in a process; an orchestrator that is started again in the same process goes on with it. */
export async function testStore(config: Pick<OrchestratorConfig, "dataDir">): Promise<Store> {
  const path = join(config.dataDir, "store");
  const opened = stores.get(path) ?? openStore({ url: `rocksdb://${path}`, migrations: MIGRATIONS });
  stores.set(path, opened);
  return { ...bound(await opened), close: async () => undefined };
}

function bound(store: Store): Store {
  return {
    commit: (writes) => store.commit(writes),
    get: (table, id) => store.get(table, id),
    list: (table, options) => store.list(table, options),
    count: (table, where) => store.count(table, where),
    close: () => store.close(),
  };
}

/** The API of a running orchestrator as a caller with this token sees it. */
export function client(port: number, token: string): Pick<TestOrchestrator, "port" | "request" | "apply" | "version" | "endpoint"> {
  const base = `http://127.0.0.1:${port}`;
  const request: TestOrchestrator["request"] = async (path, init = {}) => {
    const response = await fetch(`${base}${path}`, {
      method: init.method ?? "GET",
      headers: { authorization: `Bearer ${init.token ?? token}`, "content-type": "application/json" },
      ...(init.body === undefined ? {} : { body: typeof init.body === "string" ? init.body : JSON.stringify(init.body) }),
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  const version = async (target: string): Promise<number> => Number((await request(`${API}/targets/${target}`)).json["version"]);
  return {
    port,
    request,
    version,
    async apply(op, target, args, more = {}) {
      const jti = newJti();
      const expected = more.expected_state_version ?? (await version(target));
      const body = { fence: 1, jti, op_digest: digestOf(jti), op, target, args, expected_state_version: expected, ...more };
      const answer = await request(`${API}/ops`, { method: "POST", body });
      if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.json)}`);
      return answer.json as unknown as ApplyResult;
    },
    async endpoint(target) {
      const { json } = await request(`${API}/targets/${target}`);
      const state = json["state"] as { readonly endpoints: readonly string[] };
      return state.endpoints[0] ?? "";
    },
  };
}

export const API = "/api/v1/workspaces/w1";
