// Ends what an orchestrator left running, without starting one: for `triplane down`.

import { type StopRules, terminate } from "./process-table.ts";
import type { ReplicaRecord, ReplicaRecords } from "./replica-record.ts";

const WITHOUT_RELEASE: StopRules = { signal: "SIGTERM", graceMs: 5_000 };

/** The records stay, without their processes: the next orchestrator starts them again. Returns how many replicas there were. */
export async function stopAllReplicas(
  records: ReplicaRecords,
  found: readonly ReplicaRecord[],
  rulesOf: (record: ReplicaRecord) => Promise<StopRules | undefined>,
): Promise<number> {
  await Promise.all(
    found.map(async (record) => {
      await terminate(record.process ?? undefined, record.marker, (await rulesOf(record)) ?? WITHOUT_RELEASE);
      await records.put({ ...record, process: null });
    }),
  );
  return found.length;
}
