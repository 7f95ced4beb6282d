// A cloud that fails in every way that it can, between `triplane build` and a simulated Hetzner Cloud: what the launcher says, and that no server is left. No root is needed.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { FaultInput } from "@triplane/hcloud-sim";
import { systemRandom } from "@triplane/kit";
import { eventually } from "@triplane/testkit";
import { build } from "./plane/launcher.ts";
import { assertTold } from "./plane/place.ts";
import { type SimulatedCloud, simulatedCloud } from "./plane/simulated-cloud.ts";

const SLOW = { timeout: 120_000 };
const CREATE = { method: "POST", path: "/servers" } as const;

interface Case {
  readonly fault: FaultInput;
  /** What the launcher says of it. */
  readonly says: RegExp;
}

/** Nobody answers at a simulated server's address: where one is made all the same, it is never ready. */
const NOT_READY = /not ready 10 s after it was made/;

const CASES: Readonly<Record<string, Case>> = {
  "the token is refused": {
    fault: { do: "error", code: "unauthorized", when: CREATE, times: "always" },
    says: /provider_denied|refused|unauthorized/,
  },
  "the account's limit is reached": {
    fault: { do: "error", code: "resource_limit_exceeded", when: CREATE, times: "always" },
    says: /limit/,
  },
  "nothing is to be had anywhere": { fault: { do: "unavailable" }, says: /to be had/ },
  "the type at the first place is sold out": { fault: { do: "unavailable", when: { location: "fsn1" } }, says: NOT_READY },
  "the rate limit is reached once": { fault: { do: "error", code: "rate_limit_exceeded", when: CREATE }, says: NOT_READY },
  "it is locked, then not": { fault: { do: "error", code: "locked", when: CREATE, times: 2 }, says: NOT_READY },
  "it conflicts, then not": { fault: { do: "error", code: "conflict", when: CREATE, times: 2 }, says: NOT_READY },
  "it fails inside, once": { fault: { do: "error", code: "server_error", when: CREATE }, says: NOT_READY },
  "the answer to the create is lost": { fault: { do: "cut", point: "after", when: CREATE }, says: NOT_READY },
  "the connection is cut before the create": { fault: { do: "cut", point: "before", when: CREATE }, says: NOT_READY },
  "the create answers half a JSON": { fault: { do: "answer", status: 201, body: '{"server":{"id":', when: CREATE }, says: NOT_READY },
  "the server's action fails": {
    fault: { do: "fail", code: "action_failed", when: { command: "create_server" } },
    says: /runner_lost|not there|stopped|failed|not ready/,
  },
  "deleting fails three times": {
    fault: { do: "error", code: "server_error", when: { method: "DELETE", path: "/servers/*" }, times: 3 },
    says: NOT_READY,
  },
  "lists have one entry a page": { fault: { do: "page_size", size: 1 }, says: NOT_READY },
};

describe("provider errors of every class", () => {
  let cloud: SimulatedCloud;
  before(async () => {
    cloud = await simulatedCloud(systemRandom);
  }, SLOW);
  after(() => cloud?.[Symbol.asyncDispose]());

  // Together: each waits for a runner that never comes.
  for (const [name, { fault, says }] of Object.entries(CASES)) {
    it(`${name}: the launcher says why, no server and no lease is left`, SLOW, async () => {
      await cloud.fault(fault);
      const end = await build({
        ...{ folder: join(cloud.folder, "builds"), env: cloud.launcherEnv, repo: "faults/provider" },
        files: { Dockerfile: "FROM scratch\n" },
      });
      assertTold(end, { exitCode: 5, code: "lease_ended", says, hint: /message has the pool's reason/ });
      await eventually(async () => (await cloud.servers()).length === 0, { timeoutMs: 30_000, what: "the end of the last server" });
      await eventually(
        async () => {
          const { leases, orphans } = await cloud.orchestrator.leases();
          return leases.length === 0 && orphans === 0;
        },
        { timeoutMs: 30_000, what: "the end of the last lease" },
      );
      // Of one lease there was never more than one server at a time, whatever was lost.
      const names = cloud.simulator.requests.entries.filter(
        ({ method, path, status }) => method === "POST" && path === "/servers" && status === 201,
      );
      assert.ok(names.length <= 2, `${names.length} servers were made`);
    });
  }
});
