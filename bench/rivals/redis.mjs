// A Redis queue: BullMQ, with every write synced (appendonly yes, appendfsync always). The record goes to a stream that is kept.
import { Queue, Worker } from "bullmq";
import { answer, applyEffect, payloadOf, task } from "./effect.mjs";

const { port, folder, jobs, warmUp, inFlight } = task();
const connection = { host: "127.0.0.1", port };
const queue = new Queue("ops", { connection });
const client = await queue.client;
const [, sync] = await client.config("GET", "appendfsync");
const [, append] = await client.config("GET", "appendonly");
if (sync !== "always" || append !== "yes") throw new Error(`Redis is not durable: appendfsync ${sync}, appendonly ${append}`);

let done = 0;
let wake = () => undefined;
let startedMs = 0;
const total = warmUp + jobs;
const finished = Promise.withResolvers();
const worker = new Worker(
  "ops",
  async (job) => {
    const evidence = applyEffect(folder, job.data);
    await client.xadd(
      "audit",
      "*",
      "jti",
      job.data.jti,
      "target",
      job.data.target,
      "outcome",
      "applied",
      "evidence",
      JSON.stringify(evidence),
    );
    return evidence;
  },
  { connection, concurrency: 64 },
);
worker.on("completed", () => {
  done += 1;
  if (done === warmUp) startedMs = performance.now();
  if (done === total) finished.resolve(performance.now());
  wake();
});
worker.on("error", (error) => finished.reject(error));
for (let sent = 0; sent < total; sent += 1) {
  while (sent - done >= inFlight) await new Promise((resolve) => (wake = resolve));
  const payload = payloadOf(sent);
  const adding = queue.add("apply", payload, { jobId: payload.jti, removeOnComplete: true });
  if (sent % 32 === 31) await adding;
}
const endMs = await finished.promise;
const info = await client.info("server");
answer(jobs, endMs - startedMs, { version: `Redis ${/redis_version:(\S+)/.exec(info)?.[1]}` });
await worker.close();
await queue.close();
