// Scene: the same build again, on another machine that has never seen it.
import type { Scene } from "@triplane/cli";
import { greeting } from "../../../test/build/plane/dockerfiles.ts";
import type { BuildWorld } from "../world.ts";
import { GREETING, REPO } from "./first.ts";

export const cachedScene: Scene<BuildWorld> = {
  id: "cached",
  title: "The same build again, on a new machine: from the cache in the registry",
  claims: {
    "new-machine": "another runner built it, which had nothing of the first one",
    "cache-hit": "its steps came from the cache that the first build left in the registry",
    "same-image": "the image runs as the first one did",
  },
  play: async (world, tell) => {
    const before = world.plane.runnersSeen.length;
    const { receipt } = await world.build(tell, REPO, greeting(world.plane.base.reference, GREETING), ["--tags", "2"]);
    const [run] = receipt.runs;
    const made = world.plane.runnersSeen.slice(before);
    tell.observe("pool", "new-machine", made.length === 1, `runner ${made[0]} is not ${world.plane.runnersSeen[0]}`);
    const first = world.receipts[0]?.runs[0];
    tell.observe(
      "launcher",
      "cache-hit",
      (run?.cached_steps ?? 0) > (first?.cached_steps ?? 0) && (run?.cached_steps ?? 0) >= 2,
      `${run?.cached_steps} of ${run?.steps} steps came from the cache, the first time ${first?.cached_steps} of ${first?.steps}`,
    );
    const pulled = await world.pullAndRun(receipt.images[0] ?? "");
    tell.observe("operator", "same-image", pulled.output.startsWith(GREETING), pulled.output.split("\n")[0] ?? "");
  },
};
