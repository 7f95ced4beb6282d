// Passes one request on to a server behind us, and its answer back: as streams, with back-pressure, and never a whole body in memory.
//
// 1. Headers that belong to one hop stay there (RFC 9110 section 7.6.1), and so do the client's credentials and its claims of where it comes from.
// 2. What breaks on one side breaks on the other: a client never takes a part of an answer for the whole.
// 3. A body larger than the limit is cut off before the server behind us has all of it.
import { type Agent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { TriplaneError } from "@triplane/contract";

export interface Upstream {
  readonly host: string;
  readonly port: number;
  readonly agent: Agent;
}

export interface Passed {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly upstream: Upstream;
  /** Path and query for the server behind us. */
  readonly path: string;
  /** Set over those of the client. */
  readonly headers: Readonly<Record<string, string>>;
  readonly maxBodyBytes: number;
}

const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
const NOT_PASSED_ON = new Set([
  ...HOP_BY_HOP,
  ...["host", "authorization", "cookie", "expect", "forwarded"],
  ...["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-real-ip"],
]);
const NOT_PASSED_BACK = new Set([...HOP_BY_HOP, "set-cookie", "www-authenticate", "server", "location"]);

/**
 * Resolves with the status once the answer is through. Throws `body_too_large`, `unavailable` where the server behind us does not answer, and
 * `registry_backend` where it refuses our own credentials; after the answer has begun, a failure ends the connection instead.
 */
export async function passOn(passed: Passed): Promise<number> {
  const { incoming, outgoing, maxBodyBytes } = passed;
  const declared = Number(incoming.headers["content-length"] ?? 0);
  if (declared > maxBodyBytes) throw tooLarge(maxBodyBytes);
  const answer = await ask(passed);
  const status = answer.statusCode ?? 502;
  if (status === 401 || status === 403) {
    answer.resume();
    throw new TriplaneError("registry_backend", `the server behind the gateway refused it with ${status}`);
  }
  outgoing.writeHead(status, { ...kept(answer, NOT_PASSED_BACK), ...locationOf(answer, passed.upstream) });
  try {
    await pipeline(answer, outgoing);
  } catch {
    // Whichever side broke, the other must not take what it has for all.
    outgoing.destroy();
  }
  return status;
}

function ask(passed: Passed): Promise<IncomingMessage> {
  const { incoming, outgoing, upstream, path, headers, maxBodyBytes } = passed;
  return new Promise((resolve, reject) => {
    const { host, port, agent } = upstream;
    const asked = httpRequest({
      host,
      port,
      agent,
      path,
      method: incoming.method ?? "GET",
      headers: { ...kept(incoming, NOT_PASSED_ON), ...headers },
    });
    let sizeBytes = 0;
    const counting = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sizeBytes += chunk.length;
        done(sizeBytes > maxBodyBytes ? tooLarge(maxBodyBytes) : null, chunk);
      },
    });
    asked.once("response", resolve);
    asked.once("error", (cause) => {
      reject(
        cause instanceof TriplaneError
          ? cause
          : new TriplaneError("unavailable", "the server behind the gateway does not answer", { cause }),
      );
    });
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) asked.destroy();
    });
    incoming.once("close", () => {
      if (!incoming.complete) counting.destroy(new TriplaneError("request_invalid", "the request broke off"));
    });
    // Not part of the pipeline: a failure behind us must leave the client's connection open for the answer that says so.
    incoming.pipe(counting);
    pipeline(counting, asked).catch((cause: unknown) => {
      reject(
        cause instanceof TriplaneError ? cause : new TriplaneError("unavailable", "the server behind the gateway broke off", { cause }),
      );
    });
  });
}

/** Where to go next, as a path: clients know the server behind by no other name than ours. An address elsewhere is left out. */
function locationOf(answer: IncomingMessage, { host, port }: Upstream): OutgoingHttpHeaders {
  const said = answer.headers.location;
  const base = `http://${host}:${port}`;
  if (said === undefined || !URL.canParse(said, base)) return {};
  const { origin, pathname, search } = new URL(said, base);
  return origin === new URL(base).origin ? { location: `${pathname}${search}` } : {};
}

/** The headers of a message without those that go no further: the given ones, and those that its own Connection header names. */
function kept(message: IncomingMessage, dropped: ReadonlySet<string>): OutgoingHttpHeaders {
  const named = new Set(
    (message.headers.connection ?? "")
      .toLowerCase()
      .split(",")
      .map((name) => name.trim()),
  );
  const headers: OutgoingHttpHeaders = {};
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    if (values === undefined || dropped.has(name) || named.has(name)) continue;
    headers[name] = values.length === 1 ? values[0] : values;
  }
  return headers;
}

function tooLarge(maxBodyBytes: number): TriplaneError {
  return new TriplaneError("body_too_large", `the body is larger than ${maxBodyBytes} bytes`);
}
