// Files on the machine itself: configuration, keys, outbox entries, desired state, component definitions.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CONFIG as MIRROR } from "@triplane/audit-mirror";
import { generateSigningKey, TriplaneError } from "@triplane/contract";
import { CONFIG as CONTROLLER } from "@triplane/controller";
import { CONFIG as SYNC } from "@triplane/desired-sync";
import { CONFIG as KEEPER } from "@triplane/keeper";
import { readKeyFile, resolveConfig, systemClock, systemRandom, writeKeyFile, writeLockedKeyFile } from "@triplane/kit";
import { readNickel } from "@triplane/nickel";
import { CONFIG as ORCHESTRATOR, parseDesiredState } from "@triplane/orchestrator";
import { Outbox } from "@triplane/submitter";
import { TEST_RID, tempDir } from "@triplane/testkit";
import { bytesOf, type Door, textOf } from "../door.ts";

/** The same bytes as configuration file, as flags (one a line) and as variables of every daemon. */
export async function configuration(): Promise<Door> {
  const folder = await tempDir("fuzz-config");
  const file = join(folder.path, "config.json");
  const config = { workspace: "w1", dataDir: "/var/x", catalogDir: "/var/y", tokensFile: "/var/z", healthPort: 7000, logLevel: "info" };
  return {
    seeds: [bytesOf(JSON.stringify(config)), bytesOf("--workspace=w1\n--health-port\n7000\n--check"), bytesOf("{}")],
    words: [
      "--workspace",
      "--help",
      "--check",
      "--config",
      "--no-standby",
      "storeUrl",
      "rocksdb:///x?sync=never",
      "surrealkv://",
      "mem://",
      "_FILE",
    ],
    enter: async (input) => {
      await writeFile(file, input, { mode: 0o600 });
      const text = textOf(input);
      const argv = text.split("\n").filter((line) => !line.startsWith("--config"));
      const env = Object.fromEntries(text.split("\n").map((line, index) => [`TRIPLANE_KEEPER_X${index}`, line.replaceAll("\0", "")]));
      const refused: unknown[] = [];
      const asks = [KEEPER, CONTROLLER, MIRROR, ORCHESTRATOR, SYNC].flatMap((definition) => [
        resolveConfig<typeof definition.options>(definition, { argv: ["--config", file], env: {} }),
        resolveConfig<typeof definition.options>(definition, { argv, env: { ...env, [`${definition.envPrefix}_WORKSPACE`]: text } }),
      ]);
      for (const ask of await Promise.allSettled(asks)) if (ask.status === "rejected") refused.push(ask.reason);
      const odd = refused.find((error) => !(error instanceof TriplaneError) || error.code !== "config_invalid");
      if (odd !== undefined || refused.length === asks.length) throw odd ?? refused[0];
    },
    close: () => folder[Symbol.asyncDispose](),
  };
}

export async function keyFiles(): Promise<Door> {
  const folder = await tempDir("fuzz-key");
  const path = join(folder.path, "key.json");
  const key = generateSigningKey();
  await writeKeyFile(path, key);
  const seed = Buffer.from(key.seed).toString("base64url");
  const lockedPath = join(folder.path, "locked");
  await writeLockedKeyFile(lockedPath, key, { passphrase: "a fuzzed passphrase", comment: "fuzz", random: systemRandom });
  const locked = await readFile(lockedPath, "utf8");
  return {
    seeds: [bytesOf(JSON.stringify({ did: key.did, seed })), bytesOf(locked)],
    words: ["did", "seed", "did:key:z6Mk", "AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "b3BlbnNzaC1rZXktdjEA"],
    enter: async (input) => {
      await writeFile(path, input, { mode: 0o600 });
      try {
        await readKeyFile(path);
      } catch (error) {
        // A broken key file is still a secret.
        if (String(error).includes(seed)) throw new Error("the refusal tells the seed");
        throw error;
      }
    },
    close: () => folder[Symbol.asyncDispose](),
  };
}

/** An entry of an outbox that the disk gave back otherwise. */
export async function outboxEntries(): Promise<Door> {
  const folder = await tempDir("fuzz-outbox");
  const outbox = new Outbox({ folder: folder.path, audience: `w1/${TEST_RID}`, clock: systemClock, random: systemRandom });
  const key = generateSigningKey();
  const draft = { op: "component.deploy", target: "web", scope: "apps", args: {}, expected_state_version: 0, expiresInS: 600 } as const;
  const { entry } = await outbox.prepare(draft, key);
  const [token = ""] = await readdir(join(folder.path, "ops"));
  const path = join(folder.path, "ops", token, "1.json");
  await mkdir(join(folder.path, "done"), { recursive: true });
  return {
    seeds: [bytesOf(JSON.stringify(entry)), bytesOf("")],
    words: ["jti", "op", "stored_at", "outcome", "consumes_seq", "expected_seq"],
    enter: async (input) => {
      await writeFile(path, input);
      await outbox.pending();
    },
    close: () => folder[Symbol.asyncDispose](),
  };
}

export function desiredStates(): Door {
  return {
    seeds: [
      bytesOf(
        '{ version = 1, workspace = "w1", components = [{ name = "web", component = "web", replicas = 2, settings = { title = "x" } }] }',
      ),
    ],
    words: ["components", "component", "replicas", "settings", "workspace", "version"],
    enter: (input) => parseDesiredState(readNickel(textOf(input), { file: "desired.ncl", importer: () => undefined }), "w1"),
  };
}
