// Scene: a build that fits nowhere near.
import type { Scene } from "@triplane/cli";
import { hungry } from "../../../test/build/plane/dockerfiles.ts";
import type { BuildWorld } from "../world.ts";

const OUT_OF_MEMORY = 3;

export const neverScene: Scene<BuildWorld> = {
  id: "never",
  title: "A build that never fits",
  claims: {
    "two-runs": "it failed after exactly two runs, not one and not three",
    "says-what-to-do": "the message says what happened and what to do",
  },
  play: async (world, tell) => {
    const before = world.plane.runnersSeen.length;
    const { receipt, exitCode, out } = await world.build(tell, "demo/never", hungry(world.plane.base.reference, 1500));
    const runners = world.plane.runnersSeen.length - before;
    tell.observe(
      "launcher",
      "two-runs",
      exitCode === OUT_OF_MEMORY && receipt.runs.length === 2 && runners === 2 && receipt.runs.every(({ outcome }) => outcome === "oom"),
      `exit code ${exitCode} after ${receipt.runs.length} runs (${receipt.runs.map(({ tier }) => tier).join(", ")}) on ${runners} machines`,
    );
    const hint = /^hint\s+(.*)$/m.exec(out)?.[1] ?? "";
    tell.observe("operator", "says-what-to-do", /out of memory twice/.test(out) && hint.includes(".build-spec.ncl"), hint);
  },
};
