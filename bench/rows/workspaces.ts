// Row: total throughput of one, ten and a hundred workspaces on one host.
import { freemem } from "node:os";
import { bySize, type Line, type Row, type RowContext } from "../harness/row.ts";
import { closedLoop } from "../spine/closed-loop.ts";
import { ManyWorkspaces } from "../spine/many.ts";

const GIB = 2 ** 30;
/** What the last workspaces must leave free: a machine that swaps measures its disk. */
const LEAVE_FREE = 2 * GIB;

export const workspaces: Row = {
  id: "workspaces",
  summary: "total throughput of 1, 10 and 100 workspaces on one host, against that of one",
  async run(context) {
    const counts = bySize(context, { full: [1, 10, 100], quick: [1, 5], tiny: [1, 2] });
    await using many = new ManyWorkspaces(context.signal);
    const lines: Line[] = [];
    let one = Number.NaN;
    for (const count of counts) {
      const reached = await grow(context, many, count);
      const total = await totalRate(context, many);
      if (count === 1) one = total;
      lines.push({
        what: `${reached} workspaces`,
        ours: { value: total, unit: "ops/s" },
        against: { value: one, unit: "ops/s (1 workspace)" },
        ratio: total / one,
        target: count === 1 ? "–" : "does not fall (≥ 0.9 of one)",
        met: count === 1 ? undefined : reached === count && total >= 0.9 * one,
        notes: [
          ...(reached < count ? [`${count} did not fit into memory: ${reached} were started`] : []),
          `each with its own nats-server, repositories and two stores; one process for each kind of daemon serves all of them`,
        ],
      });
    }
    return lines;
  },
};

async function grow(context: RowContext, many: ManyWorkspaces, count: number): Promise<number> {
  while (many.places.length < count && freemem() > LEAVE_FREE) {
    await many.add();
    if (many.places.length % 10 === 0) context.progress(`${many.places.length} workspaces run`);
  }
  return many.places.length;
}

/** The same number of ops on their way in total, however many share them. */
async function totalRate(context: RowContext, many: ManyWorkspaces): Promise<number> {
  const { signal, progress } = context;
  const times = bySize(context, {
    full: { inFlight: 1500, warmUpMs: 6_000, measureMs: 20_000 },
    quick: { inFlight: 1000, warmUpMs: 3_000, measureMs: 10_000 },
    tiny: { inFlight: 40, warmUpMs: 500, measureMs: 4_000 },
  });
  const inFlight = Math.max(10, Math.floor(times.inFlight / many.places.length));
  const results = await Promise.all(many.places.map((place) => closedLoop(place, { ...times, inFlight, signal, progress })));
  return results.reduce((sum, { opsPerSecond }) => sum + opsPerSecond, 0);
}
