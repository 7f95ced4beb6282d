// Row: verifying a ledger, against git's own check of its commits, against the raw cost of its signatures, and of one more batch.
import { join } from "node:path";
import { openLedgerWriter, verifyLedger } from "@triplane/ledger";
import { bySize, type Line, perSecond, type Row, type RowContext } from "../harness/row.ts";
import { median } from "../harness/statistics.ts";
import { copyLedger } from "../ledger/copy.ts";
import { ledgerFixture, signedBatches } from "../ledger/fixture.ts";
import { gitCommitsPerSecond } from "../ledger/git-verify.ts";
import { rawSignaturesPerSecond, tokensOf } from "../ledger/raw-signatures.ts";
import { fixedClock, makeRecord, recordOf, signersOf } from "../ledger/records.ts";

/** As audit-mirror fills a batch under load. */
const BATCH = 256;
const SIGNATURES_PER_RECORD = 3;

interface Measured {
  readonly records: number;
  readonly lines: readonly Line[];
  readonly incrementalMs: number;
}

export const ledgerVerification: Row = {
  id: "ledger-verification",
  summary: "a ledger verified record by record, against git verify-commit and against its signatures alone",
  async run(context) {
    const sizes = bySize(context, { full: [10_000, 1_000_000], quick: [10_000, 50_000], tiny: [300, 600] });
    const measured: Measured[] = [];
    for (const records of sizes) measured.push(await measure(context, records));
    const [first, last] = [measured[0], measured.at(-1)];
    if (first === undefined || last === undefined) return [];
    const ratio = last.incrementalMs / first.incrementalMs;
    return [
      ...measured.flatMap(({ lines }) => lines),
      {
        what: `one more batch of ${BATCH}, after ${last.records.toLocaleString("en-US")} verified before`,
        ours: { value: last.incrementalMs, unit: "ms" },
        against: { value: first.incrementalMs, unit: `ms (after ${first.records.toLocaleString("en-US")})` },
        ratio,
        target: "independent of length (≤ 1.3 ×)",
        met: ratio <= 1.3,
        notes: ["medians of several batches, each verified with --remember; here a smaller ratio is better"],
      },
    ];
  },
};

async function measure(context: RowContext, records: number): Promise<Measured> {
  const name = records.toLocaleString("en-US");
  const cached = await ledgerFixture({
    folder: join(context.cacheDir, `ledger-${records}`),
    records,
    batchRecords: BATCH,
    onProgress: (done) => {
      if (done % (BATCH * 100) === 0) context.progress(`made ${done.toLocaleString("en-US")} of ${name} records`);
    },
  });
  const folder = await context.temporary("ledger");
  const ledger = copyLedger(cached, folder);
  const signers = signersOf(ledger.seeds);
  const sample = tokensOf(Array.from({ length: 64 }, (_, number) => makeRecord(signers, number)));
  const rounds = bySize(context, { full: 60, quick: 40, tiny: 1 });
  const before = await rawSignaturesPerSecond(sample, rounds);

  context.progress(`verifying ${name} records`);
  const memoryFile = join(folder, "verified");
  const startedMs = performance.now();
  const report = await verifyLedger(ledger.repoDir, ledger.pin, { memoryFile });
  const ms = performance.now() - startedMs;
  if (!report.ok) throw new Error(`the measured ledger does not verify: ${report.problems[0]?.message}`);
  const ours = perSecond(report.size, ms);
  const after = await rawSignaturesPerSecond(sample, rounds);
  const raw = (before + after) / 2 / SIGNATURES_PER_RECORD;

  context.progress("git verify-commit");
  const commits = gitCommitsPerSecond(ledger.repoDir, ledger.controller, bySize(context, { full: 100, quick: 40, tiny: 2 }), folder);
  const incrementalMs = await oneMoreBatch(context, ledger, memoryFile);
  return {
    records: report.size,
    incrementalMs,
    lines: [
      {
        what: `${name} records, against git`,
        ours: { value: ours, unit: "records/s" },
        against: { value: commits, unit: "commits/s (git verify-commit)" },
        ratio: ours / commits,
        target: "≥ 100 ×",
        met: ours / commits >= 100,
        notes: [
          "git checks one signature a commit; ours checks three in every record, the chain, the Merkle tree, the index and the commit",
        ],
      },
      {
        what: `${name} records, against signatures`,
        ours: { value: ours, unit: "records/s" },
        against: { value: raw, unit: "records/s (its 3 signatures, node:crypto on all cores)" },
        ratio: ours / raw,
        target: "≥ 0.5 of its signatures",
        met: ours / raw >= 0.5,
        notes: [],
      },
    ],
  };
}

async function oneMoreBatch(context: RowContext, ledger: Awaited<ReturnType<typeof ledgerFixture>>, memoryFile: string): Promise<number> {
  const rounds = bySize(context, { full: 9, quick: 5, tiny: 1 });
  const times: number[] = [];
  const batches = signedBatches(ledger.seeds, ledger.records, ledger.records + rounds * BATCH, BATCH);
  for await (const records of batches) {
    const writer = await openLedgerWriter({ repoDir: ledger.repoDir, key: ledger.controller, pin: ledger.pin, clock: fixedClock });
    await writer.append(records.map(recordOf));
    await writer.close();
    const startedMs = performance.now();
    const report = await verifyLedger(ledger.repoDir, ledger.pin, { memoryFile });
    times.push(performance.now() - startedMs);
    if (!report.ok || report.size - report.verifiedBefore !== records.length) throw new Error("the verifier did not take up where it was");
  }
  return median(times);
}
