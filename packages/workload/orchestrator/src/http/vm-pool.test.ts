// The vm-pool's routes over a real pool, a real store and a simulated cloud.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { FAILURES, isFailureCode, type Lease, type SpawnRequest } from "@triplane/contract";
import { createMetrics, silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { DEFAULT_SETTINGS, type PoolSettings, poolObserver, VmPool } from "@triplane/vm-pool";
import { SimulatedCloud } from "@triplane/vm-pool/testing";
import { EventRing } from "../events.ts";
import { eventually, testHome } from "../testing.ts";
import { type AppParts, createApp } from "./app.ts";
import { ROUTES, type RouteSpec } from "./routes.ts";
import { newToken, renderTokensFile, Tokens } from "./tokens.ts";

const POOL = "/api/v1/vm-pool";
const tokens = { launcher: newToken(systemRandom), watcher: newToken(systemRandom), planner: newToken(systemRandom) };
const tokensText = renderTokensFile([
  { caller: "launcher", scopes: ["vm-pool:read", "vm-pool:spawn"], token: tokens.launcher },
  { caller: "watcher", scopes: ["vm-pool:read"], token: tokens.watcher },
  { caller: "planner", scopes: ["state:read", "plan", "apply"], token: tokens.planner },
]);
const KEYS = [1, 2].map((byte) => `ssh-ed25519 ${Buffer.alloc(51, byte).toString("base64")}`);
const REQUEST = {
  build_id: "b1",
  repo: "acme/api",
  target: "",
  platform: "linux/amd64",
  tier: "cx22",
  ttl_s: 600,
  ssh_public_key: KEYS[0],
};
const NO_LEASE = `lease-${"0".repeat(32)}`;

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}
type Ask = (
  path: string,
  init?: { method?: string; body?: unknown; text?: string; token?: keyof typeof tokens | "none" },
) => Promise<Answer>;

interface PoolApi extends AsyncDisposable {
  readonly cloud: SimulatedCloud;
  readonly ask: Ask;
  spawn(more?: Partial<SpawnRequest>): Promise<Answer>;
  until(id: unknown, state: Lease["state"]): Promise<Answer>;
  metrics(): Promise<string>;
}

function asking(parts: Partial<AppParts>): Ask {
  const app = createApp({
    ...{ workspace: "w1", service: {} as AppParts["service"], events: new EventRing(1, []), tokens: Tokens.parse(tokensText, "t") },
    ...{ logger: silentLogger, metrics: createMetrics({ name: "orchestrator" }), health: () => ({ ok: true }), applyWaitMs: 20 },
    ...{ signal: new AbortController().signal, ...parts },
  });
  return async (path, { method, body, text, token = "launcher" } = {}) => {
    const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await app.request(path, {
      method: method ?? (content === undefined ? "GET" : "POST"),
      headers: token === "none" ? {} : { authorization: `Bearer ${tokens[token]}` },
      ...(content === undefined ? {} : { body: content }),
    });
    const answer = await response.text();
    return { status: response.status, body: answer === "" ? {} : JSON.parse(answer) };
  };
}

async function poolApi(more: Partial<PoolSettings> = {}): Promise<PoolApi> {
  const home = await testHome();
  const metrics = createMetrics({ name: "orchestrator" });
  const golden = { "managed-by": "triplane", golden: "current" };
  const image = { id: "golden-1", createdAtS: systemClock.nowMs() / 1000, labels: golden, platform: "linux/amd64" as const };
  const cloud = new SimulatedCloud({ clock: systemClock, bootMs: () => 0, images: [image] });
  const limits = { leases: 3, leasesPerTenant: 2, centsPerTenantMonth: undefined };
  const pool = await VmPool.start({
    ...{ provider: cloud.provider(), store: await home.store(), clock: systemClock, random: systemRandom, secret: randomBytes(32) },
    settings: { ...DEFAULT_SETTINGS, pool: "w1", limits, golden, reapEveryS: 1, orphanGraceS: 1, ...more },
    probe: async ({ host }, hostKey) => (cloud.hostKeyAt(host) === hostKey ? "ready" : "not-yet"),
    observer: poolObserver(metrics, silentLogger),
    registryAccess: ({ expiresAtS }) => ({ registry: "r:1", token: "secret-token", repositories: [], expires_at: expiresAtS }),
  });
  const ask = asking({ pool, metrics });
  return {
    ...{ cloud, ask },
    spawn: (request = {}) => ask(`${POOL}/spawn`, { body: { ...REQUEST, ...request } }),
    until: (id, state) =>
      eventually(`${id} is ${state}`, async () => {
        const answer = await ask(`${POOL}/${id}`);
        return answer.body["state"] === state ? answer : undefined;
      }),
    metrics: () => metrics.text(),
    [Symbol.asyncDispose]: async () => {
      await pool.stop();
      await home[Symbol.asyncDispose]();
    },
  };
}

function failureOf({ status, body }: Answer): string {
  assert.deepEqual(Object.keys(body), ["code", "message", "hint"], JSON.stringify(body));
  const code = String(body["code"]);
  assert.ok(isFailureCode(code));
  assert.equal(status, FAILURES[code].httpStatus);
  return code;
}

/** Every route of the pool, as a request that has its shape. */
const REQUESTS = (Object.values(ROUTES) as readonly RouteSpec[])
  .filter(({ path }) => path.startsWith(POOL))
  .map(({ method, path, scope }) => ({ path: path.replace("{lease_id}", NO_LEASE), scope, init: { method: method.toUpperCase() } }));

test("vm-pool routes: without a token unauthorized, without the scope forbidden, and reading does not let anybody spawn or release", async () => {
  const ask = asking({});
  assert.equal(REQUESTS.length, 7);
  for (const { path, scope, init } of REQUESTS) {
    assert.equal(failureOf(await ask(path, { ...init, token: "none" })), "unauthorized", path);
    assert.equal(failureOf(await ask(path, { ...init, token: "planner" })), "forbidden", path);
    const reads = failureOf(await ask(path, { ...init, token: "watcher" }));
    assert.equal(reads === "forbidden", scope === "vm-pool:spawn", `${init.method} ${path}: ${reads}`);
  }
});

test("vm-pool routes: an orchestrator without a provider says pool_off", async () => {
  const ask = asking({});
  assert.equal(failureOf(await ask(POOL)), "pool_off");
  assert.equal(failureOf(await ask(`${POOL}/spawn`, { body: REQUEST })), "pool_off");
  assert.equal(failureOf(await ask(`${POOL}/${NO_LEASE}`, { method: "DELETE" })), "pool_off");
});

test("spawn, get, heartbeat, delete: a lease from its request to its end", async () => {
  await using api = await poolApi();
  const made = await api.spawn();
  assert.deepEqual([made.status, made.body["state"], made.body["registry_access"]], [201, "creating", undefined]);
  const id = made.body["lease_id"];
  const again = await api.spawn();
  assert.deepEqual([again.status, again.body["lease_id"]], [200, id], "the same build id is the same lease");
  const ready = await api.until(id, "ready");
  assert.match(String(ready.body["host_key"]), /^ssh-ed25519 /);
  assert.equal((ready.body["registry_access"] as { readonly token: string }).token, "secret-token");
  for (const path of [`${POOL}/${id}`, POOL]) {
    const seen = await api.ask(path, { token: "watcher" });
    assert.equal(seen.status, 200);
    assert.ok(!JSON.stringify(seen.body).includes("secret-token"), "whoever only reads gets no token");
  }
  assert.equal((await api.ask(`${POOL}/${id}/heartbeat`, { method: "POST" })).body["state"], "ready");
  assert.equal((await api.ask(`${POOL}/${id}`, { method: "DELETE" })).status, 200);
  const gone = await api.until(id, "gone");
  assert.deepEqual([gone.body["code"], gone.body["host"], typeof gone.body["cost_cents"]], [undefined, undefined, "number"]);
  for (const method of ["DELETE", "GET"]) assert.equal((await api.ask(`${POOL}/${id}`, { method })).body["state"], "gone");
  assert.equal((await api.ask(`${POOL}/${id}/heartbeat`, { method: "POST" })).body["state"], "gone");
  assert.deepEqual((await api.ask(POOL)).body, { leases: [], orphans: 0 });
  assert.deepEqual(api.cloud.machines, []);
});

test("spawn: two launchers with one build id: the second, with a key of its own, is told build_id_taken", async () => {
  await using api = await poolApi();
  await api.spawn();
  assert.equal(failureOf(await api.spawn({ ssh_public_key: KEYS[1] ?? "" })), "build_id_taken");
  assert.equal(failureOf(await api.spawn({ may_pull: ["images/acme/base"] })), "build_id_taken");
  const both = await Promise.all([api.spawn({ build_id: "b2" }), api.spawn({ build_id: "b2", ssh_public_key: KEYS[1] ?? "" })]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [201, 409]);
});

test("spawn: limits, sizes and retries are refused in the table's words", async () => {
  await using api = await poolApi();
  assert.equal(failureOf(await api.spawn({ platform: "linux/arm64" })), "golden_image_missing");
  await api.spawn({ tier: "cx22" });
  const retry = { build_id: "b2", retry_of: "b1" } as const;
  assert.equal(failureOf(await api.spawn({ ...retry, tier: "cx22" })), "retry_refused");
  assert.equal(failureOf(await api.spawn({ ...retry, retry_of: "b9", tier: "cx32" })), "retry_refused");
  assert.equal((await api.spawn({ ...retry, tier: "cx32" })).status, 201);
  assert.equal(failureOf(await api.spawn({ ...retry, build_id: "b3", tier: "cx32" })), "retry_refused");
  assert.equal(failureOf(await api.spawn({ build_id: "b4" })), "pool_full", "two of one tenant");
  assert.equal((await api.spawn({ build_id: "b4", tenant: "other" })).status, 201);
  assert.equal(failureOf(await api.spawn({ build_id: "b5", tenant: "third" })), "pool_full", "three in all");
});

test("metrics, sizing: the first report of a lease stays, its time is no later than now, and a retry needs its word of oom", async () => {
  await using api = await poolApi();
  const id = (await api.spawn()).body["lease_id"];
  const seconds = { queued: 0, booting: 1.5, context: 0.2, build: 10, push: 1, cache: 0 };
  const report = {
    ...{ repo: "acme/api", target: "", platform: "linux/amd64", build_id: "b1", lease_id: id, tier: "cx22", outcome: "built" },
    ...{ peak_memory_mib: 1000.4, oom_kills: 0, seconds, cached_steps: 1, steps: 5, finished_at: 9_999_999_999 },
  };
  const send = (more: object) => api.ask(`${POOL}/metrics`, { body: { ...report, ...more } });
  assert.equal((await send({})).status, 204);
  assert.equal((await send({ outcome: "oom" })).status, 204);
  const sizing = await api.ask(`${POOL}/sizing?repo=acme/api&target=&platform=linux/amd64&language=go`);
  const [sample, ...others] = sizing.body["samples"] as readonly { readonly finished_at: number; readonly peak_memory_mib: number }[];
  assert.deepEqual([sizing.body["tier"], sizing.body["source"], others, sample?.peak_memory_mib], ["cx32", "language", [], 1001]);
  assert.ok((sample?.finished_at ?? 0) <= systemClock.nowMs() / 1000);
  assert.equal(failureOf(await send({ build_id: "b7" })), "request_invalid", "a lease of another build");
  assert.equal(failureOf(await send({ lease_id: NO_LEASE })), "lease_unknown");
  for (const bad of [{ peak_memory_mib: -1 }, { peak_memory_mib: 1e300 }, { seconds: { ...seconds, build: 1e9 } }, { outcome: "fine" }])
    assert.equal(failureOf(await send(bad)), "request_invalid", JSON.stringify(bad));
  assert.equal(failureOf(await api.spawn({ build_id: "b2", retry_of: "b1", tier: "cx32" })), "retry_refused", "it was built");
});

test("vm-pool routes: what has not its shape is request_invalid and makes nothing", async () => {
  await using api = await poolApi();
  const bad: readonly object[] = [
    ...[{ build_id: "../x" }, { build_id: "" }, { repo: "Acme/API" }, { repo: "a//b" }, { repo: "../x" }, { target: "a b" }],
    ...[{ tier: "cx99" }, { ttl_s: 59 }, { ttl_s: 90_000 }, { ttl_s: 60.5 }, { tenant: "A" }, { platform: "windows/amd64" }],
    ...[
      { ssh_public_key: "ssh-rsa AAAA" },
      { ssh_public_key: `${KEYS[0]}\nssh-ed25519 AAAA` },
      { ssh_public_key: `command="x" ${KEYS[0]}` },
    ],
    ...[{ may_pull: ["golden/runner"] }, { may_pull: ["images/../golden"] }, { may_pull: Array(17).fill("images/a") }, { more: 1 }],
  ];
  for (const each of bad)
    assert.equal(failureOf(await api.ask(`${POOL}/spawn`, { body: { ...REQUEST, ...each } })), "request_invalid", JSON.stringify(each));
  for (const text of ["", "{", "[]", '{"build_id":"a","build_id":"b"}'])
    assert.equal(failureOf(await api.ask(`${POOL}/spawn`, { text, method: "POST" })), "request_invalid", text);
  for (const id of ["lease-1", "..%2Fspawn", `LEASE-${"0".repeat(32)}`])
    for (const method of ["GET", "DELETE"]) assert.equal(failureOf(await api.ask(`${POOL}/${id}`, { method })), "request_invalid", id);
  for (const method of ["GET", "DELETE"]) assert.equal(failureOf(await api.ask(`${POOL}/${NO_LEASE}`, { method })), "lease_unknown");
  for (const query of ["", "?repo=acme/api", "?repo=acme/api&target=&platform=linux/amd64&language=cobol"])
    assert.equal(failureOf(await api.ask(`${POOL}/sizing${query}`)), "request_invalid", query);
  assert.deepEqual((await api.ask(POOL)).body["leases"], []);
  assert.equal(api.cloud.history.length, 0);
});

test("runner-always-destroyed: /metrics has runners by label, and how many are beside those of live leases: 0 when all is well", async () => {
  await using api = await poolApi();
  const id = (await api.spawn()).body["lease_id"];
  await api.until(id, "ready");
  const value = async (name: string): Promise<number> =>
    Number(new RegExp(`^\\w*${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(await api.metrics())?.[1]);
  await eventually("the reaper saw it", async () => (await value("vm_pool_runners")) === 1 || undefined);
  assert.equal(await value("vm_pool_orphans"), 0);
  assert.match(await api.metrics(), /vm_pool_leases\{[^}]*state="ready"[^}]*\} 1/);
  const labels = api.cloud.machines[0]?.labels;
  assert.ok(labels !== undefined);
  const left = `lease-${"a".repeat(32)}`;
  await api.cloud.provider().create(
    {
      ...{ name: left, labels: { ...labels, lease: left }, image: "golden-1", authorizedKey: "", deadManAtS: 0 },
      offer: { type: "s2", location: "a", cpus: 2, memoryMib: 4096, platform: "linux/amd64", centsPerHour: 1 },
      hostKey: { private: "", public: "" },
    },
    new AbortController().signal,
  );
  await eventually("the reaper saw the one that no lease knows", async () => (await value("vm_pool_orphans")) === 1 || undefined);
  await eventually("the reaper destroyed it", async () => api.cloud.machines.length === 1 || undefined);
  await eventually("it says so", async () => (await value("vm_pool_orphans")) === 0 || undefined);
  assert.equal((await api.ask(`${POOL}/${id}`)).body["state"], "ready");
});
