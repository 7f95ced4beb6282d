// The gateway over HTTP, without a registry behind it: tokens, protocol errors, and what needs no registry.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { generateSigningKey, type Lease, nowSeconds } from "@triplane/contract";
import { createMetrics, noTracer, silentLogger, systemClock, systemRandom, writeKeyFile } from "@triplane/kit";
import { tempDir } from "@triplane/testkit";
import { poolLeases } from "../adapters/pool-leases.ts";
import { CONFIG } from "../config.ts";
import { runRegistryGateway } from "../main.ts";
import { startGateway } from "../run.ts";
import { fakePool } from "../testing/fake-pool.ts";
import { newSecret, renderCredentials } from "../tokens/credentials.ts";
import { issueRegistryAccess } from "../tokens/issue.ts";
import type { Issuer } from "../tokens/registry-token.ts";

const LEASE = `lease-${"d".repeat(32)}`;

async function place() {
  const folder = await tempDir("gateway");
  const key = generateSigningKey();
  const secret = newSecret(systemRandom);
  await writeKeyFile(join(folder.path, "key.json"), key);
  await writeFile(join(folder.path, "credentials.json"), renderCredentials([{ name: "ci", role: "woodpecker", secret }]));
  const pool = await fakePool();
  const stopping = new AbortController();
  const config = {
    ...{
      host: "127.0.0.1",
      port: 0,
      origin: "http://registry.test:5000",
      zotUrl: "http://127.0.0.1:1",
      previousKeys: [],
      issuer: "triplane",
    },
    ...{
      keyFile: join(folder.path, "key.json"),
      publicKeyFile: join(folder.path, "key.pem"),
      credentialsFile: join(folder.path, "credentials.json"),
    },
    ...{ orchestratorUrl: pool.url, orchestratorToken: pool.token, leaseBelievedMs: 0, sccacheDir: join(folder.path, "sccache") },
    ...{ sccacheMaxBytes: 1_000_000, sccacheMaxObjectBytes: 1000, maxBlobBytes: 1000, maxCrateBytes: 1000, tokenLifetimeS: 60 },
    ...{ logLevel: "error" as const, healthPort: undefined, healthHost: "127.0.0.1", otlpEndpoint: undefined },
  };
  const metrics = createMetrics({ name: "registry-gateway" });
  const running = await startGateway({
    config,
    logger: silentLogger,
    signal: stopping.signal,
    clock: systemClock,
    random: systemRandom,
    metrics,
    tracer: noTracer,
  });
  const issuer: Issuer = { key, previousKeys: [], issuer: "triplane", registry: "registry.test:5000" };
  return {
    ...{ url: `http://127.0.0.1:${running.port}`, issuer, secret, pool, folder: folder.path, metrics },
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await running.stop();
      await pool[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const basic = (username: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
});

test("/v2/: without a token the answer says where to get one, in the specification's form", async () => {
  await using gateway = await place();
  const answer = await fetch(`${gateway.url}/v2/images/acme/api/tags/list`);
  assert.equal(answer.status, 401);
  const challenge = 'Bearer realm="http://registry.test:5000/token",service="registry.test:5000",scope="repository:images/acme/api:pull"';
  assert.equal(answer.headers.get("www-authenticate"), challenge);
  const body = (await answer.json()) as { readonly errors: readonly { readonly code: string }[] };
  assert.equal(body.errors[0]?.code, "UNAUTHORIZED");
  const push = await fetch(`${gateway.url}/v2/images/acme/api/blobs/uploads/?mount=sha256:${"a".repeat(64)}&from=images/acme/base`, {
    method: "POST",
  });
  assert.match(
    push.headers.get("www-authenticate") ?? "",
    /scope="repository:images\/acme\/api:pull,push repository:images\/acme\/base:pull"$/,
  );
});

test("/token: GET with Basic and POST with a form give the same kind of token; wrong credentials give none", async () => {
  await using gateway = await place();
  const query = "service=registry.test:5000&scope=repository:images/a:pull,push";
  const got = await fetch(`${gateway.url}/token?${query}`, { headers: basic("ci", gateway.secret) });
  assert.deepEqual([got.status, got.headers.get("cache-control")], [200, "no-store"]);
  const form = new URLSearchParams({
    grant_type: "password",
    service: "registry.test:5000",
    scope: "repository:images/a:pull",
    username: "ci",
    password: gateway.secret,
  });
  const posted = await fetch(`${gateway.url}/token`, { method: "POST", body: form });
  for (const answer of [got, posted]) {
    const body = (await answer.json()) as { readonly token: string; readonly expires_in: number };
    assert.equal(body.expires_in, 60);
    // zot is not there, but the token is taken: it is asked, and does not answer.
    assert.equal((await fetch(`${gateway.url}/v2/`, { headers: { authorization: `Bearer ${body.token}` } })).status, 503);
  }
  for (const headers of [{}, basic("ci", "wrong"), basic("other", gateway.secret)]) {
    const refused = await fetch(`${gateway.url}/token?${query}`, { headers });
    assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [401, 'Basic realm="registry.test:5000"']);
  }
  assert.equal((await fetch(`${gateway.url}/token?service=elsewhere`, { headers: basic("ci", gateway.secret) })).status, 400);
  assert.equal(
    (await fetch(`${gateway.url}/token`, { method: "POST", body: new URLSearchParams({ grant_type: "refresh_token" }) })).status,
    400,
  );
  assert.equal((await fetch(`${gateway.url}/token`, { method: "POST", body: "x".repeat(40_000) })).status, 413);
  const metrics = await gateway.metrics.text();
  assert.match(metrics, /registry_tokens_total\{outcome="issued".*\} 2/);
  assert.ok(!metrics.includes(gateway.secret));
});

test("a runner's token counts while the pool says that its lease stands; a pool that is away is 503, not a yes", async () => {
  await using gateway = await place();
  const nowS = nowSeconds(systemClock);
  const { token } = issueRegistryAccess(gateway.issuer, { leaseId: LEASE, repo: "acme/api", nowS, expiresAtS: nowS + 60 });
  const ask = async (): Promise<number> => (await fetch(`${gateway.url}/token`, { headers: basic(LEASE, token) })).status;
  gateway.pool.say(LEASE, "ready");
  assert.equal(await ask(), 200);
  gateway.pool.breakDown();
  assert.equal(await ask(), 503);
  gateway.pool.say(LEASE, "releasing");
  assert.equal(await ask(), 401);
  gateway.pool.say(LEASE, "ready");
  // What is gone does not come back.
  assert.equal(await ask(), 401);
});

test("poolLeases: a lease stands in three states, a lease that nobody knows is gone, and anything else is no answer", async () => {
  await using pool = await fakePool();
  const stands = poolLeases({ url: pool.url, token: pool.token });
  const expected: Readonly<Record<Lease["state"], boolean>> = {
    creating: true,
    booting: true,
    ready: true,
    releasing: false,
    gone: false,
    failed: false,
  };
  for (const [state, isStanding] of Object.entries(expected)) {
    pool.say(LEASE, state as Lease["state"]);
    assert.equal(await stands(LEASE), isStanding, state);
  }
  assert.equal(await stands(`lease-${"e".repeat(32)}`), false);
  assert.equal(await stands("../../secrets"), false);
  pool.breakDown();
  await assert.rejects(stands(LEASE), { code: "unavailable" });
  await assert.rejects(poolLeases({ url: pool.url, token: "wrong" })(LEASE), { code: "unavailable" });
  await assert.rejects(poolLeases({ url: "http://127.0.0.1:1", token: "x" })(LEASE), { code: "unavailable" });
});

test("/sccache: sizes are limited, methods are few, folders are not listed", async () => {
  await using gateway = await place();
  const nowS = nowSeconds(systemClock);
  gateway.pool.say(LEASE, "ready");
  const { token } = issueRegistryAccess(gateway.issuer, { leaseId: LEASE, repo: "acme/api", nowS, expiresAtS: nowS + 60 });
  const headers = { authorization: `Bearer ${token}` };
  const object = `${gateway.url}/sccache/acme/api/a/b/c/${"abc0".repeat(16)}`;
  const status = async (url: string, init: RequestInit = {}): Promise<number> => {
    const response = await fetch(url, { ...init, headers: { ...headers, ...init.headers } });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await status(object), 404);
  assert.equal(await status(object, { method: "PUT", body: "small" }), 201);
  assert.equal(await status(object, { method: "PUT", body: Buffer.alloc(2000) }), 413);
  assert.equal(await (await fetch(object, { headers })).text(), "small");
  assert.equal(await status(object, { method: "PROPFIND", headers: { depth: "0" } }), 207);
  assert.equal(await status(`${gateway.url}/sccache/acme/api/`, { method: "PROPFIND", headers: { depth: "1" } }), 403);
  assert.equal(await status(object, { method: "DELETE" }), 405);
  assert.equal(await status(`${gateway.url}/sccache/acme/other/a/b/c/${"abc0".repeat(16)}`), 403);
  assert.equal(await status(object, { headers: { authorization: "Bearer no" } }), 401);
  assert.equal(await status(`${gateway.url}/elsewhere`), 404);
});

test("registry-gateway --check: the origin is a host, and the pool's address and token belong together", async () => {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line) };
  const needed = [
    "--origin",
    "https://r.example/path",
    "--key-file",
    "k",
    "--credentials-file",
    "c",
    "--sccache-dir",
    "s",
    "--orchestrator-url",
    "http://127.0.0.1:1",
  ];
  assert.equal(await runRegistryGateway(["--check", ...needed], {}, { logSink: sink, stdout: sink }), 2);
  assert.match(lines.join(""), /--origin has a path/);
  assert.match(lines.join(""), /belong together/);
  assert.equal(CONFIG.program, "registry-gateway");
});
