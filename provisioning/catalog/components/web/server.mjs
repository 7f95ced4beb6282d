// A status page: who it is, since when, how often it was asked.
import { createServer } from "node:http";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    instance: { type: "string", default: "web" },
    replica: { type: "string", default: "0" },
    title: { type: "string", default: "It runs" },
    "warmup-ms": { type: "string", default: "0" },
  },
});

const startedMs = performance.now();
const startedAt = new Date().toISOString();
const warmupMs = Number(values["warmup-ms"]);
let requests = 0;

function status() {
  const upMs = Math.round(performance.now() - startedMs);
  return { instance: values.instance, replica: Number(values.replica), pid: process.pid, started_at: startedAt, up_ms: upMs, requests };
}

function escapeHtml(text) {
  const entities = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]);
}

function page() {
  const rows = Object.entries(status()).map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(String(value))}</dd>`);
  const title = escapeHtml(values.title);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><dl>${rows.join("")}</dl></html>\n`;
}

function send(response, code, type, body) {
  response.writeHead(code, {
    "content-type": `${type}; charset=utf-8`,
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  });
  response.end(body);
}

const server = createServer((request, response) => {
  const path = (request.url ?? "/").split("?")[0];
  if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "text/plain", "GET only\n");
  if (path === "/healthz") {
    const warm = performance.now() - startedMs >= warmupMs;
    return send(response, warm ? 200 : 503, "application/json", `${JSON.stringify({ ok: warm })}\n`);
  }
  requests += 1;
  if (path === "/") return send(response, 200, "text/html", page());
  if (path === "/status.json") return send(response, 200, "application/json", `${JSON.stringify(status())}\n`);
  return send(response, 404, "text/plain", "nothing here\n");
});

server.listen(Number(values.port), "127.0.0.1", () => console.log(`${values.instance} listens on ${server.address().port}`));
process.on("SIGTERM", () => {
  console.log("stopping");
  server.close();
  server.closeAllConnections();
});
