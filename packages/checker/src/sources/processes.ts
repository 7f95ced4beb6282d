// The processes of a workspace as proc(5) has them: which controllers run, with whom they are connected, how daemons are configured.
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";

export interface Peer {
  readonly local: string;
  readonly remote: string;
  readonly localPort: number;
  readonly remotePort: number;
}

export interface ControllerProcess {
  readonly pid: number;
  readonly argv: readonly string[];
  /** Of its established TCP connections, those that others made to a port on which it listens are left out. */
  readonly peers: readonly Peer[];
  /** Its own word. */
  readonly role: string | undefined;
}

export interface DaemonConfig {
  readonly daemon: string;
  readonly file: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Permission bits of the key file that it names. */
  readonly keyFileMode: number | undefined;
  readonly keyFileThere: boolean;
}

export interface Processes {
  readonly controllers: readonly ControllerProcess[];
  /** Command lines of all processes that were started with a file of this workspace. */
  readonly commandLines: readonly { readonly pid: number; readonly argv: readonly string[] }[];
  readonly configs: readonly DaemonConfig[];
}

export interface ProcessSource {
  /** Processes whose command line has a path below this folder belong to the workspace. */
  readonly home: string;
  /** `<name>/config.json` below the home. */
  readonly daemons: Readonly<Record<string, string>>;
  readonly controllerHealthUrl: string | undefined;
}

const ESTABLISHED = "01";
const LISTEN = "0A";
const HEALTH_TIMEOUT_MS = 3000;

export async function readProcesses(source: ProcessSource): Promise<Processes> {
  if (process.platform !== "linux") throw new Error("processes and their connections are read from proc(5), which only Linux has");
  const commandLines: { pid: number; argv: readonly string[] }[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const argv = (await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).split("\0").filter((part) => part !== "");
    if (argv.some((part) => part === source.home || part.includes(`${source.home}/`))) commandLines.push({ pid: Number(name), argv });
  }
  const controllers: ControllerProcess[] = [];
  for (const { pid, argv } of commandLines.filter(({ argv }) => isController(argv))) {
    if (await hasEnded(pid)) continue;
    controllers.push({ pid, argv, peers: await peersOf(pid), role: await roleOf(source.controllerHealthUrl) });
  }
  const configs = await Promise.all(Object.entries(source.daemons).map(([daemon, file]) => configOf(daemon, file)));
  return { controllers, commandLines, configs: configs.filter((config) => config !== undefined) };
}

// The program, not an argument that happens to mention it.
function isController(argv: readonly string[]): boolean {
  return argv.slice(0, 4).some((part) => /(?:^|\/)ops-controller(?:\.m?[jt]s)?$/.test(part));
}

async function hasEnded(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const state = status.slice(status.lastIndexOf(")") + 2, status.lastIndexOf(")") + 3);
  return state === "" || state === "Z" || state === "X";
}

async function peersOf(pid: number): Promise<readonly Peer[]> {
  const inodes = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""))?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  const rows = (await Promise.all(["tcp", "tcp6"].map((name) => readFile(`/proc/${pid}/net/${name}`, "utf8")))).flatMap((text) =>
    text.split("\n").slice(1),
  );
  const own = rows.map((row) => row.trim().split(/\s+/)).filter((fields) => inodes.has(fields[9] ?? ""));
  const listening = new Set(own.filter((fields) => fields[3] === LISTEN).map((fields) => portOf(fields[1])));
  return own
    .filter((fields) => fields[3] === ESTABLISHED && !listening.has(portOf(fields[1])))
    .map((fields) => ({
      local: addressOf(fields[1]),
      remote: addressOf(fields[2]),
      localPort: portOf(fields[1]),
      remotePort: portOf(fields[2]),
    }));
}

function portOf(field: string | undefined): number {
  return Number.parseInt(field?.split(":")[1] ?? "", 16);
}

// Addresses stand there as 32-bit words in the machine's byte order.
function addressOf(field: string | undefined): string {
  const hex = field?.split(":")[0] ?? "";
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)));
  const isMapped = bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255;
  if (bytes.length === 4 || isMapped) return bytes.slice(-4).join(".");
  if (bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1) return "::1";
  return `[${Buffer.from(bytes).toString("hex")}]`;
}

async function roleOf(url: string | undefined): Promise<string | undefined> {
  if (url === undefined) return undefined;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    const { detail } = (await response.json()) as { readonly detail?: { readonly role?: unknown } };
    return typeof detail?.role === "string" ? detail.role : undefined;
  } catch {
    return undefined;
  }
}

async function configOf(daemon: string, file: string): Promise<DaemonConfig | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const values = JSON.parse(text) as Record<string, unknown>;
  const keyFile = values["keyFile"];
  const status = typeof keyFile === "string" ? await stat(keyFile).catch(() => undefined) : undefined;
  return {
    daemon,
    file,
    values,
    keyFileMode: status === undefined ? undefined : status.mode & 0o777,
    keyFileThere: status !== undefined,
  };
}

/** The configuration files of a local home's daemons. */
export function daemonConfigs(home: string): Readonly<Record<string, string>> {
  const at = (folder: string) => join(home, folder, "config.json");
  return {
    orchestrator: at("orchestrator"),
    "ops-controller": at("controller"),
    "audit-mirror": at("mirror"),
    "keeper-daemon": at("keeper"),
    "desired-sync": at("desired-sync"),
  };
}
