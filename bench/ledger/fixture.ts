// Makes the ledger that is measured: a real state repository, filled by the real writer; kept between runs where a folder is given.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { SigningKey } from "@triplane/contract";
import { createRepository, openLedgerWriter, type RepositoryPin } from "@triplane/ledger";
import { fixedClock, recordOf, type Seeds, signersOf, WORKSPACE } from "./records.ts";

export interface LedgerFixture {
  readonly repoDir: string;
  readonly pin: RepositoryPin;
  readonly controller: SigningKey;
  readonly seeds: Seeds;
  readonly records: number;
}

export interface FixtureOptions {
  readonly folder: string;
  readonly records: number;
  readonly batchRecords: number;
  readonly onProgress?: (done: number) => void;
}

/** Opens the ledger of that size in the folder, making or lengthening it where it is missing or shorter. */
export async function ledgerFixture(options: FixtureOptions): Promise<LedgerFixture> {
  const found = await foundRepository(options.folder);
  const writer = await openLedgerWriter({ repoDir: found.repoDir, key: found.controller, pin: found.pin, clock: fixedClock });
  try {
    const batches = signedBatches(found.seeds, writer.size, options.records, options.batchRecords);
    let count = 0;
    for await (const records of batches) {
      const { size } = await writer.append(records.map(recordOf));
      count += 1;
      if (count % 32 === 0) await writer.tidy();
      options.onProgress?.(size);
    }
    return { ...found, records: writer.size };
  } finally {
    await writer.close();
  }
}

async function foundRepository(folder: string): Promise<Omit<LedgerFixture, "records">> {
  await mkdir(folder, { recursive: true });
  const seeds: Seeds = { operator: seed(1), keeper: seed(2), controller: seed(3) };
  const { controller } = signersOf(seeds);
  const description = join(folder, "ledger.json");
  if (existsSync(description)) return { ...(JSON.parse(readFileSync(description, "utf8")) as Described), controller, seeds };
  const repository = await createRepository({
    storageDir: join(folder, "storage"),
    name: `${WORKSPACE}-state`,
    description: "measured",
    founder: controller,
    delegates: [controller],
    threshold: 1,
    clock: fixedClock,
  });
  const described: Described = { repoDir: repository.repoDir, pin: { rid: repository.rid, identityRoot: repository.identityRoot } };
  writeFileSync(description, JSON.stringify(described));
  return { ...described, controller, seeds };
}

interface Described {
  readonly repoDir: string;
  readonly pin: RepositoryPin;
}

// These keys sign nothing but measured records.
function seed(number: number): Uint8Array {
  return new Uint8Array(32).fill(number);
}

/** Batches of signed records, in order, signed on all cores a few batches ahead. */
export async function* signedBatches(seeds: Seeds, from: number, to: number, size: number): AsyncGenerator<readonly string[]> {
  if (from >= to) return;
  const workers = Array.from(
    { length: availableParallelism() },
    () => new Worker(new URL("./signing-worker.ts", import.meta.url), { workerData: seeds }),
  );
  const waiting = new Map<number, PromiseWithResolvers<readonly string[]>>();
  for (const worker of workers) {
    worker.on("message", ({ id, records }: { readonly id: number; readonly records: readonly string[] }) => {
      waiting.get(id)?.resolve(records);
      waiting.delete(id);
    });
    worker.on("error", (error) => {
      for (const each of waiting.values()) each.reject(error);
    });
  }
  try {
    const ahead: Promise<readonly string[]>[] = [];
    let [asked, first] = [0, from];
    for (;;) {
      while (first < to && ahead.length < workers.length * 2) {
        const id = asked;
        asked += 1;
        const count = Math.min(size, to - first);
        const answer = Promise.withResolvers<readonly string[]>();
        waiting.set(id, answer);
        workers[id % workers.length]?.postMessage({ id, from: first, count });
        ahead.push(answer.promise);
        first += count;
      }
      const next = ahead.shift();
      if (next === undefined) return;
      yield await next;
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
