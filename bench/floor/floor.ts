// The floor: what no implementation of this way of working can leave out, done as directly as we know how, on the same cores.
//
// For each op:   3 signatures (op, admission, audit record) and 6 verifications (keeper: op; controller: admission, op; mirror: record,
//                admission, op): `chain-verified-at-every-hop`. On one thread for each core, over bytes of the real sizes.
//                2 messages, each confirmed after nats-server synced it: the op and the admission. The record's message is not counted.
//                2 rows in an embedded SurrealDB on RocksDB with sync=every: the controller's and the orchestrator's. In the product they are
//                two databases in two processes, here two tables of one, which is not slower.
// For a batch:   one commit of each kind of row for 64 ops (a commit for each op would be slower, and the product may group as well);
//                one git commit for 256 records, by `git fast-import` with core.fsync=all, without tree, index, signature or checkpoint of a ledger.
//
// Not in the floor, although the product has to do it: parsing and checking claims, deciding under a policy, HTTP between controller and orchestrator,
// the driver's effect, sequence numbers, acks, the outbox, answers to the submitter, the Merkle tree, signed refs. All stages run at once, with
// as many batches in flight as give the highest rate.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Bus } from "@triplane/bus";
import { streamNames, subjects } from "@triplane/contract";
import { openStore, type Store } from "@triplane/store";
import { startNats } from "@triplane/testkit";
import type { SignedBatch } from "./crypto-thread.ts";

const BATCH = 64;
const RECORDS_PER_COMMIT = 256;

export interface FloorOptions {
  readonly folder: string;
  readonly ops: number;
  readonly batchesInFlight: number;
}

/** Ops a second. */
export async function measureFloor(options: FloorOptions): Promise<number> {
  const workspace = "w1";
  await using nats = await startNats({ workspace, identities: [{ role: "operator", principal: "floor" }] });
  const operator = await nats.bus({ role: "operator", principal: "floor" });
  const keeper = await nats.bus("keeper");
  const store = await openStore({ url: `rocksdb://${join(options.folder, "store")}`, migrations: MIGRATIONS });
  const crypto = new CryptoThreads();
  const ledger = await GitLog.open(join(options.folder, "log"));
  try {
    await crypto.sign(BATCH);
    const startedMs = performance.now();
    let [started, done] = [0, 0];
    const lane = async (): Promise<void> => {
      while (started < options.ops) {
        started += BATCH;
        const batch = await crypto.sign(BATCH);
        await publishAll(operator, subjects(workspace).pending, batch.ops);
        await publishAll(keeper, subjects(workspace).cmd, batch.admissions);
        await commitRows(store, "accepted", batch);
        await commitRows(store, "applied", batch);
        await ledger.append(batch.records);
        done += BATCH;
      }
    };
    await Promise.all(Array.from({ length: options.batchesInFlight }, lane));
    await ledger.flush();
    const ms = performance.now() - startedMs;
    const stored = await keeper.streamState(streamNames(workspace).cmd).catch(() => undefined);
    if (stored !== undefined && stored.messages < done) throw new Error(`the stream has ${stored.messages} of ${done} messages`);
    return (done / ms) * 1000;
  } finally {
    await ledger.close();
    await crypto.close();
    await store.close();
  }
}

const MIGRATIONS = [
  {
    version: 1,
    description: "rows of the floor",
    tables: [
      { table: "accepted", indexes: [] },
      { table: "applied", indexes: [] },
    ],
  },
] as const;

/** All at once: the connection keeps them apart, and each is confirmed on its own. */
async function publishAll(bus: Bus, subject: string, messages: readonly string[]): Promise<void> {
  await Promise.all(messages.map((message) => bus.publish(subject, message)));
}

async function commitRows(store: Store, table: "accepted" | "applied", batch: SignedBatch): Promise<void> {
  await store.commit(
    batch.ids.map((id, at) => ({
      kind: "create",
      table,
      id,
      document: { decision: batch.admissions[at] ?? "", state: table, target: "flags" },
    })),
  );
}

class CryptoThreads {
  readonly #threads: readonly Worker[];
  readonly #waiting = new Map<number, (batch: SignedBatch) => void>();
  #asked = 0;

  constructor() {
    this.#threads = Array.from({ length: availableParallelism() }, () => {
      const thread = new Worker(new URL("./crypto-thread.ts", import.meta.url));
      thread.on("message", (answer: { readonly id: number; readonly batch: SignedBatch }) => {
        this.#waiting.get(answer.id)?.(answer.batch);
        this.#waiting.delete(answer.id);
      });
      return thread;
    });
  }

  sign(count: number): Promise<SignedBatch> {
    const id = this.#asked;
    this.#asked += 1;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#threads[id % this.#threads.length]?.postMessage({ id, count });
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}

/** Records in a git repository, one synced commit for so many of them, by one git process for all. */
class GitLog {
  readonly #git: ChildProcess;
  #records: string[] = [];
  #commits = 0;
  #waiting: { readonly number: number; readonly resolve: () => void }[] = [];
  #last: Promise<void> = Promise.resolve();

  private constructor(git: ChildProcess) {
    this.#git = git;
    let text = "";
    git.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        const [, number] = /^progress (\d+)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 1);
        for (const each of this.#waiting.filter((waiting) => waiting.number === Number(number))) each.resolve();
        this.#waiting = this.#waiting.filter((waiting) => waiting.number !== Number(number));
      }
    });
  }

  static async open(folder: string): Promise<GitLog> {
    await mkdir(folder, { recursive: true });
    const init = spawn("git", ["init", "--quiet", "--bare", folder], { stdio: "ignore" });
    await once(init, "exit");
    const argv = ["-c", "core.fsync=all", "-c", "fastimport.unpackLimit=0", `--git-dir=${folder}`, "fast-import", "--quiet"];
    return new GitLog(spawn("git", argv, { stdio: ["pipe", "pipe", "inherit"] }));
  }

  /** Resolves when these records are on disk, or at once where their commit is not full yet. */
  async append(records: readonly string[]): Promise<void> {
    this.#records.push(...records);
    if (this.#records.length >= RECORDS_PER_COMMIT) await this.#commit();
  }

  async flush(): Promise<void> {
    if (this.#records.length > 0) await this.#commit();
    await this.#last;
  }

  async close(): Promise<void> {
    const gone = once(this.#git, "exit");
    this.#git.stdin?.end();
    await gone;
  }

  #commit(): Promise<void> {
    const content = Buffer.from(this.#records.map((record) => `${record}\n`).join(""), "ascii");
    this.#records = [];
    this.#commits += 1;
    const number = this.#commits;
    const head = `commit refs/heads/main\ncommitter floor <floor> ${number} +0000\ndata 6\nrecord\nM 100644 inline records/${number}\ndata ${content.length}\n`;
    this.#git.stdin?.write(head);
    this.#git.stdin?.write(content);
    // A checkpoint ends the pack and syncs it; then git says so.
    this.#git.stdin?.write(`\ncheckpoint\nprogress ${number}\n`);
    this.#last = new Promise((resolve) => this.#waiting.push({ number, resolve }));
    return this.#last;
  }
}
