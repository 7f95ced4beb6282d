// A simulated project with a golden image, and a provider on it; for tests.

import { type Simulator, type SimulatorOptions, startSimulator } from "@triplane/hcloud-sim";
import { silentLogger, sleep, systemClock } from "@triplane/kit";
import { seededRandom } from "@triplane/testkit";
import type { Offer, Provider, ServerSpec } from "@triplane/vm-pool";
import { type HcloudOptions, hcloudProvider } from "../provider.ts";

export const TOKEN = "t0ken-of-the-project";
export const AUTHORIZED_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6Z0s1y8Yq2Jr1q0k9o5b2Z1xkq0m3l4n5o6p7q8r9s";
export const HOST_KEY = {
  public: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHostHostHostHostHostHostHostHostHostHostHost",
  private:
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\nQyNTUxOQAAACA=\n-----END OPENSSH PRIVATE KEY-----\n",
};
export const GOLDEN = { "managed-by": "triplane", golden: "current" };

export interface Place extends AsyncDisposable {
  readonly simulator: Simulator;
  readonly provider: Provider;
  readonly signal: AbortSignal;
  /** Id of a snapshot labelled GOLDEN. */
  readonly image: string;
  /** Another provider on the same project. */
  another(options?: Partial<HcloudOptions>): Provider;
  spec(name: string, more?: Partial<ServerSpec>): ServerSpec;
  /** Any call, as somebody with the token makes it. */
  api(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: Record<string, never> }>;
  /** The calls since the last time that this was asked: `GET /servers`. */
  calls(): readonly string[];
}

const OFFER: Offer = { type: "cx23", location: "fsn1", cpus: 2, memoryMib: 4096, platform: "linux/amd64", centsPerHour: 0.56 };

/** Everything takes a thousandth of its time. */
export async function place(simulated: SimulatorOptions = {}, options: Partial<HcloudOptions> = {}): Promise<Place> {
  const simulator = await startSimulator({ token: TOKEN, speed: 2000, ...simulated });
  const another = (more: Partial<HcloudOptions> = {}): Provider =>
    hcloudProvider({
      ...{ token: TOKEN, endpoint: simulator.endpoint, clock: systemClock, random: seededRandom(), logger: silentLogger },
      ...{ retryBaseMs: 1, pollMs: 5, actionDeadlineMs: 5000, ...options, ...more },
    });
  const api: Place["api"] = async (method, path, body) => {
    const response = await fetch(`${simulator.endpoint}${path}`, {
      ...{ method, headers: { authorization: `Bearer ${TOKEN}` } },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
  };
  const image = await snapshot(api);
  simulator.requests.clear();
  return {
    ...{ simulator, provider: another(), another, signal: new AbortController().signal, image, api },
    spec: (name, more = {}) => ({
      ...{ name, offer: OFFER, image, authorizedKey: AUTHORIZED_KEY, hostKey: HOST_KEY, deadManAtS: Math.floor(Date.now() / 1000) + 3600 },
      labels: { "managed-by": "triplane", pool: "main", lease: name, tenant: "default", tier: "cx22", expires: "1999999999" },
      ...more,
    }),
    calls: () => {
      const calls = simulator.requests.entries.map(({ method, path }) => `${method} ${path}`);
      simulator.requests.clear();
      return calls;
    },
    [Symbol.asyncDispose]: () => simulator.close(),
  };
}

/** A golden image: the snapshot of a server that is gone. */
export async function snapshot(api: Place["api"], labels: Readonly<Record<string, string>> = GOLDEN): Promise<string> {
  const made = await api("POST", "/servers", {
    name: `golden-${Object.values(labels).join("-")}`,
    server_type: "cx23",
    image: "debian-12",
  });
  const { server, next_actions } = made.body as unknown as { server: { id: number }; next_actions: { id: number }[] };
  await ended(api, next_actions[0]?.id ?? 0);
  const imaged = await api("POST", `/servers/${server.id}/actions/create_image`, { labels });
  const { image, action } = imaged.body as unknown as { image: { id: number }; action: { id: number } };
  await ended(api, action.id);
  await api("DELETE", `/servers/${server.id}`);
  return String(image.id);
}

async function ended(api: Place["api"], id: number): Promise<void> {
  for (let tries = 0; tries < 1000; tries += 1) {
    await sleep(5);
    const { action } = (await api("GET", `/actions/${id}`)).body as unknown as { action: { status: string } };
    if (action.status === "success") return;
    if (action.status === "error") break;
  }
  throw new Error(`action ${id} did not end`);
}
