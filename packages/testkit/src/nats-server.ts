// A real nats-server in a temporary folder, configured and provisioned as production is.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import {
  type Bus,
  type BusOptions,
  connectBus,
  createNatsKey,
  type Identity,
  identityName,
  type NatsKey,
  natsConfig,
  provision,
} from "@triplane/bus";
import { findTool, freePort, silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { eventually } from "./eventually.ts";
import { tempDir } from "./folders.ts";

export interface StartNatsOptions {
  /** `w1` unless told otherwise. */
  readonly workspace?: string;
  /** Identities besides the service roles, which are all there: operators and approvers. */
  readonly identities?: readonly Identity[];
  /** False leaves the server without streams. */
  readonly provisioned?: boolean;
  /** Changes the rendered configuration, for tests of wrong ones. */
  readonly editConfig?: (config: string) => string;
}

export interface TestNats extends AsyncDisposable {
  readonly url: string;
  readonly workspace: string;
  readonly folder: string;
  /** A new connection; closed with the server. */
  bus(identity: Identity | Exclude<Identity["role"], "operator" | "approver" | "break-glass">, options?: Partial<BusOptions>): Promise<Bus>;
  keyOf(identity: Identity): NatsKey;
  /** Ends the server as a power switch would and waits until it is gone. */
  kill(): Promise<void>;
  /** Stops it from running, as a stuck machine would; `resume` lets it go on. */
  pause(): void;
  resume(): void;
  /** Starts it again on the same port and folder. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const SERVICES: readonly Identity[] = (
  ["provisioner", "keeper", "keeper-cli", "controller", "mirror", "watcher", "validator"] as const
).map((role) => ({
  role,
}));

/** Throws `tool_missing` where no nats-server of the right version is installed. */
export async function startNats(options: StartNatsOptions = {}): Promise<TestNats> {
  const workspace = options.workspace ?? "w1";
  const { path: program } = await findTool("nats-server");
  const folder = await tempDir("nats");
  const keys = new Map(
    [...SERVICES, ...(options.identities ?? [])].map((identity) => [identityName(identity), { identity, key: createNatsKey() }]),
  );
  const keyOf = (identity: Identity): NatsKey => {
    const found = keys.get(identityName(identity));
    if (found === undefined) throw new Error(`the test server has no identity ${identityName(identity)}`);
    return found.key;
  };
  const users = [...keys.values()].map(({ identity, key }) => ({ identity, publicKey: key.publicKey }));
  const configFile = join(folder.path, "server.conf");
  const logFile = join(folder.path, "server.log");
  const buses: Bus[] = [];
  let port = 0;
  let server: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const config = natsConfig({ workspace, port, storeDir: join(folder.path, "data"), users });
    await writeFile(configFile, options.editConfig?.(config) ?? config, { mode: 0o600 });
    const log = await open(logFile, "a");
    try {
      server = spawn(program, ["-c", configFile], { stdio: ["ignore", log.fd, log.fd] });
    } finally {
      await log.close();
    }
    await accepting(port, server, logFile);
  };
  const kill = async (): Promise<void> => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, "exit");
    server.kill("SIGKILL");
    await gone;
  };
  const close = async (): Promise<void> => {
    await Promise.all(buses.map((bus) => bus.close()));
    await kill();
    await folder[Symbol.asyncDispose]();
  };

  try {
    // Between asking for a free port and binding it another test may take it.
    for (let attempt = 1; ; attempt += 1) {
      port = await freePort();
      try {
        await start();
        break;
      } catch (error) {
        if (attempt === 3 || !String(error).includes("address already in use")) throw error;
      }
    }
    const url = `nats://127.0.0.1:${port}`;
    if (options.provisioned !== false)
      await provision({ servers: url, workspace, nkeySeed: keyOf({ role: "provisioner" }).seed, logger: silentLogger });
    return {
      url,
      workspace,
      folder: folder.path,
      keyOf,
      kill,
      pause: () => server?.kill("SIGSTOP"),
      resume: () => server?.kill("SIGCONT"),
      restart: start,
      close,
      bus: async (who, overrides = {}) => {
        const identity: Identity = typeof who === "string" ? { role: who } : who;
        const base = {
          servers: url,
          workspace,
          identity,
          nkeySeed: keyOf(identity).seed,
          clock: systemClock,
          random: systemRandom,
          logger: silentLogger,
        };
        const bus = await connectBus({ ...base, ...overrides });
        buses.push(bus);
        return bus;
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Throws what the server logged if it ends instead. */
async function accepting(port: number, server: ChildProcess, logFile: string): Promise<void> {
  const up = await eventually(async () => (server.exitCode === null ? (await canConnect(port)) && "accepting" : "ended"), {
    what: "nats-server accepting connections",
  });
  if (up === "ended") throw new Error(`nats-server ended with code ${server.exitCode}: ${await readFile(logFile, "utf8").catch(() => "")}`);
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port });
    const answer = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.once("data", () => answer(true));
    socket.once("error", () => answer(false));
  });
}
