// Hetzner Cloud as it is rehearsed: hcloud-sim as a program, with a real runner of this machine behind each server that it pretends to have.
//
//   await using plane = await BuildPlane.start({ random, provider: (place) => rehearsedCloud(place, (cloud) => …) });
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { FaultInput } from "@triplane/hcloud-sim";
import { freePort } from "@triplane/kit";
import type { PlaneProvider, ProviderPlace } from "./build-plane.ts";
import { Program } from "./program.ts";
import { goldenSnapshot } from "./simulated-cloud.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const SIMULATOR = join(ROOT, "packages/hcloud-sim/bin/hcloud-sim.mjs");
const BACKER = join(ROOT, "packages/workload/provider-local/src/backer.ts");
const TOKEN = "a-token-of-the-project";

export interface RehearsedCloud extends PlaneProvider {
  /** `http://127.0.0.1:PORT/v1`. */
  readonly endpoint: string;
  readonly tokenFile: string;
  /** Faults to come. */
  fault(...faults: readonly FaultInput[]): Promise<void>;
  /** Those that were not met yet, but for what is sold out, which stays so. */
  unmet(): Promise<readonly FaultInput[]>;
  /** Names of all servers of the project. */
  servers(): Promise<readonly string[]>;
}

/** `scale` divides the memory of the types. Throws `start_failed`. */
export async function rehearsedCloud(place: ProviderPlace, scale: number): Promise<RehearsedCloud> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}/v1`;
  const ask = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(path.startsWith("/_sim") ? new URL(path, endpoint) : `${endpoint}${path}`, {
      ...{ method, headers: { authorization: `Bearer ${TOKEN}` } },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? {} : JSON.parse(text);
  };
  const program = await Program.start({
    name: "hcloud-sim",
    argv: [process.execPath, SIMULATOR, "--port", String(port), "--speed", "200", "--backer", BACKER, "--log-level", "info"],
    env: {
      ...{ HCLOUD_SIM_TOKEN: TOKEN, TRIPLANE_BACKER_RUNNERS_DIR: place.runnersFolder, TRIPLANE_BACKER_GOLDEN_DIR: place.goldenFolder },
      ...{ TRIPLANE_BACKER_NETWORK: place.network.cidr, TRIPLANE_BACKER_PLAIN_HTTP: place.registry.registry },
      TRIPLANE_BACKER_SCALE: String(scale),
    },
    log: join(place.folder, "hcloud-sim.log"),
    ready: async () => Array.isArray((await ask("GET", "/locations"))["locations"]),
  });
  try {
    await goldenSnapshot(ask);
    const tokenFile = join(place.folder, "hcloud.token");
    await writeFile(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
    return {
      ...{ endpoint, tokenFile },
      options: ["--vm-pool-provider", "hcloud", "--hcloud-endpoint", endpoint, "--hcloud-token-file", tokenFile],
      fault: async (...faults) => void (await ask("POST", "/_sim/faults", faults)),
      unmet: async () => ((await ask("GET", "/_sim/faults"))["faults"] as FaultInput[]).filter((fault) => fault.do !== "unavailable"),
      servers: async () => ((await ask("GET", "/servers"))["servers"] as { name: string }[]).map(({ name }) => name),
      [Symbol.asyncDispose]: () => program.stop(),
    };
  } catch (error) {
    await program.stop();
    throw error;
  }
}
