import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { TriplaneError } from "@triplane/contract";
import { freePort, silentLogger, sleep, systemRandom } from "@triplane/kit";
import { askHealth } from "./health.ts";
import { identifyProcess, isRunning, signalProcess } from "./process-identity.ts";
import { childEnvironment, type ProcessSpec } from "./process-spec.ts";
import { openRunFolder } from "./records.ts";
import { type SupervisorOptions, supervise } from "./supervisor.ts";

// A real process that answers its health check; it ignores SIGTERM when asked to be stubborn.
const SERVER = `
const [port, stubborn] = process.argv.slice(2);
if (stubborn === "stubborn") process.on("SIGTERM", () => {});
require("node:http").createServer((_, response) => response.end('{"ok":true}')).listen(Number(port), "127.0.0.1");
`;

let folder: string;
const stopping = { controller: new AbortController() };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "triplane-supervisor-"));
  await writeFile(join(folder, "server.cjs"), SERVER);
  stopping.controller = new AbortController();
});
afterEach(async () => {
  stopping.controller.abort();
  await rm(folder, { recursive: true, force: true });
});

function spec(name: string, port: number, ...args: readonly string[]): ProcessSpec {
  return {
    name,
    plane: "workload",
    argv: [process.execPath, join(folder, "server.cjs"), String(port), ...args],
    healthUrl: `http://127.0.0.1:${port}/healthz`,
    log: join(folder, "logs", `${name}.log`),
  };
}

function options(stages: readonly (readonly ProcessSpec[])[], onReady: () => void): SupervisorOptions {
  return {
    stages,
    runFolder: openRunFolder(join(folder, "run")),
    env: childEnvironment(process.env),
    cwd: folder,
    logger: silentLogger,
    random: systemRandom,
    signal: stopping.controller.signal,
    readyTimeoutMs: 10_000,
    graceMs: 500,
    onReady: async () => onReady(),
  };
}

async function until(check: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!(await check())) {
    assert.ok(performance.now() < deadlineMs, "the condition did not come true");
    await sleep(20);
  }
}

describe("supervise", () => {
  it("starts stages in order, records each process, and leaves nothing behind", async () => {
    const order: string[] = [];
    const [first, second] = [spec("first", await freePort()), spec("second", await freePort())];
    const ready = Promise.withResolvers<void>();
    const noted = (each: ProcessSpec): ProcessSpec => ({ ...each, afterReady: async () => void order.push(each.name) });
    const plan = options([[noted(first)], [noted(second)]], ready.resolve);
    const running = supervise(plan);
    await ready.promise;
    assert.deepEqual(order, ["first", "second"]);
    const records = await plan.runFolder.processes();
    assert.deepEqual(
      records.map((record) => record.name),
      ["first", "second"],
    );
    stopping.controller.abort();
    await running;
    assert.deepEqual(await plan.runFolder.processes(), []);
    for (const record of records) assert.equal(await isRunning(record.process), false);
  });

  it("starts a killed process again and counts it", async () => {
    const ready = Promise.withResolvers<void>();
    const plan = options([[spec("only", await freePort())]], ready.resolve);
    const running = supervise(plan);
    await ready.promise;
    const [before] = await plan.runFolder.processes();
    assert.ok(before !== undefined);
    assert.equal(await signalProcess(before.process, "SIGKILL"), true);
    await until(async () => {
      const [now] = await plan.runFolder.processes();
      return now !== undefined && now.restarts === 1 && (await askHealth(now.healthUrl ?? "")).ok;
    });
    stopping.controller.abort();
    await running;
  });

  it("kills a process that does not end when asked", async () => {
    const ready = Promise.withResolvers<void>();
    const plan = options([[spec("stubborn", await freePort(), "stubborn")]], ready.resolve);
    const running = supervise(plan);
    await ready.promise;
    const [record] = await plan.runFolder.processes();
    assert.ok(record !== undefined);
    stopping.controller.abort();
    await running;
    assert.equal(await isRunning(record.process), false);
  });

  it("fails with the end of the log when a process ends before it is healthy, and stops what had started", async () => {
    const good = spec("good", await freePort());
    const bad: ProcessSpec = { ...spec("bad", 1), argv: [process.execPath, "-e", "console.error('the reason'); process.exit(3)"] };
    const plan = options([[good], [bad]], () => assert.fail("it cannot be ready"));
    await assert.rejects(supervise(plan), (error: TriplaneError) => {
      assert.equal(error.code, "start_failed");
      assert.match(error.message, /bad ended with 3[\s\S]*the reason/);
      return true;
    });
    assert.deepEqual(await plan.runFolder.processes(), []);
    assert.equal((await askHealth(good.healthUrl)).ok, false);
    assert.match(await readFile(bad.log, "utf8"), /the reason/);
  });
});

describe("identifyProcess", () => {
  it("tells this process from one that never was", async () => {
    const self = await identifyProcess(process.pid);
    assert.ok(self !== undefined);
    assert.equal(await isRunning(self), true);
    assert.equal(await isRunning({ pid: process.pid, startedAt: "another time" }), false);
    assert.equal(await signalProcess({ pid: process.pid, startedAt: "another time" }, "SIGKILL"), false);
  });
});
