// Runners for tests: a folder and a network of their own, keys, logins; and what is left on the machine of a runner that is gone.
import { execFile } from "node:child_process";
import { createHash, randomBytes, randomInt } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Tier } from "@triplane/contract";
import { tempDir } from "@triplane/testkit";
import { hostKeyOf, type Provider, type Server, type ServerSpec } from "@triplane/vm-pool";
import { exec } from "../machine/exec.ts";
import { readHierarchies } from "../machine/hierarchy.ts";
import { type LocalProviderOptions, openLocalProvider } from "../provider.ts";
import type { LocalSettings, RunnerSize } from "../settings.ts";
import { goldenForTests } from "./golden-for-tests.ts";

const POOL = "pool-a";
const NEVER = new AbortController().signal;

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestRunners extends AsyncDisposable {
  readonly folder: string;
  readonly settings: LocalSettings;
  readonly provider: Provider;
  open(options?: LocalProviderOptions): Promise<Provider>;
  /** A spec with keys of the test. Number 1 is `lease-…1`. */
  spec(number: number, more?: Partial<Pick<ServerSpec, "deadManAtS">>): Promise<ServerSpec>;
  /** Logs in with the test's key, the runner's host key pinned, and runs one command. */
  ssh(server: Server, command: string, more?: { readonly hostKey?: string; readonly key?: string }): Promise<CommandResult>;
  /** Options of ssh, for rsync and the like. */
  sshOptions(server: Server): Promise<readonly string[]>;
}

export async function testRunners(sizes: readonly RunnerSize[], more: Partial<LocalSettings> = {}): Promise<TestRunners> {
  const golden = await goldenForTests();
  const folder = await tempDir("runners");
  const settings: LocalSettings = {
    ...{ runnersFolder: join(folder.path, "runners"), goldenFolder: golden.folder, forward: false, plainHttpRegistries: [] },
    ...{ network: `10.${randomInt(64, 250)}.${randomInt(0, 255)}.0/24`, sizes, memoryMib: 65_536 },
    ...more,
  };
  const keys = join(folder.path, "key");
  await exec("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", keys]);
  const authorizedKey = (await readFile(`${keys}.pub`, "utf8")).trim().split(" ").slice(0, 2).join(" ");
  const provider = await openLocalProvider(settings);
  const open = (options?: LocalProviderOptions): Promise<Provider> => openLocalProvider(settings, options);
  const sshOptions = async (server: Server, pinned?: string): Promise<readonly string[]> => {
    const knownHosts = join(folder.path, `known-${randomBytes(4).toString("hex")}`);
    await writeFile(knownHosts, `${server.address?.host} ${pinned ?? hostKeyFor(server.name).public}\n`);
    const options = {
      ...{ StrictHostKeyChecking: "yes", UserKnownHostsFile: knownHosts, GlobalKnownHostsFile: "/dev/null", BatchMode: "yes" },
      ...{ IdentitiesOnly: "yes", IdentityAgent: "none", ConnectTimeout: "10", LogLevel: "ERROR" },
    };
    return ["-F", "none", ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`])];
  };
  return {
    ...{ folder: folder.path, settings, provider, open },
    spec: async (number, parts = {}) => {
      const name = nameOf(number);
      const [offer] = await provider.offers(NEVER);
      if (offer === undefined) throw new Error("nothing is offered");
      const deadManAtS = parts.deadManAtS ?? Math.floor(Date.now() / 1000) + 3600;
      const tier: Tier = "cx22";
      const labels = { "managed-by": "triplane", pool: POOL, lease: name, tenant: "default", tier, expires: String(deadManAtS) } as const;
      return { name, labels, offer, image: golden.record.digest, authorizedKey, hostKey: hostKeyFor(name), deadManAtS };
    },
    ssh: async (server, command, parts = {}) => {
      const { host = "", user = "" } = server.address ?? {};
      return await run("ssh", [...(await sshOptions(server, parts.hostKey)), "-i", parts.key ?? keys, `${user}@${host}`, command]);
    },
    sshOptions: async (server) => [...(await sshOptions(server)), "-i", keys],
    [Symbol.asyncDispose]: async () => {
      for (const pool of [POOL, "pool-b"]) for (const { id } of await provider.list(pool, NEVER)) await provider.destroy(id, NEVER);
      await folder[Symbol.asyncDispose]();
    },
  };
}

function nameOf(number: number): string {
  return `lease-0190000000007000${number.toString(16).padStart(16, "0")}`;
}

export function hostKeyFor(name: string) {
  return hostKeyOf(new Uint8Array(createHash("sha256").update(name).digest()), name);
}

export function run(program: string, programArguments: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(program, [...programArguments], { timeout: 120_000, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr });
    });
  });
}

/** Whatever of a runner is still on the machine, in words; nothing when all is gone. */
export async function leftovers(id: string, runnersFolder: string): Promise<readonly string[]> {
  return await leftoversOf([id], runnersFolder);
}

/** The same of several runners of one folder, with one look at the machine. */
export async function leftoversOf(ids: readonly string[], runnersFolder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const isOurs = (text: string): string | undefined => ids.find((id) => text.includes(id));
  for (const mountPoint of (await readHierarchies()).mountPoints) {
    const names = new Set(await readdir(mountPoint));
    found.push(...ids.filter((id) => names.has(id)).map((id) => `cgroup ${join(mountPoint, id)}`));
  }
  const interfaces = new Set(await readdir("/sys/class/net"));
  const routes = await readFile("/proc/net/route", "utf8");
  found.push(...ids.filter((id) => interfaces.has(id)).map((id) => `interface ${id}`));
  found.push(...ids.filter((id) => routes.includes(id)).map((id) => `route over ${id}`));
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const of = (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
    if (isOurs(await of("cgroup")) !== undefined)
      found.push(`process ${pid} in the cgroup of a runner: ${(await of("cmdline")).replaceAll("\0", " ")}`);
    if (Number(pid) !== process.pid && (await of("mountinfo")).includes(runnersFolder))
      found.push(`mount in the namespace of process ${pid}`);
  }
  const files = await readdir(runnersFolder).catch(() => []);
  for (const name of files) {
    const record = await readFile(join(runnersFolder, name, "runner.json"), "utf8").catch(() => "");
    if (name.startsWith(".") || isOurs(record) !== undefined) found.push(`folder ${name}`);
  }
  return found;
}
