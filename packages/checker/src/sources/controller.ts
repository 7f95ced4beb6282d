// The ops-controller's database: one row per op, what waits to be published, what was refused as forged.
import { digestOf } from "@triplane/contract";
import { type DecisionFacts, factsOfDecision, factsOfRecord, type RecordFacts } from "../proof/record.ts";
import { type Row, readRows, type StoreSource } from "./rows.ts";

export interface ControllerRow {
  readonly id: string;
  readonly subject: string;
  readonly opDigest: string;
  readonly position: number;
  readonly streamSeq: number;
  readonly acceptedAtS: number;
  readonly state: "accepted" | "finished";
  readonly outcome: string | undefined;
  readonly code: string | undefined;
  readonly target: string | undefined;
  /** Of a finished row. */
  readonly recordDigest: string | undefined;
  readonly record: RecordFacts | undefined;
  readonly decision: DecisionFacts | undefined;
  readonly problems: readonly string[];
}

export interface ControllerRows {
  readonly from: string;
  readonly ops: ReadonlyMap<string, ControllerRow>;
  readonly byOpDigest: ReadonlyMap<string, ControllerRow>;
  /** Digests of records in the outbox. */
  readonly outbox: ReadonlySet<string>;
  readonly outboxCount: number;
  /** Digests and stream sequences of messages that proved nothing. */
  readonly rejected: ReadonlyMap<string, { readonly streamSeq: number; readonly code: string }>;
}

export async function readControllerRows(source: StoreSource): Promise<ControllerRows> {
  const ops = new Map<string, ControllerRow>();
  const byOpDigest = new Map<string, ControllerRow>();
  const outbox = new Set<string>();
  const rejected = new Map<string, { readonly streamSeq: number; readonly code: string }>();
  let outboxCount = 0;
  // The outbox after the ops: a finished op that is not in it was published before.
  const from = await readRows(source, ["ops", "outbox", "rejected"], ({ table, id, document }) => {
    if (table === "ops") {
      const row = opRow(id, document);
      ops.set(id, row);
      byOpDigest.set(row.opDigest, row);
    } else if (table === "outbox") {
      outboxCount += 1;
      if (typeof document["record"] === "string") outbox.add(digestOf(document["record"]));
    } else if (table === "rejected") {
      rejected.set(id, { streamSeq: number(document["stream_seq"]) ?? 0, code: string(document["code"]) ?? "" });
    }
  });
  return { from, ops, byOpDigest, outbox, outboxCount, rejected };
}

function opRow(id: string, document: Row["document"]): ControllerRow {
  const problems: string[] = [];
  const compactRecord = string(document["record"]);
  const compactDecision = string(document["decision"]);
  const record = compactRecord === undefined ? undefined : attempt(problems, () => factsOfRecord(compactRecord));
  const decision = compactDecision === undefined ? record?.decision : attempt(problems, () => factsOfDecision(compactDecision));
  const state = document["state"] === "accepted" ? "accepted" : "finished";
  if (document["state"] !== state) problems.push(`its state is ${JSON.stringify(document["state"])}`);
  if (document["subject"] !== id) problems.push(`its subject is ${JSON.stringify(document["subject"])}`);
  if (state === "accepted" && decision === undefined) problems.push("it holds no decision");
  if (state === "finished" && record === undefined) problems.push("it holds no record");
  if (record !== undefined) problems.push(...record.problems);
  else if (decision !== undefined) problems.push(...decision.problems);
  return {
    id,
    subject: string(document["subject"]) ?? id,
    opDigest: string(document["op_digest"]) ?? "",
    position: number(document["position"]) ?? 0,
    streamSeq: number(document["stream_seq"]) ?? 0,
    acceptedAtS: number(document["accepted_at"]) ?? 0,
    state,
    outcome: string(document["outcome"]),
    code: string(document["code"]),
    target: string(document["target"]) ?? record?.target,
    recordDigest: compactRecord === undefined ? undefined : digestOf(compactRecord),
    record,
    decision,
    problems,
  };
}

function attempt<T>(problems: string[], work: () => T): T | undefined {
  try {
    return work();
  } catch (thrown) {
    problems.push(thrown instanceof Error ? thrown.message : String(thrown));
    return undefined;
  }
}

export function string(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) ? value : undefined;
}
