// Tests of configuration: where values come from, and what is said about wrong ones.
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TriplaneError } from "@triplane/contract";
import { defineConfig } from "./define.ts";
import { integer, list, option, port, text, toggle, url } from "./option.ts";
import { renderConfigReference, renderHelp } from "./render.ts";
import { resolveConfig } from "./resolve.ts";

const CONFIG = defineConfig({
  program: "keeper-daemon",
  summary: "Decides the ops of one workspace.",
  envPrefix: "TRIPLANE_KEEPER",
  options: {
    workspace: option(text(), { description: "The workspace.", placeholder: "NAME" }),
    natsUrl: option(url("nats", "tls").default("nats://127.0.0.1:4222"), { description: "The broker.", env: "TRIPLANE_NATS_URL" }),
    batchSize: option(integer({ min: 1, max: 100 }).default(10), { description: "Messages at once." }),
    peers: option(list().default([]), { description: "Seeds | nodes." }),
    standby: toggle({ description: "Wait for the lease." }),
    token: option(text().optional(), { description: "The orchestrator's token.", secret: true }),
    listen: option(port().optional(), { description: "Port." }),
  },
  rules: ({ standby, batchSize }) => (standby && batchSize > 50 ? ["--standby: a standby takes at most 50 at once (--batch-size)"] : []),
});

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "triplane-config-"));
});
after(() => rm(folder, { recursive: true, force: true }));

async function inFolder(name: string, content: string, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

async function problemsOf(argv: readonly string[], env: Record<string, string> = {}): Promise<readonly unknown[]> {
  try {
    await resolveConfig(CONFIG, { argv, env });
  } catch (error) {
    assert.ok(error instanceof TriplaneError);
    assert.equal(error.code, "config_invalid");
    const { problems } = error.details;
    assert.ok(Array.isArray(problems));
    return problems;
  }
  return [];
}

test("resolveConfig: flag before environment before file before default, frozen", async () => {
  const file = await inFolder("c.json", JSON.stringify({ workspace: "file", batchSize: 3, peers: ["a", "b"], standby: true }));
  const config = await resolveConfig(CONFIG, {
    argv: ["--workspace", "flag", "--config", file],
    env: { TRIPLANE_KEEPER_WORKSPACE: "env", TRIPLANE_KEEPER_BATCH_SIZE: "4" },
  });
  assert.equal(config.workspace, "flag");
  assert.equal(config.batchSize, 4);
  assert.deepEqual(config.peers, ["a", "b"]);
  assert.equal(config.standby, true);
  assert.equal(config.natsUrl, "nats://127.0.0.1:4222");
  assert.equal(config.logLevel, "info");
  assert.ok(Object.isFrozen(config));
});

test("resolveConfig: --flag=value, toggles and lists; the file may come from the environment", async () => {
  const file = await inFolder("env.json", JSON.stringify({ workspace: "w" }));
  const config = await resolveConfig(CONFIG, {
    argv: ["--batch-size=7", "--standby", "--peers=a, b,,c"],
    env: { TRIPLANE_KEEPER_CONFIG: file, TRIPLANE_NATS_URL: "" },
  });
  assert.deepEqual(
    { ...config, logLevel: undefined },
    {
      workspace: "w",
      natsUrl: "nats://127.0.0.1:4222",
      batchSize: 7,
      peers: ["a", "b", "c"],
      standby: true,
      token: undefined,
      listen: undefined,
      logLevel: undefined,
      healthPort: undefined,
      healthHost: "127.0.0.1",
      otlpEndpoint: undefined,
    },
  );
});

test("resolveConfig: reports every problem at once, each with its flag and variable", async () => {
  const problems = await problemsOf(["--batch-size", "1000", "--colour", "red", "stray", "--listen", "x"], {
    TRIPLANE_NATS_URL: "http://a",
  });
  assert.equal(problems.length, 7);
  for (const part of [
    "--colour: there is no such flag",
    '"stray": keeper-daemon takes flags only',
    '"red": keeper-daemon takes flags only',
    "--workspace (TRIPLANE_KEEPER_WORKSPACE): is required: The workspace.",
    "--nats-url (TRIPLANE_NATS_URL): must be a URL of nats: or tls: without credentials",
    "--batch-size (TRIPLANE_KEEPER_BATCH_SIZE): ",
    "--listen (TRIPLANE_KEEPER_LISTEN): ",
  ]) {
    assert.ok(
      problems.some((problem) => String(problem).includes(part)),
      part,
    );
  }
});

test("resolveConfig: a flag twice, or without its value, is a problem", async () => {
  const problems = await problemsOf(["--workspace", "a", "--workspace", "b", "--nats-url"]);
  assert.deepEqual(problems, ["--workspace: given twice", "--nats-url: a value is missing"]);
});

test("resolveConfig: rules across options are checked once the options are right", async () => {
  assert.deepEqual(await problemsOf(["--workspace", "w", "--standby", "--batch-size", "60"]), [
    "--standby: a standby takes at most 50 at once (--batch-size)",
  ]);
});

test("resolveConfig: a configuration file that is missing, no JSON, no object, or has unknown names is refused", async () => {
  for (const content of ["{", "[]", '{"workspce": "w"}', '{"token": "in the clear"}']) {
    const problems = await problemsOf(["--workspace", "w", "--config", await inFolder("bad.json", content)]);
    assert.equal(problems.length, 1, content);
    assert.match(String(problems[0]), /^--config: /);
  }
  assert.equal((await problemsOf(["--workspace", "w", "--config", join(folder, "nothing.json")])).length, 1);
});

test("resolveConfig: a secret comes from its file or variable, never from the command line", async () => {
  const path = await inFolder("token", "s3cret\n");
  const argv = ["--workspace", "w"];
  assert.equal((await resolveConfig(CONFIG, { argv: [...argv, "--token-file", path], env: {} })).token, "s3cret");
  assert.equal((await resolveConfig(CONFIG, { argv, env: { TRIPLANE_KEEPER_TOKEN_FILE: path } })).token, "s3cret");
  assert.equal((await resolveConfig(CONFIG, { argv, env: { TRIPLANE_KEEPER_TOKEN: "direct" } })).token, "direct");
  const inFile = await inFolder("t.json", JSON.stringify({ tokenFile: path }));
  assert.equal((await resolveConfig(CONFIG, { argv: [...argv, "--config", inFile], env: {} })).token, "s3cret");
  assert.deepEqual(await problemsOf([...argv, "--token=s3cret"]), ["--token: there is no such flag"]);
});

test("resolveConfig: a secret file that others may read is refused, and no problem repeats a secret", async () => {
  const path = await inFolder("open-token", "s3cret", 0o644);
  const problems = await problemsOf(["--workspace", "w", "--token-file", path]);
  assert.equal(problems.length, 1);
  assert.match(String(problems[0]), /^--token-file \(TRIPLANE_KEEPER_TOKEN or TRIPLANE_KEEPER_TOKEN_FILE\): .* others may read it/);
  assert.ok(!JSON.stringify(await problemsOf(["--nats-url", "nats://user:s3cret@host"])).includes("s3cret"));
});

test("renderHelp: shows every option with its variable, default and exit codes", () => {
  const help = renderHelp(CONFIG);
  for (const part of [
    "--workspace NAME",
    "(required)",
    "--token-file FILE",
    "TRIPLANE_KEEPER_TOKEN_FILE",
    "(default 10)",
    "--check",
    "Exit codes:",
  ]) {
    assert.ok(help.includes(part), part);
  }
});

test("renderConfigReference: a Markdown row for each option, cells escaped", () => {
  const reference = renderConfigReference(CONFIG);
  assert.ok(reference.startsWith("## keeper-daemon\n"));
  assert.match(reference, /^\| `--peers` \| `TRIPLANE_KEEPER_PEERS` \| `peers` \| .* \| Seeds \\\| nodes\. \|$/m);
  assert.match(reference, /^\| `--token-file` \| `TRIPLANE_KEEPER_TOKEN`, `TRIPLANE_KEEPER_TOKEN_FILE` \| `tokenFile` \| none \|/m);
});
