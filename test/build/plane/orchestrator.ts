// The orchestrator of a build plane as a process of its own, and what tests ask of its pool.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Lease, type LeaseList, leaseListSchema, leaseSchema, type Random } from "@triplane/contract";
import { type IssuedToken, newToken, renderTokensFile } from "@triplane/orchestrator";
import { ARMING_MODULE, FAULTS_DIR_VARIABLE } from "@triplane/testkit";
import { Program } from "./program.ts";

const PROGRAM = join(import.meta.dirname, "..", "..", "..", "packages", "cli", "bin", "orchestrator.mjs");
const POOL = "/api/v1/vm-pool";
const CALL_MS = 30_000;

/** Seconds, as short as a busy machine allows. */
export const QUICK = { heartbeatS: 3, reapS: 1, bootS: 60 } as const;

export interface PoolAccess {
  readonly port: number;
  readonly url: string;
  readonly tokenFile: string;
  readonly tokensFile: string;
  readonly token: string;
  /** Of whoever only looks: the registry gateway. */
  readonly readerTokenFile: string;
}

/** Tokens for the pool and the port that it will have; nothing runs yet. */
export async function poolAccess(folder: string, port: number, random: Random): Promise<PoolAccess> {
  await mkdir(folder, { recursive: true });
  const issued: IssuedToken[] = [
    { caller: "launcher", scopes: ["vm-pool:read", "vm-pool:spawn"], token: newToken(random) },
    { caller: "registry", scopes: ["vm-pool:read"], token: newToken(random) },
  ];
  const tokensFile = join(folder, "tokens.json");
  await writeFile(tokensFile, renderTokensFile(issued), { mode: 0o600 });
  const [tokenFile, readerTokenFile] = [join(folder, "launcher.token"), join(folder, "registry.token")];
  await writeFile(tokenFile, `${issued[0]?.token}\n`, { mode: 0o600 });
  await writeFile(readerTokenFile, `${issued[1]?.token}\n`, { mode: 0o600 });
  return { port, url: `http://127.0.0.1:${port}`, tokensFile, tokenFile, readerTokenFile, token: issued[0]?.token ?? "" };
}

export interface PlaneOrchestrator extends AsyncDisposable {
  readonly access: PoolAccess;
  readonly program: Program;
  /** Orders for failpoints and for the clock are given here; only an orchestrator that is armed looks. */
  readonly faults: string;
  leases(): Promise<LeaseList>;
  lease(id: string): Promise<Lease>;
  /** Ends it, and starts it with further options, armed or not. */
  restart(options?: readonly string[], armed?: boolean): Promise<void>;
}

export interface OrchestratorOptions {
  readonly folder: string;
  readonly access: PoolAccess;
  /** Of the pool and its provider. */
  readonly options: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

export async function startOrchestrator({ folder, access, options, signal }: OrchestratorOptions): Promise<PlaneOrchestrator> {
  const faults = join(folder, "faults");
  const catalog = join(folder, "catalog");
  await mkdir(catalog, { recursive: true });
  const argv = (more: readonly string[], armed: boolean): readonly [string, ...string[]] => [
    process.execPath,
    ...(armed ? ["--import", ARMING_MODULE] : []),
    PROGRAM,
    ...["--workspace", "builds", "--port", String(access.port), "--data-dir", join(folder, "data"), "--catalog-dir", catalog],
    ...["--tokens-file", access.tokensFile, "--log-level", "info", ...replaced(options, more), ...more],
  ];
  const get = async (path: string): Promise<unknown> => {
    const headers = { authorization: `Bearer ${access.token}` };
    const response = await fetch(`${access.url}${POOL}${path}`, { headers, signal: AbortSignal.timeout(CALL_MS) });
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return await response.json();
  };
  const leases = async (): Promise<LeaseList> => leaseListSchema.parse(await get(""));
  const ready = async (): Promise<boolean> => (await leases()).orphans >= 0;
  const env = { [FAULTS_DIR_VARIABLE]: faults };
  const program = await Program.start(
    { name: "orchestrator", argv: argv([], false), env, log: join(folder, "orchestrator.log"), ready },
    signal,
  );
  return {
    ...{ access, program, faults, leases },
    lease: async (id) => leaseSchema.parse(await get(`/${id}`)),
    restart: (more = [], armed = false) => program.restart({ argv: argv(more, armed) }),
    [Symbol.asyncDispose]: () => program.stop(),
  };
}

/** Options, each a flag and its value, without those that `others` give. */
function replaced(options: readonly string[], others: readonly string[]): readonly string[] {
  return options.filter((_, at) => !others.includes(options[at - (at % 2)] ?? ""));
}
