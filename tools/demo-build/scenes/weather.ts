// Scene of the simulated cloud: what went wrong behind all these builds.
import type { Scene } from "@triplane/cli";
import type { FaultInput } from "@triplane/hcloud-sim";
import type { BuildWorld } from "../world.ts";

const SERVERS = { method: "POST", path: "/servers" } as const;

/** Named, so that the log of calls says which of them were met. */
export const FAULTS: readonly FaultInput[] = [
  { id: "one-entry-a-page", do: "page_size", size: 1 },
  { id: "sold-out-at-the-first-place", do: "error", code: "resource_unavailable", when: SERVERS },
  { id: "rate-limited", do: "error", code: "rate_limit_exceeded", when: SERVERS },
  { id: "create-whose-answer-is-lost", do: "cut", point: "after", when: SERVERS, skip: 2 },
  { id: "server-error", do: "error", code: "server_error", when: SERVERS, skip: 3 },
  { id: "delete-that-fails", do: "error", code: "server_error", when: { method: "DELETE", path: "/servers/*" }, times: 3 },
];
/** Met only by whoever lists more than one server. */
const MAY_BE_MISSED = "one-entry-a-page";

export const weatherScene: Scene<BuildWorld> = {
  id: "weather",
  title: "What went wrong in the cloud behind all these builds",
  claims: {
    "faults-met": "the cloud failed as it was told to, and every build above ended as if it had not",
    "one-server-each": "for each lease one server was used, also where the answer to its creation was lost",
    paid: "the receipts say what it cost",
  },
  play: async (world, tell) => {
    const { cloud, runnersSeen } = world.plane;
    const calls = (await cloud?.calls()) ?? [];
    const met = new Set(calls.flatMap(({ faults }) => faults));
    const missed = FAULTS.map(({ id = "" }) => id).filter((id) => id !== MAY_BE_MISSED && !met.has(id));
    tell.observe(
      "pool",
      "faults-met",
      missed.length === 0,
      `${calls.length} calls; met: ${[...met].join(", ")}${missed.length === 0 ? "" : `; not met: ${missed.join(", ")}`}`,
    );
    tell.observe(
      "pool",
      "one-server-each",
      runnersSeen.length === world.leases.length,
      `${world.leases.length} leases, ${runnersSeen.length} runners`,
    );
    const cents = world.receipts.map(({ cost_cents: cost }) => cost);
    tell.observe(
      "operator",
      "paid",
      cents.every((cost) => cost !== undefined),
      `cents: ${cents.map((cost) => cost?.toFixed(2)).join(", ")}`,
    );
  },
};
