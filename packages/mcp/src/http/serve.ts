// The server over streamable HTTP, on loopback: the guard first, then the SDK's transport of the session.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { type Clock, type Random, TriplaneError, toTriplaneError } from "@triplane/contract";
import { failureLine, failureOf } from "../answers.ts";
import { agentServer, type ServerOptions } from "../server.ts";
import { guard } from "./guard.ts";
import { Sessions } from "./sessions.ts";

export const MCP_PATH = "/mcp";
const HOST = "127.0.0.1";
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_SESSIONS = 16;
const MAX_CONNECTIONS = 256;
const IDLE_MS = 15 * 60_000;
const SWEEP_MS = 60_000;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30_000;

export interface HttpOptions extends ServerOptions {
  /** 0 = any free one. */
  readonly port: number;
  readonly token: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits?: { readonly sessions?: number; readonly idleMs?: number };
}

export interface HttpServing {
  readonly port: number;
  readonly url: string;
  readonly sessions: number;
  close(): Promise<void>;
}

/** Throws `config_invalid` where the port cannot be had or the token could be guessed. */
export async function serveHttp(options: HttpOptions): Promise<HttpServing> {
  const { clock, limits } = options;
  const sessions = new Sessions<StreamableHTTPServerTransport>({
    ...{ clock, max: limits?.sessions ?? MAX_SESSIONS, idleMs: limits?.idleMs ?? IDLE_MS },
  });
  let letIn: ReturnType<typeof guard> | undefined;
  const server = createServer({ maxHeaderSize: 16 * 1024 }, (request, response) => {
    const refused = letIn === undefined ? new TriplaneError("unavailable", "the server is starting") : letIn(request.headers);
    if (refused !== undefined) return refuse(request, response, refused);
    handle(request, response, sessions, options).catch((thrown: unknown) => {
      options.log(failureLine("a request failed", thrown));
      refuse(request, response, toTriplaneError(thrown));
    });
  });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new TriplaneError("config_invalid", `cannot listen on ${HOST}:${options.port}: ${error.message}`, { cause: error })),
    );
    server.listen(options.port, HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  try {
    letIn = guard({ port, token: options.token });
  } catch (thrown) {
    server.close();
    throw thrown;
  }
  const sweeping = setInterval(() => void sessions.endIdle(), SWEEP_MS);
  sweeping.unref();
  return {
    port,
    url: `http://${HOST}:${port}${MCP_PATH}`,
    get sessions() {
      return sessions.size;
    },
    close: async () => {
      clearInterval(sweeping);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await sessions.endAll();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Transports = Sessions<StreamableHTTPServerTransport>;

async function handle(request: IncomingMessage, response: ServerResponse, sessions: Transports, options: HttpOptions): Promise<void> {
  if ((request.url ?? "").split("?")[0] !== MCP_PATH)
    return refuse(
      request,
      response,
      new TriplaneError("not_found", "there is nothing at that path", { hint: `The server is at ${MCP_PATH}.` }),
    );
  const id = request.headers["mcp-session-id"];
  if (id === undefined) return await open(request, response, sessions, options);
  const used = typeof id === "string" ? sessions.use(id) : undefined;
  if (used === undefined)
    return refuse(request, response, new TriplaneError("not_found", "there is no such session", { hint: "Begin again with initialize." }));
  response.once("close", used.done);
  await used.session.handleRequest(request, response);
}

/** A request without a session may only begin one; the transport refuses all else. */
async function open(request: IncomingMessage, response: ServerResponse, sessions: Transports, options: HttpOptions): Promise<void> {
  await sessions.reserve();
  let isMade = false;
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => Buffer.from(options.random.bytes(24)).toString("base64url"),
    maxRequestBodySize: MAX_BODY_BYTES,
    onsessioninitialized: (id) => {
      isMade = true;
      sessions.made(id, transport);
    },
  });
  const { protocol: server } = agentServer(options);
  server.server.onclose = () => {
    if (transport.sessionId !== undefined) sessions.forget(transport.sessionId);
  };
  try {
    // The SDK's own classes disagree under exactOptionalPropertyTypes.
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    await transport.handleRequest(request, response);
  } finally {
    if (!isMade) {
      sessions.failed();
      await server.close();
    }
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, failure: TriplaneError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const error = failureOf(failure);
  const body = JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32_000, message: error.message, data: error } });
  response.writeHead(failure.httpStatus, {
    "content-type": "application/json",
    "cache-control": "no-store",
    connection: "close",
    ...(failure.code === "unauthorized" ? { "www-authenticate": 'Bearer realm="triplane"' } : {}),
  });
  response.end(body);
  // What the body holds is not read.
  response.once("finish", () => request.destroy());
}
