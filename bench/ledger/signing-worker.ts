// A thread that signs records for a ledger that is going to be measured.
import { parentPort, workerData } from "node:worker_threads";
import { makeRecord, type Seeds, signersOf } from "./records.ts";

const signers = signersOf(workerData as Seeds);

parentPort?.on("message", ({ id, from, count }: { readonly id: number; readonly from: number; readonly count: number }) => {
  const records = Array.from({ length: count }, (_, at) => makeRecord(signers, from + at));
  parentPort?.postMessage({ id, records });
});
