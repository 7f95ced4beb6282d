// The orchestrator as a process of its own, with a pool; and the pool's API as a launcher uses it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Lease, LeaseList, SpawnRequest } from "@triplane/contract";
import { freePort } from "@triplane/kit";
import { ARMING_MODULE, FAULTS_DIR_VARIABLE } from "@triplane/testkit";
import { type Answer, client, eventually, FIXTURES, writeTokens } from "../../testing.ts";

const MAIN = join(import.meta.dirname, "..", "..", "main.ts");
const POOL = "/api/v1/vm-pool";

/** Of a launcher that nobody has: nobody logs in here. */
export const SSH_KEY = `ssh-ed25519 ${"A".repeat(68)}`;

export interface PoolPlace {
  readonly path: string;
  /** Orders for failpoints; only daemons that are armed look. */
  readonly faults: string;
  readonly port: number;
  /** May spawn, and read. */
  readonly token: string;
  /** May read only. */
  readonly reader: string;
}

export async function poolPlace(path: string): Promise<PoolPlace> {
  await mkdir(path, { recursive: true });
  const tokens = await writeTokens(join(path, "tokens.json"), {
    launcher: ["vm-pool:read", "vm-pool:spawn"],
    reader: ["vm-pool:read"],
  });
  return { path, faults: join(path, "faults"), port: await freePort(), token: tokens.launcher, reader: tokens.reader };
}

export interface PoolDaemon extends AsyncDisposable {
  readonly child: ChildProcess;
  request(path: string, init?: { readonly method?: string; readonly body?: unknown; readonly token?: string }): Promise<Answer>;
  /** Throws unless the answer is a lease. */
  spawn(request: Partial<SpawnRequest> & Pick<SpawnRequest, "build_id">): Promise<Lease>;
  lease(id: string): Promise<Lease>;
  list(): Promise<LeaseList>;
  /** Posts to a route that answers without a body. */
  send(path: string, body: unknown): Promise<{ readonly status: number }>;
  release(id: string): Promise<Lease>;
  /** Shows itself as a launcher does, until the lease is in this state. */
  until(id: string, state: Lease["state"]): Promise<Lease>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Leaving its scope ends it with SIGTERM. */
export async function poolDaemon(place: PoolPlace, options: readonly string[], armed = false): Promise<PoolDaemon> {
  const tokensFile = join(place.path, "tokens.json");
  const flags = [
    ...["--workspace", "w1", "--port", String(place.port), "--data-dir", place.path, "--catalog-dir", FIXTURES],
    ...["--tokens-file", tokensFile, "--log-level", "error", ...options],
  ];
  const child = spawn(process.execPath, [...(armed ? ["--import", ARMING_MODULE] : []), MAIN, ...flags], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...(armed ? { [FAULTS_DIR_VARIABLE]: place.faults } : {}) },
  });
  const { request } = client(place.port, place.token);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  };
  try {
    await eventually(
      "the API listens",
      async () => {
        if (child.exitCode !== null) throw new Error(`the orchestrator ended with ${child.exitCode}`);
        const answer = await request(POOL).catch(() => undefined);
        return answer?.status === 200 || undefined;
      },
      180_000,
    );
  } catch (error) {
    await end("SIGKILL");
    throw error;
  }
  const lease = async (id: string, method = "GET", verb = ""): Promise<Lease> =>
    answered(await request(`${POOL}/${id}${verb}`, { method }));
  return {
    ...{ child, request, lease, release: (id) => lease(id, "DELETE") },
    async spawn(more) {
      const body = { repo: "acme/api", target: "", platform: "linux/amd64", tier: "cx22", ttl_s: 600, ssh_public_key: SSH_KEY, ...more };
      return answered(await request(`${POOL}/spawn`, { method: "POST", body }));
    },
    list: async () => answered(await request(POOL)),
    send: async (path, body) => {
      const headers = { authorization: `Bearer ${place.token}`, "content-type": "application/json" };
      const response = await fetch(`http://127.0.0.1:${place.port}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      await response.body?.cancel();
      return { status: response.status };
    },
    until: (id, state) =>
      eventually(
        `${id} is ${state}`,
        async () => {
          const now = await lease(id, "POST", "/heartbeat");
          const isWrong = (now.state === "failed" || now.state === "gone") && now.state !== state;
          if (isWrong) throw new Error(`${id} is ${now.state}: ${now.code} ${now.why}`);
          return now.state === state ? await lease(id) : undefined;
        },
        180_000,
      ),
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    [Symbol.asyncDispose]: () => end("SIGTERM"),
  };
}

function answered<T>({ status, json }: Answer): T {
  if (status !== 200 && status !== 201) throw new Error(`${status} ${JSON.stringify(json)}`);
  return json as unknown as T;
}
