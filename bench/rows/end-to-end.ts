// Row: durable ops a second from the operator's signature to the ledger, against a floor of the parts that cannot be left out.
import { measureFloor } from "../floor/floor.ts";
import { bySize, type Row, type RowContext } from "../harness/row.ts";
import { measureEndToEnd } from "../spine/end-to-end.ts";

export const endToEnd: Row = {
  id: "end-to-end",
  summary: "submit → in the ledger, all of it durable, against a floor of its unavoidable parts on the same cores",
  async run(context) {
    context.progress("the floor");
    const before = await floor(context);
    context.progress("the workspace");
    const { opsPerSecond, ops, durability, processorMs } = await measureEndToEnd(context);
    context.progress("the floor again");
    const after = await floor(context);
    const floorRate = (before + after) / 2;
    const ratio = opsPerSecond / floorRate;
    return [
      {
        what: "submit → in the ledger",
        ours: { value: opsPerSecond, unit: "ops/s" },
        against: { value: floorRate, unit: "ops/s (floor)" },
        ratio,
        target: "≥ 0.5 of the floor",
        met: ratio >= 0.5,
        notes: [
          `${ops} ops, every one applied and found in a ledger that verifies; the floor before ${before.toFixed(0)} and after ${after.toFixed(0)} ops/s`,
          `processor time for one op, ms: ${[...processorMs].map(([name, ms]) => `${name} ${ms.toFixed(2)}`).join(", ")}; the operator's share includes looking at the ledger afterwards`,
          `durable while measured: nats-server says sync_always ${durability.natsSyncAlways}, stores ${durability.stores.map((store) => store.split(":")[0]).join(" and ")} (synced, proven by the daemons at start), git core.fsync=all ${durability.gitSyncsAll}`,
        ],
      },
    ];
  },
};

/** The best of several depths: whatever is too little or too much in flight is not what is unavoidable. */
async function floor(context: RowContext): Promise<number> {
  const { ops, depths } = bySize(context, {
    full: { ops: 8000, depths: [8, 24] },
    quick: { ops: 3000, depths: [12] },
    tiny: { ops: 128, depths: [2] },
  });
  let best = 0;
  for (const batchesInFlight of depths) {
    const rate = await measureFloor({ folder: await context.temporary("floor"), ops, batchesInFlight });
    context.progress(`${batchesInFlight} batches in flight: ${rate.toFixed(0)} ops/s`);
    best = Math.max(best, rate);
  }
  return best;
}
