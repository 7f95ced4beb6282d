// Row: a small build that is all in the cache, through the launcher, against the same commands typed by hand on a runner that is ready.
import { whyNoRunners } from "@triplane/provider-local/testing";
import { whyNoRegistry } from "../../test/build/launcher/place.ts";
import { measureCachedBuilds } from "../builds.ts";
import { bySize, type Row } from "../harness/row.ts";

export const builds: Row = {
  id: "builds",
  summary: "a small cached build through the launcher, against ssh, rsync and buildctl typed by hand on a ready runner",
  async run(context) {
    const why = (await whyNoRunners()) ?? (await whyNoRegistry());
    if (why !== undefined) throw new Error(why);
    const { rounds, launcherMs, byHandMs, spawnMs } = await measureCachedBuilds(
      bySize(context, { full: 11, quick: 3, tiny: 1 }),
      context.signal,
    );
    return [
      {
        what: "a small build, all from the registry's cache, without the spawn",
        ours: { value: launcherMs, unit: "ms" },
        against: { value: byHandMs, unit: "ms (rsync and buildctl over ssh)" },
        ratio: launcherMs / byHandMs,
        target: "≤ 1.1 × the same by hand",
        met: launcherMs <= 1.1 * byHandMs,
        notes: [
          `medians of ${rounds} builds in turns, each on a new runner; here a smaller ratio is better`,
          "ours begins with the start of the process and ends when the runner is given back and its use reported; by hand the key, the runner, its host key and the login to the registry are there already",
        ],
      },
      {
        what: "spawn of its runner, until it is ready",
        ours: { value: spawnMs, unit: "ms" },
        against: undefined,
        ratio: undefined,
        target: "–",
        met: undefined,
        notes: [`median of ${rounds}`],
      },
    ];
  },
};
