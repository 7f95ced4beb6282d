// Puts the gateway together and takes it apart.
import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Server } from "node:http";
import { type Did, TriplaneError } from "@triplane/contract";
import {
  atomicWriteFile,
  type DaemonContext,
  ensurePrivateFolder,
  type RunningDaemon,
  readKeyFile,
  sleep,
  type ValuesOf,
} from "@triplane/kit";
import { poolLeases } from "./adapters/pool-leases.ts";
import type { CONFIG } from "./config.ts";
import { createGateway } from "./gateway/gateway.ts";
import { ObjectStore } from "./sccache/object-store.ts";
import { Credentials } from "./tokens/credentials.ts";
import { type LeaseStands, rememberingLeases } from "./tokens/leases.ts";
import type { Issuer } from "./tokens/registry-token.ts";

export type GatewayConfig = ValuesOf<typeof CONFIG.options>;

export interface RunningGateway extends RunningDaemon {
  readonly port: number;
}

const SWEEP_EVERY_MS = 10 * 60_000;

export async function startGateway(context: DaemonContext<GatewayConfig>): Promise<RunningGateway> {
  const { config, logger, clock, random, metrics, signal } = context;
  const key = await readKeyFile(config.keyFile);
  const origin = new URL(config.origin);
  const issuer: Issuer = { key, previousKeys: config.previousKeys as readonly Did[], issuer: config.issuer, registry: origin.host };
  if (config.publicKeyFile !== undefined) await atomicWriteFile(config.publicKeyFile, publicKeyPem(key.publicKey), { mode: 0o644 });
  await ensurePrivateFolder(config.sccacheDir);
  const objects = new ObjectStore({
    ...{ folder: config.sccacheDir, maxBytes: config.sccacheMaxBytes, maxObjectBytes: config.sccacheMaxObjectBytes },
    ...{ clock, random },
  });
  const server = createGateway({
    ...{ issuer, clock, logger, metrics, objects, origin: origin.origin, zotUrl: config.zotUrl },
    ...{ tokenLifetimeS: config.tokenLifetimeS, maxBlobBytes: config.maxBlobBytes, maxCrateBytes: config.maxCrateBytes },
    credentials: Credentials.parse(await readText(config.credentialsFile), config.credentialsFile),
    leaseStands: rememberingLeases(leasesOf(config), { clock, believedMs: config.leaseBelievedMs }),
    health: () => ({ ok: true }),
  });
  const port = await listen(server, config.host, config.port);
  logger.info({ port, origin: origin.origin }, "listening");
  const sweeping = sweepUntil(signal, async () => {
    const removed = await objects.sweep();
    if (removed > 0) logger.info({ removed }, "compiled objects that nobody asked for longest are gone");
  });
  return {
    port,
    done: sweeping.then(() => new Promise<never>(() => undefined)),
    stop: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      await sweeping;
    },
  };
}

/** A public key as zot reads it. */
export function publicKeyPem(publicKey: Uint8Array): string {
  const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url") };
  return createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" }).toString();
}

function leasesOf({ orchestratorUrl: url, orchestratorToken: token }: GatewayConfig): LeaseStands {
  // Nobody to ask is nobody who says that a lease stands.
  return url === undefined || token === undefined ? async () => false : poolLeases({ url, token });
}

async function sweepUntil(signal: AbortSignal, sweep: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await sweep();
    await sleep(SWEEP_EVERY_MS, signal).catch(() => undefined);
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new TriplaneError("config_invalid", `the credentials file ${file} cannot be read`, { cause });
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(new TriplaneError("config_invalid", `cannot listen on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, () => {
      const address = server.address();
      resolve(address !== null && typeof address === "object" ? address.port : port);
    });
  });
}
