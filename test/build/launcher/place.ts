// Everything that a build meets, for real: the orchestrator with local runners, the registry gateway with its tokens, a registry behind it, a launcher.
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { generateSigningKey, type LeaseList, leaseListSchema } from "@triplane/contract";
import { freePort, systemRandom, writeKeyFile } from "@triplane/kit";
import { newToken, renderTokensFile, type TokenScope } from "@triplane/orchestrator";
import { goldenForTests } from "@triplane/provider-local/testing";
import { newSecret, renderCredentials } from "@triplane/registry";
import { BACKENDS, type BackendName, startBackend, whyMissing } from "@triplane/registry/testing";
import { eventually, tempDir } from "@triplane/testkit";
import { ROOT } from "../../e2e/installation.ts";

/** What of the memory of its tier a runner here has: 512 MiB of the smallest. */
const SCALE = "8";
export const PROGRAMS = {
  launcher: join(ROOT, "packages/cli/bin/buildkit-launcher.mjs"),
  triplane: join(ROOT, "packages/cli/bin/triplane.mjs"),
} as const;

export interface LauncherEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningLauncher {
  readonly child: ChildProcess;
  /** What it has said so far on standard error. */
  said(): string;
  readonly ended: Promise<LauncherEnd>;
}

export interface LaunchOptions {
  readonly program?: keyof typeof PROGRAMS;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface BuildPlace extends AsyncDisposable {
  readonly folder: string;
  readonly registry: string;
  readonly orchestratorUrl: string;
  readonly launcherToken: string;
  readonly secretOfWoodpecker: string;
  /** Starts a launcher that knows the orchestrator and its token by its environment. */
  launch(args: readonly string[], options?: LaunchOptions): RunningLauncher;
  build(args: readonly string[], options?: LaunchOptions): Promise<LauncherEnd>;
  leases(): Promise<LeaseList>;
  /** A call of the pool's API, below /api/v1/vm-pool. Throws unless it is answered with success. */
  pool(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Resolves when there is neither a lease nor a runner. */
  empty(): Promise<void>;
  /** A context with a static busybox and these files. */
  context(name: string, files: Readonly<Record<string, string>>): Promise<string>;
}

/** The first of the registries that is there; undefined with the reason where none is. */
async function firstBackend(): Promise<BackendName> {
  const missing: string[] = [];
  for (const name of BACKENDS) {
    const why = await whyMissing(name);
    if (why === undefined) return name;
    missing.push(why);
  }
  throw new Error(missing.join("; "));
}

/** Why there is no registry here; undefined where there is one. */
export async function whyNoRegistry(): Promise<string | undefined> {
  return await firstBackend().then(
    () => undefined,
    (error: Error) => error.message,
  );
}

export async function buildPlace(more: { readonly heartbeatS?: number } = {}): Promise<BuildPlace> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempDir("launcher"));
  const at = (...names: readonly string[]): string => join(folder.path, ...names);
  const golden = await goldenForTests();
  const [orchestratorPort, gatewayPort] = [await freePort(), await freePort()];
  const registry = `gateway:${gatewayPort}`;
  const orchestratorUrl = `http://127.0.0.1:${orchestratorPort}`;
  const tokens = await writeTokens(at("tokens.json"), { launcher: ["vm-pool:read", "vm-pool:spawn"], gateway: ["vm-pool:read"] });
  const key = generateSigningKey();
  await writeKeyFile(at("registry.key"), key);
  await writeFile(at("gateway-token"), tokens.gateway, { mode: 0o600 });
  const secretOfWoodpecker = newSecret(systemRandom);
  await writeFile(at("credentials.json"), renderCredentials([{ name: "ci", role: "woodpecker", secret: secretOfWoodpecker }]), {
    mode: 0o600,
  });
  const issuer = { key, previousKeys: [], issuer: "triplane", registry };
  const backend = stack.use(await startBackend(await firstBackend(), { folder: at("backend"), issuer, origin: `http://${registry}` }));
  for (const name of ["data", "sccache", "catalog"]) await mkdir(at(name));
  stack.use(
    daemon("packages/workload/registry/src/main.ts", [
      ...["--host", "0.0.0.0", "--port", String(gatewayPort), "--origin", `http://${registry}`, "--zot-url", backend.url],
      ...["--key-file", at("registry.key"), "--credentials-file", at("credentials.json"), "--sccache-dir", at("sccache")],
      ...["--orchestrator-url", orchestratorUrl, "--orchestrator-token-file", at("gateway-token"), "--log-level", "error"],
    ]),
  );
  stack.use(
    daemon("packages/workload/orchestrator/src/main.ts", [
      ...["--workspace", "w1", "--port", String(orchestratorPort), "--data-dir", at("data"), "--catalog-dir", at("catalog")],
      ...["--tokens-file", at("tokens.json"), "--log-level", "error", "--vm-pool-reap-s", "1"],
      ...["--vm-pool-provider", "local", "--local-runners-dir", at("runners"), "--local-golden-dir", golden.folder],
      ...["--local-network", `10.${randomInt(64, 250)}.${randomInt(0, 255)}.0/24`, "--local-scale", SCALE, "--local-plain-http", registry],
      ...["--registry", registry, "--registry-key-file", at("registry.key")],
      ...["--vm-pool-heartbeat-s", String(more.heartbeatS ?? 15)],
    ]),
  );
  const pool: BuildPlace["pool"] = async (method, path, body) => {
    const headers = { authorization: `Bearer ${tokens.launcher}`, "content-type": "application/json" };
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${orchestratorUrl}/api/v1/vm-pool${path}`, { method, headers, ...content });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return await answer.json();
  };
  const leases = async (): Promise<LeaseList> => leaseListSchema.parse(await pool("GET", ""));
  const reaches = async (url: string): Promise<boolean> => (await fetch(url)).status > 0;
  await eventually(() => reaches(`http://127.0.0.1:${gatewayPort}/v2/`), { timeoutMs: 180_000, what: "the gateway" });
  await eventually(() => leases(), { timeoutMs: 180_000, what: "the orchestrator" });
  const launch: BuildPlace["launch"] = (args, { program = "launcher", env = {}, cwd = folder.path } = {}) => {
    const settings = { TRIPLANE_BUILD_ORCHESTRATOR_URL: orchestratorUrl, TRIPLANE_BUILD_TOKEN: tokens.launcher };
    const { PATH = "", HOME = "" } = process.env;
    return started(PROGRAMS[program], args, { PATH, HOME, ...settings, ...env }, cwd);
  };
  const cleanUp = stack.move();
  return {
    ...{ folder: folder.path, registry, orchestratorUrl, secretOfWoodpecker, launcherToken: tokens.launcher, launch, leases, pool },
    build: (args, options) => launch(args, options).ended,
    empty: async () => {
      const runners = async (): Promise<readonly string[]> =>
        (await readdir(at("runners")).catch(() => [])).filter((name) => !name.startsWith("."));
      await eventually(async () => (await leases()).leases.length === 0 && (await runners()).length === 0, {
        timeoutMs: 120_000,
        what: "an empty pool",
      });
    },
    context: async (name, files) => {
      const busybox = await readFile(join(golden.folder, golden.record.digest, "root/usr/bin/busybox"));
      await mkdir(at(name), { recursive: true });
      await writeFile(at(name, "busybox"), busybox, { mode: 0o755 });
      for (const [path, content] of Object.entries(files)) {
        await mkdir(dirname(at(name, path)), { recursive: true });
        await writeFile(at(name, path), content);
      }
      return at(name);
    },
    [Symbol.asyncDispose]: () => cleanUp[Symbol.asyncDispose](),
  };
}

async function writeTokens<C extends string>(
  file: string,
  callers: Readonly<Record<C, readonly TokenScope[]>>,
): Promise<Record<C, string>> {
  const names = Object.keys(callers) as C[];
  const issued = names.map((caller) => ({ caller, scopes: callers[caller], token: newToken(systemRandom) }));
  await writeFile(file, renderTokensFile(issued), { mode: 0o600 });
  return Object.fromEntries(issued.map(({ caller, token }) => [caller, token])) as Record<C, string>;
}

function daemon(main: string, args: readonly string[]): AsyncDisposable {
  const child = spawn(process.execPath, [join(ROOT, main), ...args], { stdio: ["ignore", "ignore", "inherit"] });
  return {
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function started(program: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): RunningLauncher {
  const child = spawn(process.execPath, [program, ...args], { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = once(child, "close").then(
    ([code, signal]): LauncherEnd => ({ exitCode: code ?? (signal === null ? -1 : -9), stdout, stderr }),
  );
  return { child, ended, said: () => stderr };
}
