// One HTTP request with limits on time and size. Redirects are not followed: one would carry a token elsewhere.
//
// Not `fetch`: it costs several times as much per request, and 50 ms of a program's start. Nor an import of node:http, which as an ES
// module loads all that it exports, fetch and WebSocket too.
import type { Agent, IncomingMessage, RequestOptions } from "node:http";

export interface HttpQuestion {
  /** GET without a body, POST with one, unless told otherwise. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: string;
  /** For the whole exchange. */
  readonly timeoutMs: number;
  /** Of the answer. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
  /** Connections that are kept; without one the connection ends with the answer. */
  readonly agent?: Agent;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** Rejects with an `Error` whose message says why there is no answer: refused, late, too large, ended by the signal. */
export function httpExchange(url: string, question: HttpQuestion): Promise<HttpAnswer> {
  const { body, timeoutMs, maxBytes, agent, signal } = question;
  const options: RequestOptions = {
    method: question.method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...question.headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    agent: agent ?? false,
    ...(signal === undefined ? {} : { signal }),
  };
  return new Promise((resolve, reject) => {
    const asking = moduleFor(url).request(url, options, (response) => {
      readBounded(response, maxBytes).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    const late = setTimeout(() => asking.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    asking.on("error", reject);
    asking.once("close", () => clearTimeout(late));
    asking.end(body);
  });
}

/** Keeps connections to the host of `url`. */
export function keepAliveAgent(url: string): Agent {
  return new (moduleFor(url).Agent)({ keepAlive: true });
}

function moduleFor(url: string): Pick<typeof import("node:http"), "request" | "Agent"> {
  return process.getBuiltinModule(url.startsWith("https:") ? "node:https" : "node:http");
}

async function readBounded(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
