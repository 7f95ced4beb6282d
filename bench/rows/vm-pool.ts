// Row: what the pool adds to its provider's calls: a pass of the reaper over many servers, and many leases at once.
import { bySize, type Row } from "../harness/row.ts";
import { measureManyLeases, measureReaper } from "../vm-pool.ts";

export const vmPool: Row = {
  id: "vm-pool",
  summary: "a reaper's pass over many servers against the listing calls alone, and many leases at once against one, at a simulated cloud",
  async run(context) {
    const reaper = await measureReaper(bySize(context, { full: 1000, quick: 200, tiny: 60 }), await context.temporary("reaper"));
    const leases = await measureManyLeases(bySize(context, { full: 20, quick: 10, tiny: 3 }), await context.temporary("leases"));
    return [
      {
        what: `calls of a reaper's pass over ${reaper.servers} servers`,
        ours: { value: reaper.passCalls, unit: "calls" },
        against: { value: reaper.listCalls, unit: "calls (the list alone)" },
        ratio: reaper.passCalls / reaper.listCalls,
        target: "the pages of the list, and none for a server",
        met: reaper.passCalls === reaper.listCalls,
        notes: ["here a smaller ratio is better", "none of the servers has a lease, and none is due"],
      },
      {
        what: `time of a reaper's pass over ${reaper.servers} servers`,
        ours: { value: reaper.passMs, unit: "ms" },
        against: { value: reaper.listMs, unit: "ms (the list alone)" },
        ratio: reaper.passMs / reaper.listMs,
        target: "–",
        met: undefined,
        notes: ["here a smaller ratio is better"],
      },
      {
        what: `${leases.count} leases at once, from the first request until the last runner is ready`,
        ours: { value: leases.manyMs, unit: "ms" },
        against: { value: leases.oneMs, unit: "ms (one lease)" },
        ratio: leases.manyMs / leases.oneMs,
        target: `≤ ${leases.count} × one, none fails, none is left`,
        met: leases.manyMs <= leases.count * leases.oneMs && leases.failed === 0 && leases.left === 0,
        notes: [
          `${leases.failed} failed, ${leases.left} servers left`,
          "here a smaller ratio is better; runners count as ready once the cloud says that they run",
        ],
      },
    ];
  },
};
