import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { httpExchange, keepAliveAgent } from "./http-exchange.ts";

const LIMITS = { timeoutMs: 10_000, maxBytes: 1_000 };

async function serving(listener: RequestListener): Promise<AsyncDisposable & { readonly url: string; connections(): number }> {
  const server = createServer(listener);
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("httpExchange", () => {
  it("gets and posts, and tells the status whatever it is", async () => {
    await using server = await serving(async (request, response) => {
      const body = (await Array.fromAsync(request)).join("");
      response.statusCode = request.method === "POST" ? 422 : 200;
      response.end(`${request.method} ${request.headers["content-type"]} ${request.headers["x-of"]} ${body}`);
    });
    const headers = { "x-of": "test" };
    assert.deepEqual(await httpExchange(server.url, { ...LIMITS, headers }), { status: 200, text: "GET undefined test " });
    const posted = await httpExchange(server.url, { ...LIMITS, headers, body: "{}" });
    assert.deepEqual(posted, { status: 422, text: "POST application/json test {}" });
  });

  it("does not follow a redirect", async () => {
    await using server = await serving((_request, response) => response.writeHead(307, { location: "http://127.0.0.1:1/" }).end());
    assert.equal((await httpExchange(server.url, LIMITS)).status, 307);
  });

  it("ends an answer that is too large, one that never ends, and one that nobody waits for any more", async () => {
    await using large = await serving((_request, response) => response.end("x".repeat(1_001)));
    await assert.rejects(httpExchange(large.url, LIMITS), /larger than 1000 bytes/);
    await using endless = await serving((_request, response) => response.write("x"));
    await assert.rejects(httpExchange(endless.url, { ...LIMITS, timeoutMs: 50 }), /no answer within 50 ms|aborted/);
    await using silent = await serving(() => undefined);
    await assert.rejects(httpExchange(silent.url, { ...LIMITS, timeoutMs: 50 }), /no answer within 50 ms/);
    await assert.rejects(httpExchange(silent.url, { ...LIMITS, signal: AbortSignal.abort() }), { name: "AbortError" });
    await assert.rejects(httpExchange("http://127.0.0.1:1/", LIMITS), { code: "ECONNREFUSED" });
  });

  it("keeps a connection only where it is given an agent", async () => {
    await using server = await serving((_request, response) => response.end("."));
    const agent = keepAliveAgent(server.url);
    for (let count = 0; count < 3; count += 1) await httpExchange(server.url, { ...LIMITS, agent });
    assert.equal(server.connections(), 1);
    agent.destroy();
    for (let count = 0; count < 3; count += 1) await httpExchange(server.url, LIMITS);
    assert.equal(server.connections(), 4);
  });
});
