// The running simulator: HTTP on one port, the world behind it, time and the machines behind servers.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Clock, type Random, TriplaneError } from "@triplane/contract";
import { atomicWriteFile, type Logger, silentLogger, sleep, systemClock, systemRandom } from "@triplane/kit";
import { control, type LoggedRequest, RequestLog } from "./api/control.ts";
import { type ApiRequest, dispatch, marketOf, same } from "./api/dispatch.ts";
import { ApiError } from "./api/error.ts";
import { RateLimit } from "./api/rate-limit.ts";
import { type Backer, NO_BACKER } from "./backer.ts";
import { Backing } from "./backing.ts";
import { type FaultInput, FaultScript, faultSchema } from "./faults/fault.ts";
import type { WorldState } from "./world/types.ts";
import { World } from "./world/world.ts";

export interface SimulatorOptions {
  /** 0, the default, takes any free one. */
  readonly port?: number;
  /** Loopback unless told otherwise. */
  readonly host?: string;
  /** undefined: any token does. */
  readonly token?: string | undefined;
  readonly readonlyToken?: string | undefined;
  /** How many times faster than the real cloud servers are made, started and deleted; 1 unless given. */
  readonly speed?: number;
  /** Calls an hour; 3600 unless given. */
  readonly rateLimit?: number;
  /** Most servers; 1000 unless given. */
  readonly serverLimit?: number;
  readonly faults?: readonly FaultInput[];
  /** What an earlier run left; read by `readState`. */
  readonly state?: WorldState | undefined;
  /** Kept up to date after every call that changed something. */
  readonly stateFile?: string | undefined;
  readonly backer?: Backer;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

export interface Simulator extends AsyncDisposable {
  readonly port: number;
  /** What HCLOUD_ENDPOINT is set to. */
  readonly endpoint: string;
  readonly faults: FaultScript;
  readonly requests: RequestLog;
  /** Adds a fault; its id. */
  script(fault: FaultInput): string;
  /** Brings the world up to now: servers that are due change their state. */
  tick(): void;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_TIMER_MS = 2 ** 31 - 1;

export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const logger = options.logger ?? silentLogger;
  const backer = options.backer ?? NO_BACKER;
  const faults = new FaultScript();
  for (const fault of options.faults ?? []) faults.add(faultSchema.parse(fault));
  const requests = new RequestLog();
  const rateLimit = new RateLimit(options.rateLimit ?? 3600, clock);
  const world = new World(
    {
      ...(options.state === undefined ? {} : { state: options.state }),
      ...{ speed: options.speed ?? 1, serverLimit: options.serverLimit ?? 1000, backed: backer !== NO_BACKER },
      market: marketOf(faults, false),
      plan: (command, server) => {
        const facts = { command, name: server?.name, server_type: server?.serverType, location: server?.location };
        const fault = faults.take(["stick", "fail", "slow"], facts);
        switch (fault?.do) {
          case "stick":
            return { stuck: true };
          case "fail":
            return { failure: { code: fault.code, message: fault.message } };
          case "slow":
            return { extraMs: fault.ms };
          default:
            return {};
        }
      },
    },
    clock.nowMs(),
  );
  let timer: NodeJS.Timeout | undefined;
  let saving: Promise<void> = Promise.resolve();
  const save = (): Promise<void> => {
    const { stateFile } = options;
    if (stateFile === undefined) return Promise.resolve();
    saving = saving
      .then(() => atomicWriteFile(stateFile, `${JSON.stringify(world.state)}\n`))
      .catch((error: unknown) => logger.error({ err: error }, "the state could not be written"));
    return saving;
  };
  const tick = (): void => {
    const nowMs = clock.nowMs();
    world.advance(nowMs);
    backing.perform(world.takeEffects());
    clearTimeout(timer);
    const dueMs = world.actions.nextDueMs();
    if (dueMs !== undefined) timer = setTimeout(() => tick(), Math.min(MAX_TIMER_MS, Math.max(5, dueMs - nowMs))).unref();
  };
  const backing = new Backing({ backer, world, clock, logger, changed: tick });

  const answerApi = async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const text = await readBody(request);
    tick();
    const call: ApiRequest = {
      ...{ method: request.method ?? "GET", path: url.pathname.slice("/v1".length), query: url.searchParams, text },
      ...{ token: bearer(request), address: `${url.origin}${url.pathname}` },
    };
    const dispatched = dispatch(call, clock.nowMs(), {
      ...{ world, faults, rateLimit, token: options.token, readonlyToken: options.readonlyToken, market: marketOf(faults, true) },
    });
    tick();
    const { outcome } = dispatched;
    const status = outcome.kind === "cut" ? 0 : outcome.status;
    const entry: LoggedRequest = { method: call.method, path: call.path, query: url.search, status, faults: dispatched.faults };
    requests.add(entry);
    logger.debug({ ...entry }, "call");
    if (call.method !== "GET") await save();
    if (dispatched.waitMs > 0) await sleep(dispatched.waitMs);
    if (outcome.kind === "cut") {
      request.socket.destroy();
      return;
    }
    const correlation = Buffer.from(random.bytes(8)).toString("hex");
    response.writeHead(outcome.status, { "x-correlation-id": correlation, ...outcome.headers }).end(outcome.text);
  };
  const answerControl = async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const text = (await readBody(request)) ?? "";
    const token = bearer(request) ?? "";
    const allowed = options.token === undefined ? token !== "" : same(token, options.token);
    const { status, body } = allowed
      ? control(request.method ?? "GET", url.pathname.slice("/_sim".length), text, { faults, requests, rateLimit })
      : { status: 401, body: { error: "the control API wants the same bearer token as the API" } };
    response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const url = new URL(request.url ?? "/", `http://${request.headers.host ?? "localhost"}`);
      if (url.pathname.startsWith("/v1/")) await answerApi(request, response, url);
      else if (url.pathname.startsWith("/_sim/")) await answerControl(request, response, url);
      else response.writeHead(404, { "content-type": "text/plain" }).end("the API is at /v1, the control API at /_sim\n");
    } catch (thrown) {
      if (response.headersSent || response.destroyed) return;
      const error = thrown instanceof ApiError ? thrown : new ApiError("server_error");
      if (!(thrown instanceof ApiError)) logger.error({ err: thrown }, "a call failed");
      response.writeHead(error.status, { "content-type": "application/json", connection: "close" }).end(JSON.stringify(error.body));
    }
  };

  const host = options.host ?? "127.0.0.1";
  const server = createServer((request, response) => void answer(request, response));
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new TriplaneError("config_invalid", `cannot listen on ${host}:${options.port}: ${error.message}`)),
    );
    server.listen(options.port ?? 0, host, resolve);
  });
  tick();
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    clearTimeout(timer);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
    await backing.close();
    await save();
  };
  return {
    ...{ port, endpoint: `http://${host.includes(":") ? `[${host}]` : host}:${port}/v1`, faults, requests, tick, close },
    script: (fault) => faults.add(faultSchema.parse(fault)),
    [Symbol.asyncDispose]: close,
  };
}

function bearer(request: IncomingMessage): string | undefined {
  return /^Bearer (\S{1,4096})$/i.exec(request.headers.authorization ?? "")?.[1];
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES)
      throw new ApiError("json_error", `the request body is larger than ${MAX_BODY_BYTES} bytes`, { status: 413 });
    chunks.push(chunk);
  }
  return sizeBytes === 0 ? undefined : Buffer.concat(chunks).toString("utf8");
}
