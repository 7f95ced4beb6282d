import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, type RequestListener, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { toTriplaneError } from "@triplane/contract";
import { passOn } from "./proxy.ts";

const MAX = 1000;

/** A gateway that only passes on, in front of this server. */
async function between(behind: RequestListener): Promise<AsyncDisposable & { readonly url: string; readonly failures: string[] }> {
  const agent = new Agent({ keepAlive: true });
  const failures: string[] = [];
  const upstream = createServer(behind).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const { port } = upstream.address() as AddressInfo;
  const gateway = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const path = incoming.url ?? "/";
    const headers = { authorization: "Bearer ours" };
    passOn({ incoming, outgoing, upstream: { host: "127.0.0.1", port, agent }, path, headers, maxBodyBytes: MAX }).catch(
      (error: unknown) => {
        const { code, httpStatus } = toTriplaneError(error);
        failures.push(code);
        if (!outgoing.headersSent) outgoing.writeHead(httpStatus, { connection: "close" }).end(code);
      },
    );
  }).listen(0, "127.0.0.1");
  await once(gateway, "listening");
  return {
    url: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`,
    failures,
    [Symbol.asyncDispose]: async () => {
      agent.destroy();
      for (const server of [gateway, upstream]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}

test("passOn: neither hop-by-hop headers nor the client's credentials and claims of origin go further; body and answer do", async () => {
  let seen: IncomingMessage["headers"] = {};
  await using place = await between((incoming, outgoing) => {
    seen = incoming.headers;
    outgoing.writeHead(201, {
      location: "/v2/x",
      "set-cookie": "a=b",
      "docker-content-digest": "sha256:x",
      connection: "x-private",
      "x-private": "1",
    });
    incoming.pipe(outgoing);
  });
  const headers = {
    authorization: "Bearer theirs",
    cookie: "c=d",
    connection: "x-mine",
    "x-mine": "1",
    "x-forwarded-for": "10.0.0.1",
    "content-range": "0-4",
    te: "trailers",
  };
  const asked = request(`${place.url}/v2/a`, { method: "PUT", headers });
  asked.end("hello");
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  assert.equal(answer.statusCode, 201);
  assert.equal((await answer.toArray()).join(""), "hello");
  assert.equal(seen.authorization, "Bearer ours");
  assert.equal(seen["content-range"], "0-4");
  for (const name of ["cookie", "x-mine", "x-forwarded-for", "te"]) assert.equal(seen[name], undefined, name);
  assert.deepEqual([answer.headers.location, answer.headers["docker-content-digest"]], ["/v2/x", "sha256:x"]);
  for (const name of ["set-cookie", "x-private"]) assert.equal(answer.headers[name], undefined, name);
});

test("passOn: an address of the server behind becomes a path of ours, and one elsewhere is not told", async () => {
  await using place = await between((incoming, outgoing) => {
    const said: Readonly<Record<string, string>> = {
      "/own": `http://${incoming.headers.host}/v2/a/blobs/uploads/1?state=x`,
      "/path": "/v2/a/blobs/uploads/1?state=x",
      "/elsewhere": "http://169.254.169.254/latest",
    };
    outgoing.writeHead(202, { location: said[incoming.url ?? ""] }).end();
  });
  const locations = await Promise.all(
    ["/own", "/path", "/elsewhere"].map(async (path) => (await fetch(`${place.url}${path}`)).headers.get("location")),
  );
  assert.deepEqual(locations, ["/v2/a/blobs/uploads/1?state=x", "/v2/a/blobs/uploads/1?state=x", null]);
});

test("passOn: a body over the limit is refused, declared or not, and the server behind never has all of it", async () => {
  let received = 0;
  let ended = false;
  await using place = await between((incoming, outgoing) => {
    incoming.on("data", (chunk: Buffer) => (received += chunk.length));
    incoming.on("end", () => {
      ended = true;
      outgoing.end();
    });
    incoming.on("error", () => undefined);
  });
  const declared = await fetch(place.url, { method: "PUT", body: Buffer.alloc(MAX + 1) });
  assert.deepEqual([declared.status, received], [413, 0]);
  const asked = request(place.url, { method: "PUT", headers: { "transfer-encoding": "chunked" } });
  asked.on("error", () => undefined);
  for (let sent = 0; sent <= MAX; sent += 100) asked.write(Buffer.alloc(100));
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  assert.equal(answer.statusCode, 413);
  asked.destroy();
  assert.equal(ended, false);
  assert.deepEqual(place.failures, ["body_too_large", "body_too_large"]);
});

test("passOn: an answer that breaks off behind breaks off in front, so that nobody takes a part for the whole", async () => {
  await using place = await between((_, outgoing) => {
    outgoing.writeHead(200, { "content-length": "100" });
    outgoing.write("part");
    setImmediate(() => outgoing.destroy());
  });
  await assert.rejects(async () => await (await fetch(place.url)).text());
});

test("passOn: a client that goes away ends the request behind", async () => {
  const ended = Promise.withResolvers<void>();
  await using place = await between((incoming, outgoing) => {
    outgoing.writeHead(200).write("part");
    incoming.once("close", () => ended.resolve());
  });
  const gone = new AbortController();
  await fetch(place.url, { signal: gone.signal });
  gone.abort();
  await ended.promise;
});

test("passOn: a server behind that refuses us, or is not there, is no refusal of the client", async () => {
  await using refusing = await between((_, outgoing) => void outgoing.writeHead(401, { "www-authenticate": "Bearer" }).end());
  const refused = await fetch(refusing.url);
  assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [502, null]);
  await using broken = await between((incoming) => void incoming.socket.destroy());
  assert.equal((await fetch(broken.url)).status, 503);
  assert.equal((await fetch(broken.url, { method: "PUT", body: "x" })).status, 503);
});
