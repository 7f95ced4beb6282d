// Scene: a build that needs more memory than its machine has.
import type { Scene } from "@triplane/cli";
import { hungry } from "../../../test/build/plane/dockerfiles.ts";
import type { BuildWorld } from "../world.ts";

/** More than the steps of the smallest tier may have, less than those of the next one: tiers have an eighth of their memory here. */
const MIB = 500;

export const retryScene: Scene<BuildWorld> = {
  id: "retry",
  title: `A build that needs ${MIB} MiB, on a machine of 512`,
  claims: {
    "kernel-said-so": "the kernel killed the step and counted it: nobody guessed from a text",
    "one-tier-up": "one retry, one tier up, built it",
    "it-runs": "the image is there and runs",
  },
  play: async (world, tell) => {
    const { receipt } = await world.build(tell, "demo/hungry", hungry(world.plane.base.reference, MIB));
    const [first, second, ...more] = receipt.runs;
    tell.observe(
      "pool",
      "kernel-said-so",
      first?.outcome === "oom" && (first.oom_kills ?? 0) >= 1,
      `${first?.tier}: ${first?.oom_kills} killed at ${first?.peak_memory_mib} MiB`,
    );
    tell.observe(
      "launcher",
      "one-tier-up",
      second?.outcome === "built" && first?.tier === "cx22" && second.tier === "cx32" && more.length === 0,
      `${first?.tier} → ${second?.tier}: ${second?.outcome} with a peak of ${second?.peak_memory_mib} MiB`,
    );
    const pulled = await world.pullAndRun(receipt.images[0] ?? "");
    tell.observe("operator", "it-runs", pulled.output === "it fits", pulled.output);
  },
};
