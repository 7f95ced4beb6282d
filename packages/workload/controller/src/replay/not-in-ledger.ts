// What a controller's database has and the ledger has not: records on their way when the streams were lost, and ops in hand.
import type { Store } from "@triplane/store";
import { Records } from "../adapters/store-records.ts";
import { type AcceptedRow, type FinishedRow, opRowSchema, readRow } from "../rows.ts";

export interface NotInLedger {
  /** Ended; their records are signed and were perhaps published into a stream that is gone. In order of acceptance. */
  readonly finished: readonly FinishedRow[];
  /** Accepted; the controller goes on with them when it starts. */
  readonly accepted: readonly AcceptedRow[];
}

export async function notInLedger(store: Store, isInLedger: (subject: string) => boolean): Promise<NotInLedger> {
  const finished: FinishedRow[] = [];
  const accepted: AcceptedRow[] = [];
  // What is kept of a page is what is returned: a controller's history need not fit into memory.
  for await (const page of store.pages("ops"))
    for (const { id, document } of page) {
      const row = readRow(document, opRowSchema, `op ${id}`);
      if (row.state === "accepted") accepted.push(row);
      else if (!isInLedger(row.subject)) finished.push(row);
    }
  const inOrder = (a: AcceptedRow | FinishedRow, b: AcceptedRow | FinishedRow): number => a.position - b.position;
  return { finished: finished.sort(inOrder), accepted: accepted.sort(inOrder) };
}

/** Puts records into the outbox, so that the controller publishes them when it starts. Twice is harmless. Returns how many. */
export async function publishAgain(store: Store, rows: readonly FinishedRow[]): Promise<number> {
  const records = new Records(store);
  let position = await records.lastPosition();
  for (const { subject, record, answer_to } of rows) {
    position += 1;
    await records.enqueue(subject, { kind: "audit", position, record, ...(answer_to === undefined ? {} : { answer_to }) });
  }
  return rows.length;
}
