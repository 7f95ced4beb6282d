import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { API, eventually, type TestHome, type TestOrchestrator, testHome } from "../../testing.ts";
import { startOf } from "./process-table.ts";

const probe = (settings: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({ component: "probe", settings, ...more });

async function pids(orchestrator: TestOrchestrator, target: string): Promise<number[]> {
  const found: number[] = [];
  for (const endpoint of await orchestrator.endpoints(target)) {
    const { pid } = (await (await fetch(endpoint)).json()) as { readonly pid: number };
    found.push(pid);
  }
  return found;
}

async function starts(home: TestHome, target: string, replica = 0): Promise<readonly string[]> {
  return (await readFile(join(home.path, "instances", target, String(replica), "starts.log"), "utf8")).trim().split("\n");
}

async function goneOf(processes: readonly number[]): Promise<boolean> {
  return (await Promise.all(processes.map(startOf))).every((start) => start === undefined);
}

/** Processes of any orchestrator that run in a folder of this home. */
function leftIn(home: TestHome): readonly string[] {
  const listed = execFileSync("ps", ["-axww", "-o", "pid=,command="], { encoding: "utf8" });
  return listed.split("\n").filter((line) => line.includes(home.path));
}

test("deploy, scale, remove: real processes come, answer their health check, and leave nothing behind", async () => {
  await using home = await testHome();
  const orchestrator = await home.start();
  const deployed = await orchestrator.apply("component.deploy", "p", probe());
  assert.deepEqual([deployed.status, deployed.state_version_after], ["applied", 1]);
  assert.equal(await orchestrator.health("p"), "healthy");
  const [first = 0] = await pids(orchestrator, "p");

  await orchestrator.apply("component.scale", "p", { replicas: 3 });
  const three = await pids(orchestrator, "p");
  assert.equal(new Set(three).size, 3);
  assert.equal(three[0], first);

  await orchestrator.apply("component.scale", "p", { replicas: 1 });
  assert.deepEqual(await pids(orchestrator, "p"), [first]);
  assert.ok(await goneOf(three.slice(1)));

  const removed = await orchestrator.apply("component.remove", "p", {});
  assert.deepEqual([removed.status, removed.state_version_after], ["applied", 4]);
  assert.deepEqual(leftIn(home), []);
  assert.equal(await orchestrator.health("p"), "stopped");
  const [step] = removed.evidence["steps"] as readonly { readonly data: string }[];
  assert.ok((await stat(join(home.path, step?.data ?? "", "0", "starts.log"))).isFile());
});

test("restart: every process is a new one, on the port it had", async () => {
  await using home = await testHome();
  const orchestrator = await home.start();
  await orchestrator.apply("component.deploy", "p", probe({}, { replicas: 2 }));
  const [pidsBefore, endpointsBefore] = [await pids(orchestrator, "p"), await orchestrator.endpoints("p")];
  await orchestrator.apply("component.restart", "p", {});
  assert.deepEqual(await orchestrator.endpoints("p"), endpointsBefore);
  assert.ok((await pids(orchestrator, "p")).every((pid) => !pidsBefore.includes(pid)));
});

test("deploy: a program that ends, or never is healthy, fails with evidence and leaves nothing", async () => {
  await using home = await testHome();
  const orchestrator = await home.start();
  const ended = await orchestrator.apply("component.deploy", "p", probe({ mode: "exits" }));
  assert.deepEqual([ended.status, ended.code, ended.state_version_after], ["failed", "apply_failed", 0]);
  const [step] = ended.evidence["steps"] as readonly Record<string, unknown>[];
  assert.deepEqual([step?.["reason"], step?.["exit_code"], step?.["rollback"]], ["exit", 3, "removed"]);
  assert.match(String(step?.["log_digest"]), /^sha256:/);
  assert.ok(!JSON.stringify(ended.evidence).includes("starts in mode"), "log lines stay out of the ledger");
  assert.deepEqual(leftIn(home), []);

  const sick = await orchestrator.apply("component.deploy", "p", probe({ mode: "sick" }));
  const [sickStep] = sick.evidence["steps"] as readonly Record<string, unknown>[];
  assert.deepEqual([sick.status, sickStep?.["reason"], sickStep?.["health_error"]], ["failed", "start-timeout", "answers with status 503"]);
  assert.deepEqual(leftIn(home), []);
});

test("update: what cannot start goes back to what ran before", async () => {
  await using home = await testHome();
  const orchestrator = await home.start();
  await orchestrator.apply("component.deploy", "p", probe({ mode: "well" }, { replicas: 2 }));
  const endpoints = await orchestrator.endpoints("p");
  const failed = await orchestrator.apply("component.deploy", "p", probe({ mode: "exits" }));
  const [step] = failed.evidence["steps"] as readonly Record<string, unknown>[];
  assert.deepEqual([failed.status, failed.state_version_after, step?.["rollback"]], ["failed", 1, "restored"]);
  assert.deepEqual(await orchestrator.endpoints("p"), endpoints);
  assert.equal(await orchestrator.health("p"), "healthy");
  assert.equal((await pids(orchestrator, "p")).length, 2);
});

test("supervision: a process that ends is started again, until the policy's end", async () => {
  await using home = await testHome();
  const orchestrator = await home.start();
  await orchestrator.apply("component.deploy", "p", probe());
  const [endpoint = ""] = await orchestrator.endpoints("p");
  for (let crash = 1; crash <= 3; crash += 1) {
    await fetch(`${endpoint}/crash`).catch(() => undefined);
    await eventually("a new start", async () => (await starts(home, "p")).length === crash + 1 || undefined);
    await eventually("healthy again", async () => (await orchestrator.health("p")) === "healthy" || undefined);
  }
  await fetch(`${endpoint}/crash`).catch(() => undefined);
  await eventually("given up", async () => (await orchestrator.health("p")) === "unhealthy" || undefined);
  assert.equal((await starts(home, "p")).length, 4);
  assert.equal((await orchestrator.apply("component.restart", "p", {})).status, "applied");
  assert.equal(await orchestrator.health("p"), "healthy");
});

test("stop: a process that ignores its signal, and what it started outside its group, is ended", async () => {
  await using home = await testHome();
  const orchestrator = await home.start();
  await orchestrator.apply("component.deploy", "p", probe({ mode: "deaf" }));
  const child = Number(await readFile(join(home.path, "instances", "p", "0", "children.log"), "utf8"));
  const all = [child, ...(await pids(orchestrator, "p"))];
  assert.ok(!(await goneOf(all)));
  await orchestrator.apply("component.remove", "p", {});
  assert.ok(await goneOf(all));
});

test("environment: secrets of the orchestrator do not reach a component", async () => {
  await using home = await testHome();
  process.env["TRIPLANE_TEST_SECRET"] = "hush";
  process.env["TRIPLANE_TEST_PASSED_ON"] = "yes";
  const orchestrator = await home.start();
  await orchestrator.apply("component.deploy", "p", probe());
  const [endpoint = ""] = await orchestrator.endpoints("p");
  const seen = (await (await fetch(`${endpoint}/env`)).json()) as Record<string, string>;
  const known = Object.keys(seen).filter((name) => name.startsWith("TRIPLANE_"));
  assert.deepEqual(known.sort(), ["TRIPLANE_INSTANCE", "TRIPLANE_REPLICA", "TRIPLANE_TEST_PASSED_ON"]);
  for (const name of ["PATH", "HOME", "NODE_OPTIONS"]) assert.equal(seen[name], undefined);
});

test("logs: stay within their limit", async () => {
  await using home = await testHome();
  const orchestrator = await home.start();
  await orchestrator.apply("component.deploy", "p", probe());
  const [endpoint = ""] = await orchestrator.endpoints("p");
  await fetch(`${endpoint}/shout`);
  await eventually("rotation", () => stat(join(home.path, "logs", "p.0.log.1")).catch(() => undefined));
  // It is copied before it is cut off.
  await eventually("the limit", async () => ((await stat(join(home.path, "logs", "p.0.log"))).size <= 4096 ? true : undefined));
});

test("a new orchestrator: finds the processes of the last one, starts what ended meanwhile, and kills nobody else", async () => {
  await using home = await testHome();
  const first = await home.start();
  await first.apply("component.deploy", "p", probe({}, { replicas: 2 }));
  const [kept = 0, lost = 0] = await pids(first, "p");
  const endpoints = await first.endpoints("p");
  await first.stop();
  assert.ok(!(await goneOf([kept, lost])), "components go on without their orchestrator");
  process.kill(lost, "SIGKILL");

  const second = await home.start();
  await eventually("both healthy", async () => (await second.health("p")) === "healthy" || undefined);
  assert.deepEqual(await second.endpoints("p"), endpoints);
  const now = await pids(second, "p");
  assert.equal(now[0], kept);
  assert.notEqual(now[1], lost);
  assert.equal(await second.version("p"), 1);
});

test("stopComponents: with the toggle everything ends with the orchestrator, and comes back with the next", async () => {
  await using home = await testHome();
  const first = await home.start({ stopComponents: true });
  await first.apply("component.deploy", "p", probe());
  await first.stop();
  assert.deepEqual(leftIn(home), []);
  const second = await home.start();
  await eventually("healthy again", async () => (await second.health("p")) === "healthy" || undefined);
});

test("events: tell the story of an instance in order", async () => {
  await using home = await testHome();
  const orchestrator = await home.start();
  await orchestrator.apply("component.deploy", "p", probe({ mode: "exits" }));
  const types = await eventually("events", async () => {
    const stored = await (await home.store()).list("events", { orderBy: "id" });
    const seen = stored.flatMap(({ document }) => document["events"] as { readonly type: string }[]).map(({ type }) => type);
    return seen.includes("op.finished") ? seen : undefined;
  });
  assert.deepEqual(types, ["op.accepted", "replica.started", "replica.exited", "op.finished"]);
  assert.equal((await orchestrator.request(`${API}/targets/p`)).json["version"], 0);
});
