// A registry as it runs: a real registry behind a gateway on a free port, a credential for every role, and leases that a test ends.
import { join } from "node:path";
import { generateSigningKey } from "@triplane/contract";
import { createMetrics, freePort, silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { tempDir } from "@triplane/testkit";
import { createGateway } from "../gateway/gateway.ts";
import { ObjectStore } from "../sccache/object-store.ts";
import { Credentials, newSecret, renderCredentials } from "../tokens/credentials.ts";
import type { Issuer } from "../tokens/registry-token.ts";
import { ROLE_NAMES, type Role } from "../tokens/roles.ts";
import { type Backend, type BackendName, type BackendOptions, startBackend } from "./backends.ts";

export interface RegistryPlace extends AsyncDisposable {
  readonly folder: string;
  readonly origin: string;
  /** `host:port`, as it stands in image names. */
  readonly registry: string;
  readonly issuer: Issuer;
  readonly backend: Backend;
  readonly secrets: Readonly<Record<Role, string>>;
  /** Leases that stand. */
  readonly leases: Set<string>;
  /** Ends the gateway and starts another one on the same origin. */
  restartGateway(): Promise<void>;
}

export interface PlaceOptions extends Pick<BackendOptions, "storage" | "env" | "edit"> {
  readonly maxBlobBytes?: number;
  readonly maxCrateBytes?: number;
}

const MIB = 1024 ** 2;

export async function startRegistry(name: BackendName, options: PlaceOptions = {}): Promise<RegistryPlace> {
  const folder = await tempDir("registry");
  const port = await freePort();
  const registry = `127.0.0.1:${port}`;
  const origin = `http://${registry}`;
  const issuer: Issuer = { key: generateSigningKey(), previousKeys: [], issuer: "triplane", registry };
  const { maxBlobBytes = 64 * MIB, maxCrateBytes = MIB, ...rest } = options;
  const backend = await startBackend(name, { folder: join(folder.path, name), issuer, origin, ...rest });
  const secrets = Object.fromEntries(ROLE_NAMES.map((role) => [role, newSecret(systemRandom)])) as Record<Role, string>;
  const credentials = Credentials.parse(renderCredentials(ROLE_NAMES.map((role) => ({ name: role, role, secret: secrets[role] }))), "test");
  const leases = new Set<string>();
  const objects = new ObjectStore({
    ...{ folder: join(folder.path, "sccache"), maxBytes: 64 * MIB, maxObjectBytes: 4 * MIB },
    ...{ clock: systemClock, random: systemRandom },
  });

  const listen = async () => {
    const server = createGateway({
      ...{ issuer, credentials, origin, objects, maxBlobBytes, maxCrateBytes, zotUrl: backend.url, tokenLifetimeS: 300 },
      ...{ clock: systemClock, logger: silentLogger, metrics: createMetrics({ name: "registry-gateway" }) },
      leaseStands: async (lease) => leases.has(lease),
      health: () => ({ ok: true }),
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return server;
  };
  let server = await listen();
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return {
    ...{ folder: folder.path, origin, registry, issuer, backend, secrets, leases },
    restartGateway: async () => {
      await close();
      server = await listen();
    },
    [Symbol.asyncDispose]: async () => {
      await close();
      await backend[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
