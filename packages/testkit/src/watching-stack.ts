// Grafana, Vector and Loki as far as their health goes, for machines that cannot have the programs. They show and keep nothing.
import { createServer, type Server } from "node:http";

export interface FakePart {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
  /** From now on it answers as a sick one does, or as a well one again. */
  setWell(isWell: boolean): void;
  close(): Promise<void>;
}

interface Words {
  readonly path: string;
  readonly contentType: string;
  readonly well: string;
  readonly sick: string;
}

/** As in Grafana's pkg/api/http_server.go: 503 where its database does not answer. */
const GRAFANA: Words = {
  path: "/api/health",
  contentType: "application/json; charset=UTF-8",
  well: JSON.stringify({ commit: "0000000", database: "ok", version: "12.0.0" }),
  sick: JSON.stringify({ commit: "0000000", database: "failing", version: "12.0.0" }),
};
/** As the health address of Vector's API. */
const VECTOR: Words = {
  path: "/health",
  contentType: "application/json",
  well: JSON.stringify({ ok: true }),
  sick: JSON.stringify({ ok: false }),
};
/** As Loki says it while its ingester waits. */
const LOKI: Words = {
  path: "/ready",
  contentType: "text/plain; charset=utf-8",
  well: "ready\n",
  sick: "Ingester not ready: waiting for 15s after being ready\n",
};

export const startFakeGrafana = (): Promise<FakePart> => start(GRAFANA);
export const startFakeVector = (): Promise<FakePart> => start(VECTOR);
export const startFakeLoki = (): Promise<FakePart> => start(LOKI);

async function start({ path, contentType, well, sick }: Words): Promise<FakePart> {
  let isWell = true;
  const server: Server = createServer((request, response) => {
    const isHealth = request.method === "GET" && request.url?.split("?")[0] === path;
    response.writeHead(isHealth ? (isWell ? 200 : 503) : 404, { "content-type": contentType });
    response.end(isHealth ? (isWell ? well : sick) : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`,
    setWell: (next) => {
      isWell = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
