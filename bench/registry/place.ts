// The registry as a process of its own before a real registry, and a static file server with the same bytes, also a process of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { generateSigningKey } from "@triplane/contract";
import { freePort, systemRandom, writeKeyFile } from "@triplane/kit";
import { type Issuer, newSecret, withCredential } from "@triplane/registry";
import { BACKENDS, crateFile, publishBody, startBackend, whyMissing, writeCrate } from "@triplane/registry/testing";
import { eventually } from "@triplane/testkit";

const ROOT = join(import.meta.dirname, "..", "..");
const SCCACHE_REPO = "bench/objects";

export interface RegistryPlace extends AsyncDisposable {
  /** Which registry stands behind the gateway. */
  readonly backend: string;
  readonly origin: string;
  readonly staticUrl: string;
  readonly publisher: string;
  readonly developer: string;
  /** Publishes crates and puts the same bytes before the static server, index and all. */
  publish(names: readonly string[], sourceBytes: number): Promise<void>;
  /** Stores an object at both; gives its paths. */
  storeObject(key: string, content: Uint8Array): Promise<{ readonly ours: string; readonly plain: string }>;
}

export async function registryPlace(folder: string): Promise<RegistryPlace> {
  const backendName = await firstBackend();
  const [port, staticPort] = [await freePort(), await freePort()];
  const registry = `127.0.0.1:${port}`;
  const origin = `http://${registry}`;
  const staticUrl = `http://127.0.0.1:${staticPort}`;
  const files = join(folder, "files");
  await mkdir(files, { recursive: true });
  const issuer: Issuer = { key: generateSigningKey(), previousKeys: [], issuer: "triplane", registry };
  await writeKeyFile(join(folder, "key.json"), issuer.key);
  const [publisher, developer] = [newSecret(systemRandom), newSecret(systemRandom)];
  const one = withCredential(undefined, "credentials", { name: "publisher", role: "crate-publisher", secret: publisher });
  await writeFile(
    join(folder, "credentials.json"),
    withCredential(one, "credentials", { name: "desk", role: "developer", secret: developer }),
  );
  const backend = await startBackend(backendName, { folder: join(folder, "backend"), issuer, origin });
  const gateway = spawn(
    process.execPath,
    [
      join(ROOT, "packages", "cli", "bin", "registry-gateway.mjs"),
      ...["--origin", origin, "--port", String(port), "--zot-url", backend.url, "--key-file", join(folder, "key.json")],
      ...["--credentials-file", join(folder, "credentials.json"), "--sccache-dir", join(folder, "objects"), "--log-level", "error"],
    ],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const plain = spawn(process.execPath, [join(import.meta.dirname, "static-server.ts"), files, String(staticPort)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await eventually(async () => (await fetch(`${origin}/healthz`)).ok, { what: "the gateway" });
  await eventually(async () => (await fetch(staticUrl)).status === 404, { what: "the static server" });

  const copy = async (path: string, content: Uint8Array | string): Promise<void> => {
    await mkdir(dirname(join(files, path)), { recursive: true });
    await writeFile(join(files, path), content);
  };
  return {
    ...{ backend: backendName, origin, staticUrl, publisher, developer },
    publish: async (names, sourceBytes) => {
      for (const name of names) {
        // Comments that do not compress: a crate is as large as it says.
        const source = `// ${Buffer.from(systemRandom.bytes(sourceBytes)).toString("base64")}\n`;
        const crate = await crateFile(await writeCrate(join(folder, "crates"), { name, version: "1.0.0", source }));
        const body = publishBody({ name, vers: "1.0.0", deps: [], features: {} }, crate);
        const answer = await fetch(`${origin}/crates/api/v1/crates/new`, { method: "PUT", headers: { authorization: publisher }, body });
        if (!answer.ok) throw new Error(`${name} was not published: ${await answer.text()}`);
        const headers = { authorization: developer };
        const index = `${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`;
        await copy(`index/${index}`, await (await fetch(`${origin}/crates/index/${index}`, { headers })).text());
        await copy(`dl/${name}/1.0.0/download`, crate);
      }
      await copy("index/config.json", JSON.stringify({ dl: `${staticUrl}/dl/{crate}/{version}/download` }));
    },
    storeObject: async (key, content) => {
      const path = `sccache/${SCCACHE_REPO}/${key[0]}/${key[1]}/${key[2]}/${key}`;
      const answer = await fetch(`${origin}/${path}`, {
        method: "PUT",
        headers: { authorization: `Bearer ${developer}` },
        body: Buffer.from(content),
      });
      if (answer.status !== 201) throw new Error(`the object was not stored: ${answer.status}`);
      await copy(path, content);
      return { ours: `${origin}/${path}`, plain: `${staticUrl}/${path}` };
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([gateway, plain].map(ended));
      await backend[Symbol.asyncDispose]();
    },
  };
}

async function firstBackend(): Promise<(typeof BACKENDS)[number]> {
  for (const name of BACKENDS) if ((await whyMissing(name)) === undefined) return name;
  throw new Error("neither zot nor distribution is here: npm run tools distribution");
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}
