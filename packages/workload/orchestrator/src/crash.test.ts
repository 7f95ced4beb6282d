// The orchestrator as a process of its own, killed in the middle of its work.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type ApplyResult, digestOf } from "@triplane/contract";
import { freePort } from "@triplane/kit";
import { startOf } from "./drivers/process/process-table.ts";
import { API, client, eventually, FIXTURES, newJti, type TestClient, testHome, writeTokens } from "./testing.ts";

const MAIN = join(import.meta.dirname, "main.ts");

interface Daemon extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly api: TestClient;
}

interface Place {
  readonly path: string;
  readonly port: number;
  readonly token: string;
}

function flags({ path, port }: Place): readonly string[] {
  const tokensFile = join(path, "tokens.json");
  return ["--workspace", "w1", "--port", String(port), "--data-dir", path, "--catalog-dir", FIXTURES, "--tokens-file", tokensFile];
}

async function place(path: string): Promise<Place> {
  const { all } = await writeTokens(join(path, "tokens.json"), { all: ["state:read", "plan", "apply"] });
  return { path, port: await freePort(), token: all };
}

async function daemon(where: Place): Promise<Daemon> {
  const child = spawn(process.execPath, [MAIN, ...flags(where), "--apply-wait-ms", "60000"], { stdio: ["ignore", "ignore", "inherit"] });
  const api = client(where.port, where.token);
  await eventually("the API listens", () =>
    api.request(API).then(
      ({ status }) => status === 200 || undefined,
      () => undefined,
    ),
  );
  return { child, api, [Symbol.asyncDispose]: () => kill(child) };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

/** What `triplane down` calls: ends components without starting an orchestrator. */
async function stopAll(where: Place): Promise<number | null> {
  const child = spawn(process.execPath, [MAIN, ...flags(where), "--stop-all"], { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  return code;
}

async function starts(path: string): Promise<readonly string[]> {
  const text = await readFile(join(path, "instances", "p", "0", "starts.log"), "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}

test("kill -9 in the middle of an apply: one effect, one version, one result after the restart (applied-once)", async () => {
  await using home = await testHome();
  const where = await place(home.path);
  const jti = newJti();
  const args = { component: "probe", settings: { after_ms: 3000 } };
  const body = { fence: 1, jti, op_digest: digestOf(jti), op: "component.deploy", target: "p", args, expected_state_version: 0 };
  try {
    {
      await using first = await daemon(where);
      const lost = first.api.request(`${API}/ops`, { method: "POST", body }).catch(() => undefined);
      await eventually("the process was started", async () => (await starts(home.path)).length === 1 || undefined);
      assert.equal((await first.api.request(`${API}/ops/${jti}`)).json["status"], "running");
      await kill(first.child);
      await lost;
    }
    await using second = await daemon(where);
    const result = (await second.api.request(`${API}/ops`, { method: "POST", body })).json as unknown as ApplyResult;
    assert.deepEqual([result.status, result.state_version_before, result.state_version_after], ["applied", 0, 1]);
    assert.deepEqual((await second.api.request(`${API}/ops/${jti}`)).json, result);
    assert.equal((await starts(home.path)).length, 1, "the process that was started before the crash is the one that runs");
    assert.equal((await second.api.request(API)).json["revision"], 1);
  } finally {
    assert.equal(await stopAll(where), 0);
  }
  const [pid] = await starts(home.path);
  assert.equal(await startOf(Number(pid)), undefined);
});

test("kill -9 in the middle of a restart, again and again: each process is replaced once, and the version grows once", async () => {
  await using home = await testHome();
  const where = await place(home.path);
  const jti = newJti();
  const body = { fence: 1, jti, op_digest: digestOf(jti), op: "component.restart", target: "p", args: {}, expected_state_version: 1 };
  try {
    {
      await using first = await daemon(where);
      await first.api.apply("component.deploy", "p", { component: "probe", settings: { after_ms: 600 } });
      first.api.request(`${API}/ops`, { method: "POST", body }).catch(() => undefined);
      await eventually("the new process was started", async () => (await starts(home.path)).length === 2 || undefined);
    }
    for (let crash = 0; crash < 2; crash += 1) {
      await using _next = await daemon(where);
    }
    await using last = await daemon(where);
    const result = (await last.api.request(`${API}/ops`, { method: "POST", body })).json as unknown as ApplyResult;
    assert.deepEqual([result.status, result.state_version_before, result.state_version_after], ["applied", 1, 2]);
    assert.equal((await starts(home.path)).length, 2);
    assert.equal(await last.api.version("p"), 2);
  } finally {
    assert.equal(await stopAll(where), 0);
  }
});

test("SIGTERM in the middle of an apply: the orchestrator ends in time, and the next one finishes the op", async () => {
  await using home = await testHome();
  const where = await place(home.path);
  try {
    const jti = newJti();
    {
      await using first = await daemon(where);
      const args = { component: "probe", settings: { after_ms: 2000 } };
      first.api.apply("component.deploy", "p", args, { jti, expected_state_version: 0 }).catch(() => undefined);
      await eventually("the process was started", async () => (await starts(home.path)).length === 1 || undefined);
      const exited = once(first.child, "exit");
      first.child.kill("SIGTERM");
      assert.deepEqual(await exited, [0, null]);
    }
    await using second = await daemon(where);
    const finished = await eventually("the op is finished", async () => {
      const { json } = await second.api.request(`${API}/ops/${jti}`);
      return json["status"] === "running" ? undefined : json;
    });
    assert.deepEqual([finished["status"], finished["state_version_after"]], ["applied", 1]);
    assert.equal((await starts(home.path)).length, 1);
  } finally {
    assert.equal(await stopAll(where), 0);
  }
});
