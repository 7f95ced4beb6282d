// The two pages that every daemon serves to its supervisor: /healthz and /metrics.
import type { ServerResponse } from "node:http";
import { TriplaneError } from "@triplane/contract";
import type { Metrics } from "./metrics.ts";

/** What a daemon says of itself; anything but `ok: true` is answered with 503. */
export interface Health {
  readonly ok: boolean;
  /** Facts for people, e.g. `{ stream: "connected", store: "locked" }`. Never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface HealthOptions {
  readonly name: string;
  readonly metrics: Metrics;
  health(): Health | Promise<Health>;
  /** Loopback unless a supervisor on another host has to reach it. */
  readonly host?: string;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves on `port` (0 = any free one). Throws `config_invalid` when the port cannot be bound. */
export async function serveHealth(port: number, options: HealthOptions): Promise<HealthServer> {
  const host = options.host ?? "127.0.0.1";
  // No import: as an ES module it loads all that it exports, fetch and WebSocket too, and every program that imports the kit would wait for that.
  const { createServer } = process.getBuiltinModule("node:http");
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0];
    if (request.method !== "GET" && request.method !== "HEAD") send(response, 405, "text/plain", "GET only\n");
    else if (path === "/healthz") void answerHealth(response, options);
    else if (path === "/metrics") void answerMetrics(response, options.metrics);
    else send(response, 404, "text/plain", "/healthz and /metrics\n");
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new TriplaneError("config_invalid", `cannot listen on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: address !== null && typeof address === "object" ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerHealth(response: ServerResponse, options: HealthOptions): Promise<void> {
  let health: Health;
  try {
    health = await options.health();
  } catch {
    health = { ok: false, detail: { health: "the check itself failed" } };
  }
  const body = { name: options.name, ok: health.ok, ...(health.detail === undefined ? {} : { detail: health.detail }) };
  send(response, health.ok ? 200 : 503, "application/json", `${JSON.stringify(body)}\n`);
}

async function answerMetrics(response: ServerResponse, metrics: Metrics): Promise<void> {
  try {
    send(response, 200, metrics.contentType, await metrics.text());
  } catch {
    send(response, 500, "text/plain", "the metrics could not be collected\n");
  }
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" });
  response.end(body);
}
