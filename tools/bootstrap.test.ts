import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const WITH_NODE = pathToFileURL(join(ROOT, "packages/cli/bin/with-node.mjs")).href;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "triplane-bootstrap-"));
});
after(() => rm(folder, { recursive: true, force: true }));

function start(programArguments: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, [...programArguments], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8");
  });
  const ended = new Promise<{ exitCode: number | null; stdout: string; stderr: string }>((resolve) => {
    child.once("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
  return { child, ended, printed: () => stdout };
}

async function script(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

test("bootstrap: without a command it lists them and gives 2", async () => {
  const { exitCode, stderr } = await start(["tools/bootstrap.mjs", "toString"]).ended;
  assert.equal(exitCode, 2);
  for (const name of ["setup", "demo", "test", "check", "docs", "tools"]) assert.match(stderr, new RegExp(`^ {2}${name} `, "m"));
});

test("bootstrap: a command that needs nothing fetched goes straight to its program, with its arguments and exit code", async () => {
  const { exitCode, stderr } = await start(["tools/bootstrap.mjs", "tools", "no-such-tool"]).ended;
  assert.equal(exitCode, 2);
  assert.match(stderr, /^there is no tool "no-such-tool"\nusage: /m);
});

test("tools/install.ts: --json lists every tool for programs", async () => {
  const { exitCode, stdout } = await start(["tools/install.ts", "--json"]).ended;
  assert.equal(exitCode, 0);
  const { tools }: { tools: { name: string; inRange: boolean }[] } = JSON.parse(stdout);
  assert.deepEqual(
    tools.map(({ name }) => name),
    [
      "git",
      "node",
      "nats-server",
      "nickel",
      "rad",
      "radicle-node",
      "git-remote-rad",
      "buildkitd",
      "buildctl",
      "runc",
      "zot",
      "distribution",
      "versitygw",
      "oras",
      "sccache",
      "hcloud",
      "woodpecker-cli",
      "prometheus",
      "promtool",
      "loki",
      "nu",
      "jq",
    ],
  );
  assert.equal(tools.find(({ name }) => name === "node")?.inRange, true);
});

test("runToEnd: gives the exit code, and 128 + number for a signal", async () => {
  const caller = await script(
    "codes.mjs",
    `import { runToEnd } from ${JSON.stringify(WITH_NODE)};
    const run = (code) => runToEnd(process.execPath, ["-e", code]);
    console.log(await run("process.exit(7)"), await run("process.kill(process.pid, 'SIGKILL')"));`,
  );
  assert.equal((await start([caller]).ended).stdout, "7 137\n");
});

test("runToEnd: passes SIGTERM on and waits for the program to finish", async () => {
  const caller = await script(
    "signals.mjs",
    `import { runToEnd } from ${JSON.stringify(WITH_NODE)};
    const program = "process.on('SIGTERM', () => { console.log('draining'); process.exit(3); }); setInterval(() => {}, 1000); console.log('up');";
    process.exitCode = await runToEnd(process.execPath, ["-e", program]);`,
  );
  const { child, ended, printed } = start([caller]);
  const deadline = Date.now() + 10_000;
  while (!printed().includes("up")) {
    assert.ok(Date.now() < deadline, "did not come up");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  child.kill("SIGTERM");
  const { exitCode, stdout } = await ended;
  assert.equal(exitCode, 3);
  assert.equal(stdout, "up\ndraining\n");
});

test("runUnderNode24: runs the TypeScript entry with the caller's arguments", async () => {
  await script(
    "entry.ts",
    "const words: readonly string[] = process.argv.slice(2);\nconsole.log(words.join('+'), process.argv[1]?.endsWith('entry.ts'));\n",
  );
  const caller = await script(
    "program.mjs",
    `import { runUnderNode24 } from ${JSON.stringify(WITH_NODE)};\nawait runUnderNode24("./entry.ts", import.meta.url);\n`,
  );
  assert.equal((await start([caller, "a", "b c"]).ended).stdout, "a+b c true\n");
});
