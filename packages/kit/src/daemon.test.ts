// Tests of the supervised run: in this process with an abort signal, and as a real process with real signals.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { defineConfig } from "./config/define.ts";
import { option, text } from "./config/option.ts";
import { type Daemon, type RunningDaemon, runDaemon } from "./daemon.ts";

const CONFIG = defineConfig({
  program: "test-daemon",
  summary: "Does nothing.",
  envPrefix: "TRIPLANE_TEST_DAEMON",
  options: { word: option(text(), { description: "A word." }) },
});

type TestDaemon = Daemon<{ word: (typeof CONFIG.options)["word"] }>;

async function run(
  parts: Partial<TestDaemon> & Pick<TestDaemon, "start">,
  argv: readonly string[] = ["--word", "w"],
  signal?: AbortSignal,
) {
  const logged: Record<string, unknown>[] = [];
  const printed: string[] = [];
  const exitCode = await runDaemon(
    { name: "test-daemon", config: CONFIG, ...parts },
    {
      argv,
      env: {},
      stdout: { write: (line) => void printed.push(line) },
      logSink: { write: (line) => void logged.push(JSON.parse(line)) },
      ...(signal === undefined ? {} : { signal }),
    },
  );
  return { exitCode, messages: logged.map(({ msg }) => msg), printed: printed.join("") };
}

const forever: Promise<void> = new Promise(() => undefined);

function running(parts: Partial<RunningDaemon> = {}): RunningDaemon {
  return { done: forever, stop: async () => undefined, ...parts };
}

test("runDaemon: a daemon that ends by itself is stopped once and gives 0", async () => {
  let stops = 0;
  const { exitCode, messages } = await run({
    start: async ({ config }) => {
      assert.equal(config.word, "w");
      return running({
        done: Promise.resolve(),
        stop: async () => {
          stops += 1;
        },
      });
    },
  });
  assert.equal(exitCode, 0);
  assert.equal(stops, 1);
  assert.deepEqual(messages, ["ready", "stopped"]);
});

test("runDaemon: a daemon that fails is stopped as well and gives 1", async () => {
  let stops = 0;
  const { exitCode, messages } = await run({
    start: async () =>
      running({
        done: Promise.reject(new Error("lost the bus")),
        stop: async () => {
          stops += 1;
        },
      }),
  });
  assert.equal(exitCode, 1);
  assert.equal(stops, 1);
  assert.deepEqual(messages, ["ready", "failed", "stopped"]);
});

test("runDaemon: a start that fails gives 1", async () => {
  const { exitCode, messages } = await run({ start: () => Promise.reject(new Error("no key")) });
  assert.equal(exitCode, 1);
  assert.deepEqual(messages, ["could not start", "stopped"]);
});

test("runDaemon: serves its health while it runs, and the context's signal tells it to stop", async () => {
  const stopping = new AbortController();
  let sawAbort = false;
  const { exitCode } = await run(
    {
      start: async ({ signal, metrics }) => {
        metrics.gauge("controller_active").set(1);
        signal.addEventListener("abort", () => {
          sawAbort = true;
        });
        return running({
          health: () => {
            stopping.abort();
            return { ok: true };
          },
        });
      },
      // The supervisor's first question is what stops this one, see `health` above.
    },
    ["--word", "w", "--health-port", String(await askSoon())],
    stopping.signal,
  );
  assert.equal(exitCode, 0);
  assert.ok(sawAbort);
});

test("runDaemon: a stop that hangs is given up after the drain time", async () => {
  const { exitCode, messages } = await run(
    { drainMs: 20, start: async () => running({ stop: () => forever }) },
    undefined,
    AbortSignal.abort(),
  );
  assert.equal(exitCode, 1);
  assert.ok(messages.includes("did not stop cleanly"));
});

test("runDaemon: a start that hangs is given up when it is asked to stop", async () => {
  const { exitCode, messages } = await run(
    { drainMs: 20, start: () => new Promise<RunningDaemon>(() => undefined) },
    undefined,
    AbortSignal.abort(),
  );
  assert.equal(exitCode, 1);
  assert.deepEqual(messages, ["could not start", "stopped"]);
});

test("runDaemon: --help prints and --check validates, without starting", async () => {
  const start = () => Promise.reject(new Error("must not start"));
  const help = await run({ start }, ["--help"]);
  assert.equal(help.exitCode, 0);
  assert.match(help.printed, /Usage: test-daemon/);
  assert.equal((await run({ start }, ["--check", "--word", "w"])).exitCode, 0);
  assert.equal((await run({ start }, ["--check"])).exitCode, 2);
});

test("runDaemon: a wrong configuration gives 2 and says what is wrong", async () => {
  const { exitCode, messages } = await run({ start: async () => running() }, ["--wrod", "w"]);
  assert.equal(exitCode, 2);
  assert.deepEqual(messages, ["the configuration is wrong"]);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`runDaemon: ${signal} drains and exits with 0`, async () => {
    const { child, logged } = await startedProcess("drain");
    child.kill(signal);
    const [exitCode] = await once(child, "exit");
    assert.equal(exitCode, 0);
    assert.ok(logged().includes('"msg":"drained"'));
  });
}

test("runDaemon: a second signal ends a drain that hangs, with 1", async () => {
  const { child, logged } = await startedProcess("hang");
  child.kill("SIGTERM");
  await until(() => logged().includes("asked to stop"));
  child.kill("SIGTERM");
  const [exitCode] = await once(child, "exit");
  assert.equal(exitCode, 1);
});

test("runDaemon: an unhandled rejection is logged and ends the process with 1", async () => {
  const { child, logged } = await startedProcess("defect");
  const [exitCode] = child.exitCode === null ? await once(child, "exit") : [child.exitCode];
  assert.equal(exitCode, 1);
  assert.ok(logged().includes("nobody caught this"));
});

async function startedProcess(behaviour: "drain" | "hang" | "defect") {
  const script = fileURLToPath(new URL("./testing/example-daemon.ts", import.meta.url));
  const child = spawn(process.execPath, [script, "--behaviour", behaviour], { stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString("utf8");
  });
  await until(() => output.includes('"msg":"ready"'));
  return { child, logged: () => output };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, "did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A free port of which /healthz is asked as soon as somebody listens there. */
async function askSoon(): Promise<number> {
  const { freePort } = await import("./ports.ts");
  const port = await freePort();
  const ask = async (): Promise<void> => {
    try {
      await fetch(`http://127.0.0.1:${port}/healthz`);
    } catch {
      setTimeout(ask, 10);
    }
  };
  void ask();
  return port;
}
