// The local provider passes what every provider promises, with real runners.
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { providerContract } from "@triplane/vm-pool/testing";
import { TEST_GOLDEN_LABELS, whyNoRunners } from "./testing/golden-for-tests.ts";
import { testRunners } from "./testing/test-runners.ts";

const why = await whyNoRunners();
if (why !== undefined) describe("local provider", () => void it("contract of providers", { skip: why }, () => {}));
else {
  providerContract("local provider", async () => {
    const runners = await testRunners([{ type: "local-cx22", cpus: 2, memoryMib: 4096 }]);
    return {
      provider: runners.provider,
      reopen: () => runners.open(),
      golden: TEST_GOLDEN_LABELS,
      nowS: () => Math.floor(Date.now() / 1000),
      bootMs: 20_000,
      pause: (ms) => pause(ms),
      [Symbol.asyncDispose]: () => runners[Symbol.asyncDispose](),
    };
  });
}
