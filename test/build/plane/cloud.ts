// A simulated Hetzner Cloud as a process of its own, with a golden snapshot; nothing, or a real runner of this machine, stands behind each of its servers.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FaultInput } from "@triplane/hcloud-sim";
import { freePort, sleep } from "@triplane/kit";
import { CURRENT_GOLDEN } from "@triplane/vm-pool";
import { Program } from "./program.ts";

const SIMULATOR = join(import.meta.dirname, "..", "..", "..", "packages", "hcloud-sim", "bin", "hcloud-sim.mjs");
const TOKEN = "a-token-of-the-project";
/** What is not to run is off at once, and a snapshot of it is a golden image. */
const POWER_OFF = `#cloud-config\n${JSON.stringify({ power_state: { mode: "poweroff" } })}\n`;

/** A call that came, with the faults that it met. */
export interface CloudCall {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly faults: readonly string[];
}

export interface Cloud extends AsyncDisposable {
  readonly program: Program;
  /** For the orchestrator: `--hcloud-endpoint`, `--hcloud-token-file`. */
  readonly endpoint: string;
  readonly tokenFile: string;
  /** From now on these and no others; calls so far are forgotten. */
  fault(...faults: readonly FaultInput[]): Promise<void>;
  /** Since the faults were given. */
  calls(): Promise<readonly CloudCall[]>;
  /** Names of all servers of the project. */
  servers(): Promise<readonly string[]>;
  /** A server that no pool asked for; its id. */
  create(server: { readonly name: string; readonly labels: Readonly<Record<string, string>> }): Promise<number>;
  remove(server: number): Promise<void>;
}

export interface CloudOptions {
  readonly folder: string;
  /** Module that starts something real behind each server, and its settings. */
  readonly backer?: { readonly module: string; readonly env: Readonly<Record<string, string>> };
  readonly signal?: AbortSignal | undefined;
}

export async function startCloud({ folder, backer, signal }: CloudOptions): Promise<Cloud> {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const endpoint = `${origin}/v1`;
  const tokenFile = join(folder, "hcloud.token");
  await writeFile(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  const ask = async (method: string, url: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(url, {
      ...{ method, headers: { authorization: `Bearer ${TOKEN}` } },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
    return text === "" ? {} : JSON.parse(text);
  };
  const api: Api = (method, path, body) => ask(method, `${endpoint}${path}`, body);
  const flags = ["--port", String(port), "--speed", "500", "--state-file", join(folder, "project.json"), "--token-file", tokenFile];
  const program = await Program.start(
    {
      name: "hcloud-sim",
      argv: [process.execPath, SIMULATOR, ...flags, "--log-level", "warn", ...(backer === undefined ? [] : ["--backer", backer.module])],
      env: backer?.env ?? {},
      log: join(folder, "hcloud-sim.log"),
      ready: async () => (await api("GET", "/locations"))["locations"] !== undefined,
    },
    signal,
  );
  try {
    await goldenSnapshot(api);
  } catch (error) {
    await program.stop();
    throw error;
  }
  return {
    ...{ program, endpoint, tokenFile },
    fault: async (...faults) => {
      await ask("DELETE", `${origin}/_sim/faults`);
      if (faults.length > 0) await ask("POST", `${origin}/_sim/faults`, faults);
      await ask("DELETE", `${origin}/_sim/requests`);
    },
    calls: async () => (await ask("GET", `${origin}/_sim/requests`))["requests"] as readonly CloudCall[],
    servers: async () => ((await api("GET", "/servers?per_page=50"))["servers"] as { name: string }[]).map(({ name }) => name),
    create: async (server) => {
      const made = (await api("POST", "/servers", { server_type: "cx23", image: "debian-12", ...server })) as { server: { id: number } };
      return made.server.id;
    },
    remove: async (server) => {
      await api("DELETE", `/servers/${server}`);
    },
    [Symbol.asyncDispose]: () => program.stop(),
  };
}

type Api = (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;

/** A golden image as the pool looks for it: the snapshot of a server that is gone. */
async function goldenSnapshot(api: Api): Promise<void> {
  const ended = async (id: number): Promise<void> => {
    for (;;) {
      const { action } = (await api("GET", `/actions/${id}`)) as { action: { status: string } };
      if (action.status === "success") return;
      if (action.status === "error") throw new Error(`action ${id} failed`);
      await sleep(20);
    }
  };
  const builder = { name: "golden", server_type: "cx23", image: "debian-12", user_data: POWER_OFF };
  const { server, next_actions: next } = (await api("POST", "/servers", builder)) as {
    server: { id: number };
    next_actions: { id: number }[];
  };
  for (const { id } of next) await ended(id);
  const { action } = (await api("POST", `/servers/${server.id}/actions/create_image`, { labels: CURRENT_GOLDEN })) as {
    action: { id: number };
  };
  await ended(action.id);
  await api("DELETE", `/servers/${server.id}`);
}
