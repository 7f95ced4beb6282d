// The simulated cloud passes the contract suite of the real ones, with its time moved by hand.
import { manualClock } from "@triplane/testkit";
import { type ContractFault, providerContract } from "./provider-contract.ts";
import { type CloudCall, type CloudFault, SimulatedCloud } from "./simulated-cloud.ts";

const FAULTS: Readonly<Record<ContractFault, readonly [CloudCall, CloudFault]>> = {
  "create-answer-lost": ["create", "lose-answer"],
  "create-unavailable": ["create", "unavailable"],
  "create-limit": ["create", "limit"],
  "create-busy": ["create", "busy"],
  "create-denied": ["create", "denied"],
  "list-busy": ["list", "busy"],
  "destroy-fails": ["destroy", "failed"],
};

providerContract("simulated", async () => {
  const clock = manualClock();
  const cloud = new SimulatedCloud({ clock, bootMs: () => 30_000 });
  return {
    provider: cloud.provider(),
    reopen: async () => cloud.provider(),
    golden: { golden: "current" },
    nowS: () => Math.floor(clock.nowMs() / 1000),
    bootMs: 60_000,
    pause: async (ms) => clock.advance(ms),
    stranger: async (name) => cloud.stranger(name),
    fault: async (fault) => {
      cloud.order(...FAULTS[fault]);
      return true;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});
