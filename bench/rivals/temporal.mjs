// Temporal's development server (SQLite in a file) with its TypeScript SDK: accept a workflow, run, record, each in the durable history.
import { appendFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { answer, applyEffect, payloadOf, task } from "./effect.mjs";

const { address, folder, jobs, warmUp, inFlight } = task();
Runtime.install({
  logger: {
    log: () => undefined,
    trace: () => undefined,
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: console.error,
  },
});
const connection = await Connection.connect({ address });
const client = new Client({ connection });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue: "ops",
  workflowsPath: fileURLToPath(new URL("./temporal-workflows.mjs", import.meta.url)),
  maxConcurrentWorkflowTaskExecutions: 32,
  maxConcurrentActivityTaskExecutions: 32,
  activities: {
    async apply(payload) {
      return applyEffect(folder, payload);
    },
    // The record is what Temporal keeps of this activity: its history is the ledger here. The line is only for people.
    async record(jti, evidence) {
      appendFileSync(`${folder}/audit.jsonl`, `${JSON.stringify({ jti, outcome: "applied", evidence })}\n`);
    },
  },
});
const running = worker.run();
let done = 0;
let startedMs = 0;
const total = warmUp + jobs;
const lanes = Array.from({ length: Math.min(inFlight, 64) }, async (_, lane) => {
  for (let number = lane; number < total; number += Math.min(inFlight, 64)) {
    const payload = payloadOf(number);
    await client.workflow.execute("op", { taskQueue: "ops", workflowId: payload.jti, args: [payload] });
    done += 1;
    if (done === warmUp) startedMs = performance.now();
  }
});
await Promise.all(lanes);
answer(jobs, performance.now() - startedMs, {});
worker.shutdown();
await running;
await connection.close();
