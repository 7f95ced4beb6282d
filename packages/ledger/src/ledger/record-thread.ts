// A thread that checks batches; check-pool.ts starts it.
import { parentPort, workerData } from "node:worker_threads";
import { type BatchJob, type JobAnswer, prepareCheck, type ThreadSetting } from "./batch-job.ts";
import { checkBatch } from "./check-batch.ts";

const check = prepareCheck(workerData as ThreadSetting);

parentPort?.on("message", async ({ id, content, rules }: BatchJob) => {
  let answer: JobAnswer;
  try {
    answer = { id, checked: await checkBatch(Buffer.from(content.buffer, content.byteOffset, content.byteLength), rules, check) };
  } catch (error) {
    answer = { id, defect: error instanceof Error ? error.message : String(error) };
  }
  parentPort?.postMessage(answer);
});
