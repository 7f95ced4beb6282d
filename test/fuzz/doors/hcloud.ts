// Answers of a cloud's API that is broken, or is somebody else: every call of the provider gets the same bytes.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { TriplaneError } from "@triplane/contract";
import { silentLogger, systemClock, systemRandom } from "@triplane/kit";
import { hcloudProvider } from "@triplane/provider-hcloud";
import { bytesOf, type Door } from "../door.ts";

const NAMED = { id: 1, name: "cx23" };
const SERVER = {
  ...{ id: 7, name: "lease-1", status: "running", created: "2026-11-01T10:00:00+00:00", server_type: NAMED, location: { name: "fsn1" } },
  ...{
    public_net: { ipv4: { ip: "198.18.0.7" } },
    labels: { "managed-by": "triplane", pool: "main", lease: "lease-1", tier: "cx22", expires: "1" },
  },
};
const ACTION = { id: 9, command: "create_server", status: "success", error: null };
const IMAGE = {
  id: 3,
  type: "snapshot",
  status: "available",
  created: SERVER.created,
  architecture: "x86",
  disk_size: 40,
  labels: { golden: "current" },
};
const TYPE = {
  ...{ ...NAMED, cores: 2, memory: 4, disk: 40, cpu_type: "shared", architecture: "x86", deprecation: null },
  ...{ prices: [{ location: "fsn1", price_hourly: { net: "0.0056" } }], locations: [{ name: "fsn1", available: true, deprecation: null }] },
};
const ANSWER = {
  ...{ servers: [SERVER], server: SERVER, action: ACTION, actions: [ACTION], next_actions: [], images: [IMAGE], server_types: [TYPE] },
  ...{ ssh_keys: [{ id: 2, name: "triplane-no-password" }], meta: { pagination: { page: 1, next_page: null } } },
};
const FAILURE = { error: { code: "resource_unavailable", message: "error during placement", details: {} } };

/** The first byte is the status: 200, 201, 204, 302, 404, 412, 500 or 502. */
const STATUSES = [200, 201, 204, 302, 404, 412, 500, 502] as const;

export async function hcloudAnswers(): Promise<Door> {
  let input: Uint8Array = new Uint8Array();
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(STATUSES[(input[0] ?? 0) % STATUSES.length] ?? 200, { "content-type": "application/json" }).end(input.subarray(1));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const timing = { timeoutMs: 2000, retryBaseMs: 1, pollMs: 1, actionDeadlineMs: 5, offersForMs: 0, unavailableForMs: 0 };
  const provider = hcloudProvider({ token: "t", endpoint, clock: systemClock, random: systemRandom, logger: silentLogger, ...timing });
  const { signal } = new AbortController();
  return {
    seeds: [`\0${JSON.stringify(ANSWER)}`, `\x05${JSON.stringify(FAILURE)}`].map(bytesOf),
    words: [
      "next_page",
      "labels",
      "managed-by",
      "triplane",
      "running",
      "error",
      "success",
      "deprecation",
      "net",
      "1e999",
      "__proto__",
      "2026-13-45",
    ],
    enter: async (bytes) => {
      input = bytes;
      const asks = [
        () => provider.list("main", signal),
        () => provider.find("lease-1", signal),
        () => provider.offers(signal),
        () => provider.images({ golden: "current" }, signal),
        () => provider.destroy("7", signal),
      ];
      const refused: unknown[] = [];
      for (const ask of asks) await ask().catch((error: unknown) => refused.push(error));
      const odd = refused.find((error) => !(error instanceof TriplaneError) || !error.code.startsWith("provider_"));
      if (odd !== undefined || refused.length === asks.length) throw odd ?? refused[0];
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
