// As much of the orchestrator's vm-pool as the gateway asks: GET /api/v1/vm-pool/{lease_id}.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Lease } from "@triplane/contract";

export interface FakePool extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** Sets the state of a lease; the pool works again if it was broken. */
  say(leaseId: string, state: Lease["state"]): void;
  /** From now on it answers 500. */
  breakDown(): void;
}

export async function fakePool(): Promise<FakePool> {
  const token = "tpo_for-the-gateway";
  const states = new Map<string, Lease["state"]>();
  let broken = false;
  const server = createServer((incoming, outgoing) => {
    const state = states.get((incoming.url ?? "").slice("/api/v1/vm-pool/".length));
    if (broken) outgoing.writeHead(500).end();
    else if (incoming.headers.authorization !== `Bearer ${token}`) outgoing.writeHead(401).end();
    else if (state === undefined) outgoing.writeHead(404).end();
    else outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(leaseIn(state, incoming.url ?? "")));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    say: (leaseId, state) => {
      broken = false;
      states.set(leaseId, state);
    },
    breakDown: () => {
      broken = true;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function leaseIn(state: Lease["state"], url: string): Lease {
  return {
    ...{ lease_id: url.slice(url.lastIndexOf("/") + 1), build_id: "b1", state, repo: "acme/api", target: "", platform: "linux/amd64" },
    ...{ tenant: "default", tier: "cx22", provider: "local", created_at: 1, expires_at: 2, heartbeat_s: 15 },
  };
}
