// The server over real HTTP on loopback, with the official SDK's client and without it.
import assert from "node:assert/strict";
import { request } from "node:http";
import { describe, it } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { systemRandom } from "@triplane/kit";
import { eventually, manualClock, rejects } from "@triplane/testkit";
import { testDesk } from "../testing/desk.ts";
import { guard } from "./guard.ts";
import { type HttpOptions, type HttpServing, serveHttp } from "./serve.ts";

const TOKEN = "t".repeat(43);
const BEGIN = {
  ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } },
};

async function serving(changes: Partial<HttpOptions> = {}): Promise<HttpServing & AsyncDisposable> {
  const options = { desk: testDesk(), log: () => undefined, port: 0, token: TOKEN, clock: manualClock(), random: systemRandom };
  const served = await serveHttp({ ...options, ...changes });
  return Object.assign(served, { [Symbol.asyncDispose]: () => served.close() });
}

async function client({ url }: HttpServing): Promise<Client> {
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${TOKEN}` } } });
  const made = new Client({ name: "test", version: "1" });
  await made.connect(transport as Parameters<typeof made.connect>[0]);
  return made;
}

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A request as a browser, a script or an attacker may send it: fetch would not let us say Host or Origin. */
function send({ port }: HttpServing, { method = "POST", path = "/mcp", headers = {}, body = JSON.stringify(BEGIN) }: Sent) {
  const all = {
    ...{ authorization: `Bearer ${TOKEN}`, "content-type": "application/json", accept: "application/json, text/event-stream" },
    ...headers,
  };
  return new Promise<{ status: number; code: string | undefined }>((resolve, reject) => {
    const sending = request({ host: "127.0.0.1", port, method, path, headers: all }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8");
      });
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, code: /"code":"([a-z_]+)"/.exec(text)?.[1] }));
    });
    sending.once("error", reject);
    if (method === "POST") sending.end(body);
    else sending.end();
  });
}

describe("serveHttp", () => {
  it("serves the SDK's client, and forgets the session that it ends", async () => {
    await using served = await serving();
    const first = await client(served);
    const second = await client(served);
    assert.equal(served.sessions, 2);
    assert.ok((await first.listTools()).tools.length >= 15);
    assert.equal(((await second.callTool({ name: "show_grant", arguments: {} })).structuredContent as { agent: string }).agent, "scout");
    await (first.transport as StreamableHTTPClientTransport).terminateSession();
    await eventually(() => served.sessions === 1);
    await second.close();
  });

  it("refuses whoever has no token, or another one, before it reads anything (no-fail-open)", async () => {
    await using served = await serving();
    for (const authorization of ["", "Bearer ", "Bearer wrong", `bearer ${TOKEN}`, `Bearer ${TOKEN}x`, `Basic ${TOKEN}`])
      assert.deepEqual(await send(served, { headers: { authorization } }), { status: 401, code: "unauthorized" }, authorization);
    await assert.rejects(async () => {
      const transport = new StreamableHTTPClientTransport(new URL(served.url));
      await new Client({ name: "t", version: "1" }).connect(transport as never);
    });
    assert.equal(served.sessions, 0);
  });

  it("refuses a page of another origin, and a name that was rebound to this machine, also with the token", async () => {
    await using served = await serving();
    const own = `127.0.0.1:${served.port}`;
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `http://127.0.0.1:${served.port + 1}` },
      { origin: `https://${own}` },
      { host: "evil.example" },
      { host: `evil.example:${served.port}` },
      { host: "127.0.0.1" },
      { host: `127.0.0.1:${served.port}.evil.example` },
    ])
      assert.deepEqual(await send(served, { headers }), { status: 403, code: "host_refused" }, JSON.stringify(headers));
    assert.equal((await send(served, { headers: { origin: `http://${own}` } })).status, 200);
    assert.equal((await send(served, { headers: { host: `localhost:${served.port}` } })).status, 200);
  });

  it("refuses garbage, other paths and methods, bodies too large, and sessions that there are not", async () => {
    await using served = await serving();
    assert.equal((await send(served, { body: "garbage" })).status, 400);
    assert.equal((await send(served, { body: "[]" })).status, 400);
    assert.equal((await send(served, { body: JSON.stringify({ ...BEGIN, method: "tools/list" }) })).status, 400);
    assert.equal((await send(served, { body: `"${"x".repeat(1024 * 1024)}"` })).status, 413);
    assert.equal((await send(served, { headers: { "content-type": "text/plain" } })).status, 415);
    assert.deepEqual(await send(served, { path: "/" }), { status: 404, code: "not_found" });
    assert.deepEqual(await send(served, { headers: { "mcp-session-id": "nobody" } }), { status: 404, code: "not_found" });
    assert.equal((await send(served, { method: "PUT" })).status, 405);
    assert.equal(served.sessions, 0, "none of them left a session");
  });

  it("holds so many sessions and refuses more; one that nobody uses ends, and its client begins again", async () => {
    const clock = manualClock();
    await using served = await serving({ clock, limits: { sessions: 2, idleMs: 60_000 } });
    assert.equal((await send(served, {})).status, 200);
    assert.equal((await send(served, {})).status, 200);
    assert.deepEqual(await send(served, {}), { status: 503, code: "too_many_sessions" });
    clock.advance(60_000);
    assert.equal((await send(served, {})).status, 200);
    assert.equal(served.sessions, 1);
  });

  it("does not start with a token that could be guessed, or on a port that is taken", async () => {
    await rejects(serving({ token: "short" }), "config_invalid");
    await using served = await serving();
    await rejects(serving({ port: served.port }), "config_invalid");
  });
});

describe("guard", () => {
  it("has no way in without Host", () => {
    assert.equal(guard({ port: 1, token: TOKEN })({ authorization: `Bearer ${TOKEN}` })?.code, "host_refused");
  });
});
