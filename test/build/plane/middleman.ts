// Stands between a launcher and the pool and changes leases on their way: another address, another host key, another token.
//
// What it changes is what a network, a thief of addresses or a slow day would change; everything else passes as it is.
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type Lease, leaseSchema } from "@triplane/contract";

export interface Middleman extends AsyncDisposable {
  readonly url: string;
  /** Requests that came: `POST /api/v1/vm-pool/spawn`. */
  readonly requests: readonly string[];
  /** Of every lease that passes and is ready. */
  change(how: (lease: Lease) => Lease | Promise<Lease>): void;
  /** Ends the connection instead of answering, as long as this holds. */
  refuse(when: (request: string) => boolean): void;
}

export async function middleman(orchestratorUrl: string): Promise<Middleman> {
  const requests: string[] = [];
  let how: (lease: Lease) => Lease | Promise<Lease> = (lease) => lease;
  let refused: (request: string) => boolean = () => false;
  const server = createServer((incoming, outgoing) => {
    const request = `${incoming.method} ${incoming.url}`;
    requests.push(request);
    if (refused(request)) {
      incoming.socket.resetAndDestroy();
      return;
    }
    passOn(incoming, orchestratorUrl)
      .then(async ({ status, text }) => {
        const lease = leaseSchema.safeParse(parsed(text));
        const isReady = lease.success && lease.data.state === "ready";
        outgoing.writeHead(status, { "content-type": "application/json" });
        outgoing.end(isReady ? JSON.stringify(await how(lease.data)) : text);
      })
      .catch(() => incoming.socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests },
    change: (next) => {
      how = next;
    },
    refuse: (when) => {
      refused = when;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function passOn(incoming: IncomingMessage, to: string): Promise<{ readonly status: number; readonly text: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { authorization = "", "content-type": contentType = "application/json" } = incoming.headers;
  const response = await fetch(new URL(incoming.url ?? "/", to), {
    method: incoming.method ?? "GET",
    headers: { authorization, ...(body.length === 0 ? {} : { "content-type": contentType }) },
    ...(body.length === 0 ? {} : { body }),
  });
  return { status: response.status, text: await response.text() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
