// A simulated Hetzner Cloud with a golden snapshot, and an orchestrator whose pool buys there: for what a cloud does wrong. Nothing real stands behind its servers.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Random } from "@triplane/contract";
import { type FaultInput, type Simulator, startSimulator } from "@triplane/hcloud-sim";
import { freePort, sleep } from "@triplane/kit";
import { CURRENT_GOLDEN } from "@triplane/vm-pool";
import { type PlaneOrchestrator, poolAccess, QUICK, startOrchestrator } from "./orchestrator.ts";

const TOKEN = "a-token-of-the-project";
const POOL = "builds";

export interface SimulatedCloud extends AsyncDisposable {
  readonly folder: string;
  readonly simulator: Simulator;
  readonly orchestrator: PlaneOrchestrator;
  readonly launcherEnv: Readonly<Record<string, string>>;
  /** From now on these and no others; calls so far are forgotten. */
  fault(...faults: readonly FaultInput[]): Promise<void>;
  /** Names of all servers of the project. */
  servers(): Promise<readonly string[]>;
}

export async function simulatedCloud(random: Random, options: readonly string[] = []): Promise<SimulatedCloud> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "triplane-cloud-"));
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const simulator = stack.adopt(await startSimulator({ token: TOKEN, speed: 1000 }), (each) => each.close());
  const api = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(`${simulator.endpoint}${path}`, {
      ...{ method, headers: { authorization: `Bearer ${TOKEN}` } },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? {} : JSON.parse(text);
  };
  await goldenSnapshot(api);
  const tokenFile = join(folder, "hcloud.token");
  await writeFile(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  const access = await poolAccess(join(folder, "pool"), await freePort(), random);
  const orchestrator = stack.use(
    await startOrchestrator({
      ...{ folder: join(folder, "pool"), access },
      options: [
        ...["--vm-pool-provider", "hcloud", "--vm-pool-name", POOL, "--hcloud-endpoint", simulator.endpoint],
        ...["--hcloud-token-file", tokenFile, "--vm-pool-heartbeat-s", String(QUICK.heartbeatS), "--vm-pool-reap-s", String(QUICK.reapS)],
        ...["--vm-pool-boot-s", "10", ...options],
      ],
    }),
  );
  const control = async (method: string, body?: unknown): Promise<void> => {
    const response = await fetch(new URL("/_sim/faults", simulator.endpoint), {
      ...{ method, headers: { authorization: `Bearer ${TOKEN}` } },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} /_sim/faults: ${response.status} ${await response.text()}`);
  };
  const all = stack.move();
  return {
    ...{ folder, simulator, orchestrator },
    launcherEnv: { TRIPLANE_BUILD_ORCHESTRATOR_URL: access.url, TRIPLANE_BUILD_TOKEN_FILE: access.tokenFile },
    fault: async (...faults) => {
      await control("DELETE");
      if (faults.length > 0) await control("POST", faults);
      simulator.requests.clear();
    },
    servers: async () => ((await api("GET", "/servers"))["servers"] as { name: string }[]).map(({ name }) => name),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** A golden image as the pool looks for it: the snapshot of a server that is gone. */
export async function goldenSnapshot(
  api: (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>,
): Promise<void> {
  const ended = async (id: number): Promise<void> => {
    for (;;) {
      const { action } = (await api("GET", `/actions/${id}`)) as { action: { status: string } };
      if (action.status === "success") return;
      if (action.status === "error") throw new Error(`action ${id} failed`);
      await sleep(5);
    }
  };
  const { server, next_actions: next } = (await api("POST", "/servers", { name: "golden", server_type: "cx23", image: "debian-12" })) as {
    server: { id: number };
    next_actions: { id: number }[];
  };
  await ended(next[0]?.id ?? 0);
  const { action } = (await api("POST", `/servers/${server.id}/actions/create_image`, { labels: CURRENT_GOLDEN })) as {
    action: { id: number };
  };
  await ended(action.id);
  await api("DELETE", `/servers/${server.id}`);
}
