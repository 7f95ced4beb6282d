// The catalog and the workspace that the repository ships, on the real driver.
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { generateSigningKey } from "@triplane/contract";
import { readNickelFile } from "@triplane/nickel";
import { assertCasesPass, testPolicy } from "@triplane/policy";
import { CatalogFolder } from "../adapters/catalog-folder.ts";
import { parseDesiredState } from "../desired-schema.ts";
import { replicaRecordSchema } from "../drivers/process/replica-record.ts";
import { instanceSpec } from "../instance-spec.ts";
import { CATALOG, eventually, testHome } from "../testing.ts";

const WORKSPACE = join(CATALOG, "../../workspaces/libre-wuji");

/** What has no default: nobody else can say which image runs. */
const REQUIRED: Readonly<Record<string, object>> = { release: { image: `registry.example.org/web@sha256:${"0".repeat(64)}` } };

test("catalog: every component reads, and takes its defaults", async () => {
  await using home = await testHome();
  const catalog = new CatalogFolder(CATALOG, join(home.path, "releases"), join(home.path, "secrets"));
  const folders = (await readdir(CATALOG, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  assert.ok(folders.length >= 3);
  for (const component of folders) {
    const spec = await instanceSpec({ component, replicas: 1, settings: { ...REQUIRED[component] }, managedBy: "op" }, catalog);
    assert.equal(spec.component, component);
  }
});

test("libre-wuji/desired.ncl: lists only what the catalog has", async () => {
  await using home = await testHome();
  const catalog = new CatalogFolder(CATALOG, join(home.path, "releases"), join(home.path, "secrets"));
  const desired = parseDesiredState(readNickelFile(WORKSPACE, "desired.ncl"), "libre-wuji");
  for (const component of desired.components) await instanceSpec({ ...component, managedBy: "desired" }, catalog);
});

/** Values of people.ncl as Nickel text; `may` holds tags. */
function nickel(value: unknown, name = ""): string {
  if (Array.isArray(value)) return `[${value.map((item) => nickel(item, name)).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).map(([key, member]) => `${key} = ${nickel(member, key)}`);
    return `{ ${fields.join(", ")} }`;
  }
  return name === "may" ? `'${value}` : JSON.stringify(value);
}

test("libre-wuji/keeper_policy.ncl: decides its cases as they say", async () => {
  const people = readNickelFile(WORKSPACE, "people.ncl").json as Readonly<Record<string, readonly object[]>>;
  const keyed = Object.entries(people).map(([list, entries]) => {
    const holders = entries.map((entry) => ({ ...entry, keys: [generateSigningKey().did] }));
    return [list, holders] as const;
  });
  const pin = { rid: "rad:z3gqcJUoA1n9HaHKufZs5FCSGazv5", root: "0".repeat(40) };
  const read = async (name: string) => [name, await readFile(join(WORKSPACE, name), "utf8")] as const;
  const files = new Map([
    await read("keeper_policy.ncl"),
    await read("keeper_policy.test.ncl"),
    ["principals.ncl", nickel(Object.fromEntries(keyed))],
    ["pins.ncl", nickel({ pins: { desired: pin, state: pin, controller: generateSigningKey().did } })],
  ]);
  const results = testPolicy(files);
  assert.ok(results.length >= 15);
  assertCasesPass(results);
});

test("web: shows its title, escaped, and counts as healthy only when warm", async () => {
  await using home = await testHome();
  const orchestrator = await home.start({ catalogDir: CATALOG });
  const settings = { title: "<b>&", warmup_ms: 300 };
  assert.equal((await orchestrator.apply("component.deploy", "web", { component: "web", settings })).status, "applied");
  const [endpoint = ""] = await orchestrator.endpoints("web");
  assert.match(await (await fetch(endpoint)).text(), /<h1>&lt;b&gt;&amp;<\/h1>/);
  assert.equal((await fetch(`${endpoint}/healthz`)).status, 200);
  assert.equal((await fetch(`${endpoint}/nothing`)).status, 404);
  assert.equal((await fetch(endpoint, { method: "POST" })).status, 405);
  const status = (await (await fetch(`${endpoint}/status.json`)).json()) as Record<string, unknown>;
  assert.equal(status["instance"], "web");
});

test("flags: a change is a new file at once, a restart of the orchestrator changes nothing, and one replica is the most", async () => {
  await using home = await testHome();
  const flagsOf = async () => JSON.parse(await readFile(join(home.path, "files", "flags.json"), "utf8")) as Record<string, unknown>;
  const first = await home.start({ catalogDir: CATALOG });
  assert.equal((await first.apply("component.deploy", "flags", { component: "flags" })).status, "applied");
  const changed = await first.apply("component.deploy", "flags", { component: "flags", settings: { rollout_percent: 25 } });
  assert.deepEqual([changed.status, changed.state_version_after], ["applied", 2]);
  assert.deepEqual((await flagsOf())["settings"], { maintenance: false, new_checkout: false, rollout_percent: 25, banner: "" });
  await first.stop();
  const second = await home.start({ catalogDir: CATALOG });
  assert.deepEqual([await second.health("flags"), await second.version("flags")], ["healthy", 2]);
  assert.equal((await second.apply("component.scale", "flags", { replicas: 2 })).code, "args_invalid");
  assert.equal((await second.apply("component.restart", "flags", {})).status, "applied");
  assert.equal((await second.apply("component.remove", "flags", {})).status, "applied");
  assert.equal(await second.health("flags"), "stopped");
  const effects = (await readFile(join(home.path, "files", "effects.jsonl"), "utf8")).trim().split("\n");
  assert.deepEqual(
    effects.map((line) => (JSON.parse(line) as Record<string, unknown>)["action"]),
    ["write", "write", "write", "remove"],
  );
});

test("kv: what it confirmed is there after kill -9 and after a restart; removing sets the data aside", async () => {
  await using home = await testHome();
  const orchestrator = await home.start({ catalogDir: CATALOG });
  await orchestrator.apply("component.deploy", "kv", { component: "kv", settings: { max_value_bytes: 100 } });
  const [endpoint = ""] = await orchestrator.endpoints("kv");
  const put = (key: string, body: string) => fetch(`${endpoint}/v1/${key}`, { method: "PUT", body });
  assert.equal((await put("a", "one")).status, 204);
  assert.equal((await put("b", "two")).status, 204);
  assert.equal((await fetch(`${endpoint}/v1/b`, { method: "DELETE" })).status, 204);
  assert.equal((await put("c", "x".repeat(101))).status, 413);
  assert.equal((await put("..%2Fx", "x")).status, 404);

  const record = await (await home.store()).get("replicas", "kv.0");
  const { pid } = replicaRecordSchema.parse(record).process ?? { pid: 0 };
  process.kill(pid, "SIGKILL");
  const read = (key: string) => fetch(`${endpoint}/v1/${key}`).catch(() => undefined);
  await eventually("it answers again", async () => ((await read("a"))?.status === 200 ? true : undefined));
  await orchestrator.apply("component.restart", "kv", {});
  assert.equal(await (await read("a"))?.text(), "one");
  assert.equal((await read("b"))?.status, 404);

  const removed = await orchestrator.apply("component.remove", "kv", {});
  const [step] = removed.evidence["steps"] as readonly { readonly data: string }[];
  assert.match(await readFile(join(home.path, step?.data ?? "", "0", "journal.jsonl"), "utf8"), /"key":"a"/);
});

test("relay: a NATS server that greets", async () => {
  await using home = await testHome();
  const orchestrator = await home.start({ catalogDir: CATALOG });
  assert.equal((await orchestrator.apply("component.deploy", "relay", { component: "relay" })).status, "applied");
  const [endpoint = ""] = await orchestrator.endpoints("relay");
  const greeting = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(new URL(endpoint).port), "127.0.0.1");
    socket.once("data", (bytes) => {
      socket.destroy();
      resolve(bytes.toString());
    });
    socket.once("error", reject);
  });
  assert.match(greeting, /^INFO \{.*"server_name":"relay-0"/);
});

test("worker: keeps so many samples, and its heartbeat makes it healthy", async () => {
  await using home = await testHome();
  const orchestrator = await home.start({ catalogDir: CATALOG });
  const settings = { every_ms: 100, keep: 2 };
  assert.equal((await orchestrator.apply("component.deploy", "worker", { component: "worker", settings })).status, "applied");
  const folder = join(home.path, "instances/worker/0");
  assert.ok((await stat(join(folder, "heartbeat"))).isFile());
  const samples = await eventually("two samples", async () => {
    const read = JSON.parse(await readFile(join(folder, "samples.json"), "utf8")) as readonly unknown[];
    return read.length === 2 ? read : undefined;
  });
  assert.equal(samples.length, 2);
});

test("release: an image by digest becomes the file that a container runtime reads; a tag, or nothing, is refused", async () => {
  await using home = await testHome();
  const orchestrator = await home.start({ catalogDir: CATALOG });
  const deploy = (settings: object) => orchestrator.apply("component.deploy", "shop", { component: "release", settings });
  const image = `reg.example/team/shop@sha256:${"a".repeat(64)}`;
  for (const settings of [{}, { image: "reg.example/team/shop:1" }]) assert.equal((await deploy(settings)).code, "args_invalid");
  assert.equal((await deploy({ image })).status, "applied");
  const file = JSON.parse(await readFile(join(home.path, "files", "shop.json"), "utf8")) as Record<string, unknown>;
  assert.deepEqual(file["settings"], { image });
});
