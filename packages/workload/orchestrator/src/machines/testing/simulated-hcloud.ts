// A simulated Hetzner project with a golden image, for orchestrators of tests. It outlives them.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type SimulatorOptions, startSimulator } from "@triplane/hcloud-sim";
import { eventually } from "../../testing.ts";

const TOKEN = "t0ken-of-the-project";
const POOL_LABEL = "managed-by=triplane,pool=w1";

interface ApiServer {
  readonly id: number;
  readonly name: string;
}

export interface SimulatedHcloud extends AsyncDisposable {
  readonly endpoint: string;
  readonly token: string;
  /** Options of an orchestrator that has it as its provider. */
  readonly options: readonly string[];
  /** Makes a server as somebody with the token may. */
  addServer(name: string, labels: Readonly<Record<string, string>>): Promise<void>;
  /** Names of the servers of the pool `w1`. */
  servers(): Promise<readonly string[]>;
  /** Calls since `forget`. */
  calls(): number;
  forget(): void;
}

/** `folder`: where the token's file is put. Servers are made in a thousandth of their time, and never answer SSH. */
export async function simulatedHcloud(folder: string, more: SimulatorOptions = {}): Promise<SimulatedHcloud> {
  const simulator = await startSimulator({ token: TOKEN, speed: 2000, rateLimit: 1_000_000, ...more });
  const api = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(`${simulator.endpoint}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? {} : JSON.parse(text);
  };
  const ended = async (id: number): Promise<void> => {
    await eventually(`action ${id}`, async () => {
      const { action } = (await api("GET", `/actions/${id}`)) as { readonly action: { readonly status: string } };
      return action.status === "success" || undefined;
    });
  };
  const made = await api("POST", "/servers", { name: "golden", server_type: "cx23", image: "debian-12" });
  const { server, next_actions } = made as unknown as {
    readonly server: ApiServer;
    readonly next_actions: readonly { readonly id: number }[];
  };
  await ended(next_actions[0]?.id ?? 0);
  const labels = { "managed-by": "triplane", golden: "current" };
  const imaged = await api("POST", `/servers/${server.id}/actions/create_image`, { type: "snapshot", labels });
  await ended((imaged as { readonly action: { readonly id: number } }).action.id);
  await api("DELETE", `/servers/${server.id}`);
  simulator.requests.clear();
  const tokenFile = join(folder, "hcloud.token");
  await writeFile(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  return {
    ...{ endpoint: simulator.endpoint, token: TOKEN },
    addServer: async (name, more) => {
      await api("POST", "/servers", { name, server_type: "cx23", image: "debian-12", labels: more });
    },
    options: ["--vm-pool-provider", "hcloud", "--hcloud-token-file", tokenFile, "--hcloud-endpoint", simulator.endpoint],
    async servers() {
      const names: string[] = [];
      for (let page = 1; ; page += 1) {
        const path = `/servers?per_page=50&page=${page}&label_selector=${encodeURIComponent(POOL_LABEL)}`;
        const { servers } = (await api("GET", path)) as { readonly servers: readonly ApiServer[] };
        names.push(...servers.map(({ name }) => name));
        if (servers.length < 50) return names;
      }
    },
    calls: () => simulator.requests.total,
    forget: () => simulator.requests.clear(),
    [Symbol.asyncDispose]: () => simulator.close(),
  };
}
