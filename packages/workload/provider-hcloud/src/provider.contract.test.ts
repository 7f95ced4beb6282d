// The provider passes the contract suite of the pool, in front of the simulated cloud.

import type { FaultInput } from "@triplane/hcloud-sim";
import { sleep } from "@triplane/kit";
import { type ContractFault, providerContract } from "@triplane/vm-pool/testing";
import { GOLDEN, place } from "./testing/place.ts";

const CREATE = { method: "POST", path: "/servers" };

const FAULTS: Readonly<Record<ContractFault, FaultInput>> = {
  "create-answer-lost": { do: "cut", point: "after", when: CREATE },
  "create-unavailable": { do: "error", code: "resource_unavailable", when: CREATE },
  "create-limit": { do: "error", code: "resource_limit_exceeded", when: CREATE },
  // What is not tried again: a conflict or a rate limit would be.
  "create-busy": { do: "error", code: "maintenance", when: CREATE },
  "list-busy": { do: "error", code: "maintenance", when: { method: "GET", path: "/servers" } },
  "create-denied": { do: "error", code: "unauthorized", when: CREATE },
  "destroy-fails": { do: "error", code: "server_error", when: { method: "DELETE", path: "/servers/*" } },
};

providerContract("hcloud", async () => {
  const at = await place();
  return {
    provider: at.provider,
    reopen: async () => at.another(),
    golden: GOLDEN,
    nowS: () => Math.floor(Date.now() / 1000),
    bootMs: 5000,
    pause: (ms) => sleep(ms),
    stranger: async (name) => {
      const { body } = await at.api("POST", "/servers", { name, server_type: "cx23", image: "debian-12" });
      return String((body as unknown as { server: { id: number } }).server.id);
    },
    fault: async (fault) => {
      at.simulator.script(FAULTS[fault]);
      return true;
    },
    [Symbol.asyncDispose]: () => at[Symbol.asyncDispose](),
  };
});
