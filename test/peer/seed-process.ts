// The catalog's radicle-seed as the orchestrator, or a service manager, runs it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { freePort } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { ROOT } from "../e2e/installation.ts";
import type { Programs } from "./programs.ts";

export interface SeedOptions {
  readonly programs: Programs;
  /** RAD_HOME. */
  readonly folder: string;
  readonly alias: string;
  readonly repositories: readonly string[];
  /** `NID@HOST:PORT`. */
  readonly peers: readonly string[];
  /** Storage that others write; undefined = its own. */
  readonly storage?: string;
}

export interface SeedReport {
  readonly ready: boolean;
  readonly nid: string;
  readonly socket: string;
  readonly repositories: readonly { readonly rid: string; readonly held: boolean }[];
  readonly problem?: string;
}

export interface Seed extends AsyncDisposable {
  readonly storage: string;
  /** `NID@127.0.0.1:PORT`, once it was started. */
  readonly address: string;
  readonly socket: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  report(): Promise<SeedReport>;
}

export async function seedProcess(options: SeedOptions): Promise<Seed> {
  const { programs, folder, alias } = options;
  await mkdir(folder, { recursive: true });
  const [port, healthPort] = [await freePort(), await freePort()];
  let child: ChildProcess | undefined;
  let last: SeedReport | undefined;
  const logFile = join(folder, "seed.log");
  const args = [
    `--rad=${programs.rad}`,
    `--radicle-node=${programs.node}`,
    `--home=${folder}`,
    `--port=${port}`,
    `--health-port=${healthPort}`,
    `--alias=${alias}`,
    `--repositories=${options.repositories.join(",")}`,
    `--peers=${options.peers.join(",")}`,
    `--storage=${options.storage ?? ""}`,
  ];
  const report = async (): Promise<SeedReport> => {
    const response = await fetch(`http://127.0.0.1:${healthPort}/healthz`);
    return (await response.json()) as SeedReport;
  };
  const stop = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
  };
  return {
    storage: join(folder, "storage"),
    get address() {
      return `${last?.nid}@127.0.0.1:${port}`;
    },
    get socket() {
      return last?.socket ?? "";
    },
    report,
    stop,
    async start() {
      const log = await open(logFile, "a");
      // As the orchestrator does: nothing but what the component lists, and its marker.
      const env = { PATH: [programs.path, process.env["PATH"] ?? ""].join(delimiter) };
      child = spawn(process.execPath, [join(ROOT, "provisioning/catalog/components/radicle-seed/seed.mjs"), ...args], {
        cwd: folder,
        env,
        stdio: ["ignore", log.fd, log.fd],
      });
      await log.close();
      const running = child;
      await eventually(
        async () => {
          if (running.exitCode !== null) throw new Error(await readFile(logFile, "utf8"));
          last = await report();
          return last.ready;
        },
        { timeoutMs: 30_000, what: `the seed ${alias}` },
      );
    },
    [Symbol.asyncDispose]: stop,
  };
}
