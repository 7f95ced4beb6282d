// Row: what a batch costs in a short and in a long ledger, and how large a record is once it is packed.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type LedgerWriter, openLedgerWriter } from "@triplane/ledger";
import { bySize, type Line, type Row, type RowContext } from "../harness/row.ts";
import { median } from "../harness/statistics.ts";
import { copyLedger, packedBytes } from "../ledger/copy.ts";
import { type LedgerFixture, ledgerFixture, signedBatches } from "../ledger/fixture.ts";
import { fixedClock, recordOf } from "../ledger/records.ts";

const BATCH = 256;
/** As audit-mirror does. */
const TIDY_EVERY = 32;

interface Grown {
  readonly records: number;
  readonly ledger: LedgerFixture;
  readonly writer: LedgerWriter;
  readonly openMs: number;
  readonly batches: AsyncGenerator<readonly string[]>;
  readonly times: number[];
}

export const ledgerGrowth: Row = {
  id: "ledger-growth",
  summary: "the cost of a batch and the bytes of a record, as the ledger grows",
  async run(context) {
    const sizes = bySize(context, { full: [1000, 100_000, 1_000_000], quick: [1000, 10_000, 50_000], tiny: [300, 600] });
    const rounds = bySize(context, { full: 64, quick: 32, tiny: 2 });
    const grown: Grown[] = [];
    for (const records of sizes) grown.push(await prepare(context, records, rounds));
    // In turns, so that whatever else the machine does hits all sizes alike.
    for (let round = 0; round < rounds; round += 1) {
      for (const each of grown) {
        const records = ((await each.batches.next()).value ?? []).map(recordOf);
        const startedMs = performance.now();
        await each.writer.append(records);
        if ((round + 1) % TIDY_EVERY === 0) await each.writer.tidy();
        each.times.push(performance.now() - startedMs);
      }
    }
    const lines: Line[] = [];
    const first = grown[0];
    for (const each of grown) {
      await each.batches.return(undefined);
      await each.writer.close();
      if (first !== undefined) lines.push(...(await linesOf(context, each, first)));
    }
    return lines;
  },
};

async function prepare(context: RowContext, records: number, rounds: number): Promise<Grown> {
  context.progress(`a ledger of ${records.toLocaleString("en-US")} records`);
  const cached = await ledgerFixture({ folder: join(context.cacheDir, `ledger-${records}`), records, batchRecords: BATCH });
  const ledger = copyLedger(cached, await context.temporary("growth"));
  const startedMs = performance.now();
  const writer = await openLedgerWriter({ repoDir: ledger.repoDir, key: ledger.controller, pin: ledger.pin, clock: fixedClock });
  const openMs = performance.now() - startedMs;
  const batches = signedBatches(ledger.seeds, writer.size, writer.size + rounds * BATCH, BATCH);
  return { records, ledger, writer, openMs, batches, times: [] };
}

async function linesOf(context: RowContext, grown: Grown, first: Grown): Promise<readonly Line[]> {
  const name = grown.records.toLocaleString("en-US");
  const [ms, firstMs] = [median(grown.times), median(first.times)];
  context.progress(`git gc at ${name} records`);
  execFileSync("git", [`--git-dir=${grown.ledger.repoDir}`, "gc", "--quiet", "--prune=now"], { stdio: "ignore" });
  const mean = (times: readonly number[]) => times.reduce((sum, time) => sum + time, 0) / times.length;
  return [
    {
      what: `a batch of ${BATCH} at ${name} records`,
      ours: { value: ms, unit: "ms" },
      against: { value: firstMs, unit: `ms (at ${first.records.toLocaleString("en-US")})` },
      ratio: ms / firstMs,
      target: "flat (≤ 1.3 ×)",
      met: ms / firstMs <= 1.3,
      notes: [
        `medians of ${grown.times.length} batches in turns; mean with packing every ${TIDY_EVERY} batches ${mean(grown.times).toFixed(1)} ms; opening the writer ${grown.openMs.toFixed(0)} ms`,
      ],
    },
    {
      what: `bytes of a record at ${name} records, after git gc`,
      ours: { value: packedBytes(grown.ledger.repoDir) / (grown.records + grown.times.length * BATCH), unit: "bytes" },
      against: undefined,
      ratio: undefined,
      target: "–",
      met: undefined,
      notes: [],
    },
  ];
}
