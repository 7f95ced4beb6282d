// The registries that the gateway is tested in front of: zot, for which it is made, and distribution, by other people, which checks tokens more strictly.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TriplaneError } from "@triplane/contract";
import { findTool, freePort } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { publicKeyPem } from "../run.ts";
import type { Issuer } from "../tokens/registry-token.ts";
import { renderZotConfig, type ZotOptions } from "../zot/config.ts";

export const BACKENDS = ["zot", "distribution"] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface Backend extends AsyncDisposable {
  readonly name: BackendName;
  readonly url: string;
  /** Ends it and starts it again on what it has stored. */
  restart(): Promise<void>;
}

export interface BackendOptions {
  readonly folder: string;
  readonly issuer: Issuer;
  /** Of the gateway in front of it. */
  readonly origin: string;
  readonly storage?: ZotOptions["storage"];
  readonly env?: Readonly<Record<string, string>>;
  /** Changes zot's configuration, so that what takes hours takes seconds. */
  readonly edit?: (config: string) => string;
}

/** Why a registry is not there, or undefined where it is. */
export async function whyMissing(name: BackendName): Promise<string | undefined> {
  try {
    await findTool(name);
    return undefined;
  } catch (error) {
    if (!(error instanceof TriplaneError) || error.code !== "tool_missing") throw error;
    // zot cannot be had everywhere; distribution can, and stands in for it.
    if (process.env["TRIPLANE_REQUIRE_ALL"] === "1" && name !== "zot") throw error;
    return `${name.toUpperCase()} IS MISSING, agreement with it is not tested: ${error.message} (${error.hint})`;
  }
}

export async function startBackend(name: BackendName, options: BackendOptions): Promise<Backend> {
  const { path: program } = await findTool(name);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await mkdir(options.folder, { recursive: true });
  const command = name === "zot" ? await zotCommand(port, options) : await distributionCommand(port, options);
  const logFile = join(options.folder, "log");
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const log = await open(logFile, "a");
    try {
      child = spawn(program, command, { stdio: ["ignore", log.fd, log.fd], env: { ...process.env, ...options.env } });
    } finally {
      await log.close();
    }
    await eventually(async () => {
      if (child?.exitCode !== null) throw new Error(`${name} ended:\n${(await readFile(logFile, "utf8")).slice(-4000)}`);
      const answer = await fetch(`${url}/v2/`);
      await answer.body?.cancel();
      if (answer.status !== 401) throw new Error(`${name} answers ${answer.status} without a token`);
      return true;
    });
  };
  const stop = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  };
  await start();
  const restart = async (): Promise<void> => {
    await stop();
    await start();
  };
  return { name, url, restart, [Symbol.asyncDispose]: stop };
}

async function zotCommand(port: number, { folder, issuer, origin, storage, edit }: BackendOptions): Promise<string[]> {
  const publicKeyFile = join(folder, "token-key.pem");
  await writeFile(publicKeyFile, publicKeyPem(issuer.key.publicKey));
  const config = renderZotConfig({
    ...{ address: "127.0.0.1", port, folder: join(folder, "data"), storage: storage ?? { kind: "files" } },
    ...{ origin, registry: issuer.registry, publicKeyFile },
  });
  const file = join(folder, "config.json");
  await writeFile(file, edit?.(config) ?? config);
  return ["serve", file];
}

async function distributionCommand(port: number, { folder, issuer, origin, storage }: BackendOptions): Promise<string[]> {
  const keys = [
    { kty: "OKP", crv: "Ed25519", kid: issuer.key.did, alg: "EdDSA", x: Buffer.from(issuer.key.publicKey).toString("base64url") },
  ];
  await writeFile(join(folder, "keys.json"), JSON.stringify({ keys }));
  const token = {
    realm: `${origin}/token`,
    service: issuer.registry,
    issuer: issuer.issuer,
    jwks: join(folder, "keys.json"),
    signingalgorithms: ["EdDSA"],
  };
  const config = {
    version: 0.1,
    log: { level: "warn" },
    storage: { ...distributionStorage(folder, storage), delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    auth: { token },
  };
  const file = join(folder, "config.yml");
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  return ["serve", file];
}

/** Its credentials for S3 come from the environment, as zot's do. */
function distributionStorage(folder: string, storage: BackendOptions["storage"]): object {
  if (storage === undefined || storage.kind === "files") return { filesystem: { rootdirectory: join(folder, "data") } };
  const { region, bucket, endpoint, pathStyle } = storage;
  const isSecure = endpoint.startsWith("https:");
  // Blobs come through the registry: a client cannot be sent to an S3 server that only this machine reaches.
  return { s3: { region, bucket, regionendpoint: endpoint, forcepathstyle: pathStyle, secure: isSecure }, redirect: { disable: true } };
}
