// A backer for hcloud-sim (`hcloud-sim --backer …/provider-local/src/backer.ts`): a runner of this machine behind each server that the simulator pretends to have.
// Rehearsals of the whole Hetzner path end in a real login and a real build then. Settings: TRIPLANE_BACKER_…, see docs/reference/hcloud-sim.md.
//
// 1. What a runner gets is what the server's user data says, as a machine of the cloud would read it: host key, key of who may log in, dead man.
// 2. A builder of golden images (user data with `power_state`) is not run: it is off at once. Snapshots all stand for one golden root.
import { randomBytes } from "node:crypto";
import { isAbsolute } from "node:path";
import { signingKeyFromSeed, TriplaneError } from "@triplane/contract";
import { openOpensshKey, opensshPublicKey, sleep } from "@triplane/kit";
import type { Provider, ServerSpec } from "@triplane/vm-pool";
import { readUserData, type UserData } from "./backer-user-data.ts";
import { defaultGoldenFolder } from "./folders.ts";
import { GoldenStore } from "./golden/store.ts";
import { openLocalProvider } from "./provider.ts";
import type { LocalSettings } from "./settings.ts";

/** What hcloud-sim hands over; docs/reference/hcloud-sim.md describes it. */
interface BackedServer {
  readonly name: string;
  readonly serverType: string;
  readonly cores: number;
  readonly memoryMib: number;
  readonly authorizedKeys: readonly string[];
}

interface Started {
  readonly ipv4?: string;
  /** Resolves when the machine has switched itself off. */
  readonly ended?: Promise<void>;
}

type Env = Readonly<Record<string, string | undefined>>;

const POOL = "hcloud-sim";
const DAY_S = 24 * 3600;
const LOOK_MS = 500;

/** Throws `config_invalid`, and what `openLocalProvider` throws. */
export async function backer(env: Env = process.env) {
  const settings = settingsOf(env);
  const scale = numberOf(env, "TRIPLANE_BACKER_SCALE", 1);
  const store = new GoldenStore(settings.goldenFolder);
  // Fails now where runners cannot be made at all.
  const provider = await openLocalProvider({ ...settings, sizes: [{ type: "any", cpus: 1, memoryMib: 1024 }] });
  const stopping = new AbortController();
  return {
    async start(server: BackedServer, text: string, signal: AbortSignal): Promise<Started> {
      const userData = readUserData(text);
      if (userData.powersOff) return { ended: Promise.resolve() };
      const size = { type: server.serverType, cpus: server.cores, memoryMib: Math.floor(server.memoryMib / scale) };
      const own = await openLocalProvider({ ...settings, sizes: [size] });
      const spec = specOf(server, userData, await goldenRoot(store));
      const [offer] = await own.offers(signal);
      if (offer === undefined) throw new TriplaneError("provider_unavailable", "this machine offers nothing");
      const { address } = await own.create({ ...spec, offer }, signal);
      return { ended: ended(own, server.name, stopping.signal), ...(address === undefined ? {} : { ipv4: address.host }) };
    },
    async stop({ name }: Pick<BackedServer, "name">): Promise<void> {
      const there = await provider.find(name, stopping.signal);
      if (there !== undefined) await provider.destroy(there.id, stopping.signal);
    },
    async close(): Promise<void> {
      stopping.abort();
      const signal = new AbortController().signal;
      for (const { id } of await provider.list(POOL, signal)) await provider.destroy(id, signal);
    },
  };
}

function settingsOf(env: Env): LocalSettings {
  const golden = env["TRIPLANE_BACKER_GOLDEN_DIR"] ?? defaultGoldenFolder(env);
  const runners = env["TRIPLANE_BACKER_RUNNERS_DIR"];
  if (runners === undefined || !isAbsolute(runners))
    throw new TriplaneError("config_invalid", "TRIPLANE_BACKER_RUNNERS_DIR must name an absolute folder for runners");
  return {
    ...{ goldenFolder: golden, runnersFolder: runners, network: env["TRIPLANE_BACKER_NETWORK"] ?? "10.203.0.0/24", forward: false },
    plainHttpRegistries: (env["TRIPLANE_BACKER_PLAIN_HTTP"] ?? "").split(",").filter((name) => name !== ""),
    // Golden images of the cloud are logged in to as root.
    loginAsRoot: true,
  };
}

function numberOf(env: Env, name: string, fallback: number): number {
  const text = env[name];
  if (text === undefined) return fallback;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new TriplaneError("config_invalid", `${name} must be a whole number`);
  return Number(text);
}

function specOf(server: BackedServer, userData: UserData, image: string): Omit<ServerSpec, "offer"> {
  const nowS = Math.floor(Date.now() / 1000);
  // Without a key a cloud mails a password; nobody logs in here.
  const authorizedKey = userData.authorizedKeys[0] ?? server.authorizedKeys[0] ?? newHostKey().public;
  const deadManAtS = Math.min(userData.offAtS ?? Number.MAX_SAFE_INTEGER, nowS + (userData.offAfterS ?? DAY_S));
  return {
    ...{ name: server.name, image, authorizedKey: withoutComment(authorizedKey), hostKey: userData.hostKey ?? newHostKey(), deadManAtS },
    labels: { "managed-by": "triplane", pool: POOL, lease: server.name, tenant: POOL, tier: "cx22", expires: String(deadManAtS) },
  };
}

/** The current one, else the newest. */
async function goldenRoot(store: GoldenStore): Promise<string> {
  const all = await store.images({});
  const root = all.find(({ labels }) => labels["golden"] === "current") ?? all[0];
  if (root === undefined) throw new TriplaneError("provider_failed", `there is no golden root in ${store.folder}`);
  return root.id;
}

async function ended(provider: Provider, name: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(LOOK_MS, signal);
    const there = await provider.find(name, signal).catch(() => undefined);
    // Gone is not off: somebody destroys it.
    if (there === undefined) return await new Promise(() => undefined);
    if (there.state === "stopped") return;
  }
}

function newHostKey() {
  const key = signingKeyFromSeed(new Uint8Array(randomBytes(32)));
  return { private: openOpensshKey(key, "hcloud-sim"), public: opensshPublicKey(key.publicKey) };
}

function withoutComment(line: string): string {
  return line.trim().split(" ").slice(0, 2).join(" ");
}
