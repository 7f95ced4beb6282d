// The gateway: one origin for images, compiled objects, crates and tokens.
//
// 1. What is large is a stream from end to end (/v2/, /sccache/); what is small is a document (Hono: /token, /crates/).
// 2. Every failure is answered in the words of the protocol that was spoken, and no answer says what is inside a defect.
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { type Clock, FAILURES, toTriplaneError } from "@triplane/contract";
import type { Health, Logger, Metrics } from "@triplane/kit";
import { Hono } from "hono";
import { zotArtifacts } from "../adapters/zot-artifacts.ts";
import { CrateRegistry } from "../crates/crate-registry.ts";
import { addCrateRoutes, crateFailure } from "../crates/routes.ts";
import type { ObjectStore } from "../sccache/object-store.ts";
import { SCCACHE_PATH, serveSccache } from "../sccache/serve.ts";
import { Authenticator } from "../tokens/authenticator.ts";
import type { Credentials } from "../tokens/credentials.ts";
import type { LeaseStands } from "../tokens/leases.ts";
import type { Issuer } from "../tokens/registry-token.ts";
import { ociErrorBody } from "./oci-errors.ts";
import { addTokenRoutes } from "./token-routes.ts";
import { Challenged, serveV2 } from "./v2.ts";

export interface GatewayParts {
  readonly issuer: Issuer;
  readonly credentials: Credentials;
  readonly leaseStands: LeaseStands;
  readonly clock: Clock;
  /** As clients know it, `https://registry.example`, without a slash at the end. */
  readonly origin: string;
  /** `http://127.0.0.1:5000` */
  readonly zotUrl: string;
  readonly objects: ObjectStore;
  readonly tokenLifetimeS: number;
  readonly maxBlobBytes: number;
  readonly maxCrateBytes: number;
  readonly health: () => Health;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A connection on which nothing moves for this long is over. There is no limit to how long a body may take while it moves. */
const IDLE_MS = 120_000;
const HEADERS_MS = 15_000;
const MAX_HEADER_BYTES = 32 * 1024;

type Area = "v2" | "sccache" | "document";

/** A server that does not listen yet. */
export function createGateway(parts: GatewayParts): Server {
  const { issuer, credentials, leaseStands, clock, origin, metrics } = parts;
  const authenticator = new Authenticator({ issuer, credentials, leaseStands, clock });
  const zotUrl = new URL(parts.zotUrl);
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const zot = { host: zotUrl.hostname, port: Number(zotUrl.port === "" ? 80 : zotUrl.port), agent };
  const requests = metrics.counter("registry_requests_total");
  const objects = metrics.counter("registry_sccache_total");
  const tokens = metrics.counter("registry_tokens_total");
  const crateCount = metrics.counter("registry_crates_total");

  const app = new Hono();
  app.get("/healthz", (context) => {
    const health = parts.health();
    return context.json({ name: "registry-gateway", ...health }, health.ok ? 200 : 503);
  });
  addTokenRoutes(app, {
    ...{ authenticator, issuer, clock, lifetimeS: parts.tokenLifetimeS },
    counted: (outcome) => tokens.add({ outcome }),
  });
  addCrateRoutes(app, {
    ...{ authenticator, origin, maxCrateBytes: parts.maxCrateBytes },
    crates: new CrateRegistry(zotArtifacts({ url: zotUrl.origin, issuer, clock })),
    counted: (what) => crateCount.add({ what }),
  });
  app.onError((error, context) => {
    report(parts.logger, error, context.req.path);
    if (context.req.path.startsWith("/crates/")) return crateFailure(context, error, origin);
    const { code, message, hint, httpStatus } = toTriplaneError(error);
    const said = code === "internal" ? FAILURES.internal.what : message;
    return context.json({ code, message: said, hint }, httpStatus as 400);
  });
  app.notFound((context) =>
    context.json({ code: "not_found", message: `nothing is at ${context.req.path}`, hint: FAILURES.not_found.hint }, 404),
  );
  const documents = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    // A body that is too large is read away, so that the client is still there to be told.
    autoCleanupIncoming: false,
  });

  const serveObjects = (incoming: IncomingMessage, outgoing: ServerResponse): Promise<number> =>
    serveSccache({ authenticator, store: parts.objects, counted: (outcome) => objects.add({ outcome }) }, incoming, outgoing);
  const serveImages = (incoming: IncomingMessage, outgoing: ServerResponse): Promise<number> =>
    serveV2({ authenticator, issuer, clock, origin, zot, maxBlobBytes: parts.maxBlobBytes }, incoming, outgoing);

  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0, headersTimeout: HEADERS_MS }, (incoming, outgoing) => {
    const area = areaOf(incoming.url ?? "/");
    outgoing.once("close", () => requests.add({ area, status: String(outgoing.statusCode) }));
    if (area === "document") {
      void documents(incoming, outgoing);
      return;
    }
    const serve = area === "v2" ? serveImages : serveObjects;
    serve(incoming, outgoing).catch((error: unknown) => {
      report(parts.logger, error, area);
      refuse(incoming, outgoing, error);
    });
  });
  server.timeout = IDLE_MS;
  server.once("close", () => agent.destroy());
  return server;
}

function areaOf(url: string): Area {
  if (url === "/v2" || url.startsWith("/v2/")) return "v2";
  return url.startsWith(SCCACHE_PATH) ? "sccache" : "document";
}

/** Answers with a failure where there is still somebody to answer. */
function refuse(incoming: IncomingMessage, outgoing: ServerResponse, thrown: unknown): void {
  const failure = thrown instanceof Challenged ? thrown.failure : toTriplaneError(thrown);
  if (outgoing.headersSent || outgoing.socket?.destroyed !== false) {
    outgoing.destroy();
    return;
  }
  const body = ociErrorBody(failure);
  outgoing.writeHead(failure.httpStatus, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...(thrown instanceof Challenged ? { "www-authenticate": thrown.challenge } : {}),
    // What is left of the body is nobody's any more.
    ...(incoming.complete ? {} : { connection: "close" }),
  });
  outgoing.end(incoming.method === "HEAD" ? undefined : body);
  incoming.resume();
}

function report(logger: Logger, thrown: unknown, where: string): void {
  const error = thrown instanceof Challenged ? thrown.failure : toTriplaneError(thrown);
  if (error.code === "internal") logger.error({ err: error, where }, "request failed");
  else if (error.httpStatus >= 500) logger.warn({ code: error.code, message: error.message, where }, "request not answered");
  else logger.debug({ code: error.code, where }, "request refused");
}
