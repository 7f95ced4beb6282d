// Checks batches: the first few on this thread, more than that on one thread for each core.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { TriplaneError } from "@triplane/contract";
import { type BatchJob, type JobAnswer, prepareCheck, type ThreadSetting } from "./batch-job.ts";
import { type CheckedBatch, checkBatch, type RecordCheck } from "./check-batch.ts";
import type { RecordRules } from "./verify-record.ts";

// Starting a thread costs as much as some hundred records.
const RECORDS_ALONE = 400;
const JOBS_AHEAD_PER_THREAD = 3;

interface Waiting {
  readonly resolve: (checked: CheckedBatch) => void;
  readonly reject: (failure: TriplaneError) => void;
}

export class CheckPool {
  readonly #setting: ThreadSetting;
  readonly #check: RecordCheck | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #threads: readonly Worker[] = [];
  #jobs = 0;
  #recordsAlone = 0;
  #isClosed = false;

  constructor(setting: ThreadSetting) {
    this.#setting = setting;
    this.#check = prepareCheck(setting);
  }

  /** Batches that it is worth to hand over before the first is awaited. */
  get ahead(): number {
    return Math.max(1, this.#threads.length * JOBS_AHEAD_PER_THREAD);
  }

  check(content: Buffer, rules: RecordRules): Promise<CheckedBatch> {
    if (this.#isClosed) return Promise.reject(new TriplaneError("internal", "the verification ended"));
    if (this.#recordsAlone < RECORDS_ALONE) return this.#checkHere(content, rules);
    if (this.#threads.length === 0) this.#threads = this.#start();
    const id = this.#jobs;
    this.#jobs += 1;
    const job: BatchJob = { id, content, rules };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#threads[id % this.#threads.length]?.postMessage(job);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#fail("the verification ended");
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  async #checkHere(content: Buffer, rules: RecordRules): Promise<CheckedBatch> {
    const checked = await checkBatch(content, rules, this.#check);
    this.#recordsAlone += checked.records.length;
    return checked;
  }

  #start(): readonly Worker[] {
    // The same file by either of its names: run from source, or as it was published.
    const entry = new URL(import.meta.url.endsWith(".ts") ? "./record-thread.ts" : "./record-thread.js", import.meta.url);
    return Array.from({ length: availableParallelism() }, () => {
      const thread = new Worker(entry, { workerData: this.#setting });
      thread.on("message", (answer: JobAnswer) => this.#answer(answer));
      thread.on("error", (error) => this.#fail(`a thread failed: ${error instanceof Error ? error.message : String(error)}`));
      return thread;
    });
  }

  #answer(answer: JobAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("checked" in answer) waiting?.resolve(answer.checked);
    else waiting?.reject(new TriplaneError("internal", answer.defect));
  }

  #fail(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new TriplaneError("internal", why));
    this.#waiting.clear();
  }
}
