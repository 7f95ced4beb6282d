// Scene: what is left of all these machines.
import type { Scene } from "@triplane/cli";
import type { BuildWorld } from "../world.ts";

export const emptyScene: Scene<BuildWorld> = {
  id: "empty",
  title: "What is left of all these machines",
  claims: {
    "pool-empty": "no lease is live, and the provider has no runner",
    "machine-empty": "no process, mount, network interface, cgroup or file of any runner is on this machine",
    "leases-ended": "every lease of every run is on record as ended",
  },
  play: async (world, tell) => {
    const { plane } = world;
    const left = await plane.left();
    const { leases, orphans } = await plane.orchestrator.leases();
    tell.observe(
      "pool",
      "pool-empty",
      leases.length === 0 && orphans === 0,
      `${leases.length} live leases, ${orphans} runners without one`,
    );
    tell.observe(
      "workload",
      "machine-empty",
      left.length === 0,
      left.length === 0
        ? `looked for ${plane.runnersSeen.length} runners in /proc, /sys/class/net, the routes, all cgroup hierarchies and the runners' folder`
        : left.join("\n"),
    );
    const states = await Promise.all(world.leases.map(async (id) => (await plane.orchestrator.lease(id)).state));
    tell.observe(
      "pool",
      "leases-ended",
      states.length === 6 && states.every((state) => state === "gone"),
      `${states.length} leases: ${states.join(", ")}`,
    );
  },
};
