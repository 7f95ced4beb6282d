// A collector of traces as far as an exporter sees it: it takes requests and keeps their bodies.
import { createServer } from "node:http";

export interface TraceCollector {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
  /** Method, path and content type of every request. */
  readonly requests: readonly string[];
  /** Bodies that it took, as they came. */
  readonly bodies: readonly string[];
  close(): Promise<void>;
}

export interface TraceCollectorOptions {
  /** What it answers to the next request; a body that is not answered with 200 is not kept. */
  readonly status?: () => number;
  readonly port?: number;
}

export async function startTraceCollector({ status = () => 200, port = 0 }: TraceCollectorOptions = {}): Promise<TraceCollector> {
  const requests: string[] = [];
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (bytes: Buffer) => {
      body += bytes.toString("utf8");
    });
    request.on("end", () => {
      requests.push(`${request.method} ${request.url} ${request.headers["content-type"]}`);
      const answer = status();
      if (answer === 200) bodies.push(body);
      response.writeHead(answer, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  // A test that fails must not leave a server behind that keeps the process.
  server.unref();
  return {
    url: `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`,
    requests,
    bodies,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
