// PUT, GET and DELETE of /v1/<key>; answers come after the change is on disk.
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Journal } from "./journal.mjs";

const { values: options } = parseArgs({
  options: { port: { type: "string" }, "data-dir": { type: "string" }, "max-value-bytes": { type: "string", default: "65536" } },
});

const maxBytes = Number(options["max-value-bytes"]);
const journal = await Journal.open(options["data-dir"]);

const server = createServer((request, response) => {
  answer(request).then(
    ([status, body]) => response.writeHead(status, { "content-type": "application/octet-stream", "cache-control": "no-store" }).end(body),
    (error) => {
      // What is on disk is not known now: end, and read it again after the restart.
      console.error(`failed: ${error.message}`);
      response.writeHead(500).end("the change may or may not be stored\n");
      process.exitCode = 1;
      stop();
    },
  );
});

async function answer(request) {
  const path = (request.url ?? "/").split("?")[0];
  if (path === "/healthz") return [200, `${JSON.stringify({ ok: true, keys: journal.size })}\n`];
  const key = /^\/v1\/([A-Za-z0-9._-]{1,128})$/.exec(path)?.[1];
  if (key === undefined) return [404, "keys are at /v1/<key>: letters, digits, dot, underscore, hyphen\n"];
  if (request.method === "GET") return journal.get(key) === undefined ? [404, "no such key\n"] : [200, journal.get(key)];
  if (request.method === "PUT") {
    const value = await readBody(request);
    if (value === undefined) return [413, `a value has at most ${maxBytes} bytes\n`];
    await journal.put(key, value);
    return [204, undefined];
  }
  if (request.method === "DELETE") {
    if (journal.get(key) !== undefined) await journal.put(key, undefined);
    return [204, undefined];
  }
  return [405, "PUT, GET and DELETE\n"];
}

async function readBody(request) {
  const parts = [];
  let bytes = 0;
  let tooLarge = false;
  for await (const part of request) {
    bytes += part.length;
    if (bytes > maxBytes) tooLarge = true;
    else parts.push(part);
    if (bytes > maxBytes * 4) break;
  }
  return tooLarge ? undefined : Buffer.concat(parts);
}

function stop() {
  server.close(() => journal.close());
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), 2000).unref();
}

server.listen(Number(options.port), "127.0.0.1", () => console.log(`kv listens on ${server.address().port} with ${journal.size} keys`));
process.on("SIGTERM", stop);
