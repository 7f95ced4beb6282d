// The registry of a build plane: zot (or distribution) on a real S3 server whose bucket keeps versions, and the gateway, a process of its own, in front.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generateSigningKey, type Random, type SigningKey } from "@triplane/contract";
import { freePort, writeKeyFile } from "@triplane/kit";
import { type Issuer, newSecret, type Role, withCredential } from "@triplane/registry";
import { type Backend, startBackend, startS3, type TestS3 } from "@triplane/registry/testing";
import { registryBackend } from "./needs.ts";
import { Program } from "./program.ts";

const GATEWAY = join(import.meta.dirname, "..", "..", "..", "packages", "cli", "bin", "registry-gateway.mjs");
/** Who uses the registry here beside runners. */
const ROLES = ["woodpecker", "deployer", "developer", "golden-builder"] as const satisfies readonly Role[];
export type PlaneRole = (typeof ROLES)[number];

export interface PlaneRegistry extends AsyncDisposable {
  /** `host:port`, as it stands in image names. */
  readonly registry: string;
  readonly origin: string;
  readonly backend: Backend;
  readonly s3: TestS3;
  readonly gateway: Program;
  readonly issuer: Issuer;
  /** Signs registry tokens. */
  readonly keyFile: string;
  readonly secrets: Readonly<Record<PlaneRole, string>>;
}

export interface RegistryOptions {
  readonly folder: string;
  /** Where the gateway listens: runners reach it there. */
  readonly host: string;
  readonly random: Random;
  readonly orchestrator: { readonly url: string; readonly tokenFile: string };
  readonly signal?: AbortSignal | undefined;
}

export async function startPlaneRegistry(options: RegistryOptions): Promise<PlaneRegistry> {
  const { folder, host, random, orchestrator, signal } = options;
  await mkdir(folder, { recursive: true });
  await using started = new AsyncDisposableStack();
  const port = await freePort(host);
  const registry = `${host}:${port}`;
  const origin = `http://${registry}`;
  const key: SigningKey = generateSigningKey();
  const issuer: Issuer = { key, previousKeys: [], issuer: "triplane", registry };
  const keyFile = join(folder, "registry-key.json");
  await writeKeyFile(keyFile, key);
  const secrets = Object.fromEntries(ROLES.map((role) => [role, newSecret(random)])) as Record<PlaneRole, string>;
  const credentialsFile = join(folder, "credentials.json");
  const withAll = ROLES.reduce<string | undefined>(
    (text, role) => withCredential(text, credentialsFile, { name: role, role, secret: secrets[role] }),
    undefined,
  );
  await writeFile(credentialsFile, withAll ?? "", { mode: 0o600 });
  const s3 = started.use(await startS3(join(folder, "s3")));
  const name = (await registryBackend()) ?? "distribution";
  const backend = started.use(await startBackend(name, { folder: join(folder, name), issuer, origin, storage: s3.storage, env: s3.env }));
  const gateway = started.use(
    await Program.start(
      {
        name: "registry-gateway",
        argv: [
          process.execPath,
          GATEWAY,
          ...["--host", host, "--port", String(port), "--origin", origin, "--zot-url", backend.url, "--key-file", keyFile],
          ...["--credentials-file", credentialsFile, "--sccache-dir", join(folder, "objects"), "--lease-believed-ms", "500"],
          ...["--orchestrator-url", orchestrator.url, "--orchestrator-token-file", orchestrator.tokenFile, "--log-level", "warn"],
        ],
        log: join(folder, "registry-gateway.log"),
        ready: async () => (await fetch(`${origin}/healthz`)).ok,
      },
      signal,
    ),
  );
  const all = started.move();
  return {
    ...{ registry, origin, backend, s3, gateway, issuer, keyFile, secrets },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
