// The client against a real HTTP server that speaks the contract's schemas.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { type Lease, leaseSchema } from "@triplane/contract";
import { rejects } from "@triplane/testkit";
import { type HttpPoolClient, poolClient } from "./pool-client.ts";

const LEASE: Lease = leaseSchema.parse({
  lease_id: `lease-${"0".repeat(32)}`,
  build_id: "b1.1",
  state: "creating",
  repo: "acme/shop",
  target: "",
  platform: "linux/amd64",
  tenant: "default",
  tier: "cx22",
  provider: "fake",
  created_at: 1,
  expires_at: 600,
  heartbeat_s: 10,
});

async function asked(
  status: number,
  body: unknown,
  ask: (client: HttpPoolClient) => Promise<unknown>,
): Promise<{ answer: unknown; seen: string }> {
  let seen = "";
  const server = createServer((request, response) => {
    seen = `${request.method} ${request.url} ${request.headers.authorization}`;
    request.resume();
    response.writeHead(status, { "content-type": "application/json" }).end(body === undefined ? "" : JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    return { answer: await ask(poolClient({ url: `http://127.0.0.1:${port}`, token: "t0ken" })), seen };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("poolClient: asks as the API says, and tells a new lease from one that was there", async () => {
  const released = await asked(200, LEASE, (client) => client.release(LEASE.lease_id));
  assert.deepEqual(released, { answer: LEASE, seen: `DELETE /api/v1/vm-pool/${LEASE.lease_id} Bearer t0ken` });
  const spawn = { ...LEASE, ttl_s: 600, ssh_public_key: "ssh-ed25519 AAAA" };
  assert.deepEqual((await asked(201, LEASE, (client) => client.spawn(spawn))).answer, { lease: LEASE, created: true });
  assert.deepEqual((await asked(200, LEASE, (client) => client.spawn(spawn))).answer, { lease: LEASE, created: false });
  const query = { repo: "acme/shop", target: "", platform: "linux/amd64", language: "go" } as const;
  const sizing = { repo: query.repo, target: "", platform: query.platform, tier: "cx22", source: "language", reason: "go", samples: [] };
  const { seen } = await asked(200, sizing, (client) => client.sizing(query));
  assert.equal(seen, "GET /api/v1/vm-pool/sizing?repo=acme%2Fshop&target=&platform=linux%2Famd64&language=go Bearer t0ken");
});

test("poolClient: a question that may not take long is given up after its own time", async () => {
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  try {
    await rejects(poolClient({ url: `http://127.0.0.1:${port}`, token: "t0ken" }).lease(LEASE.lease_id, 50), "unavailable");
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
});

test("poolClient: throws the pool's own failure, or one by status, and never says the token", async () => {
  const cases = [
    [409, { code: "provider_limit", message: "the quota is reached" }, "provider_limit"],
    [401, undefined, "unauthorized"],
    [502, "<html>", "unavailable"],
    [200, { ...LEASE, state: "unheard of" }, "unavailable"],
  ] as const;
  for (const [status, body, code] of cases) {
    const error = await rejects(
      asked(status, body, (client) => client.lease(LEASE.lease_id)),
      code,
    );
    assert.ok(!error.message.includes("t0ken"));
  }
});
