// Whatever was submitted is in the ledger once, or on its way there at a place that can be named; the numbers of each key prove it.
import { streamNames } from "@triplane/contract";
import type { Evidence } from "../evidence.ts";
import type { DecisionFacts, OpFacts } from "../proof/record.ts";
import type { Case } from "../report.ts";
import { workerOf } from "../sources/bus.ts";
import type { LedgerRecord } from "../sources/ledger.ts";
import type { Outboxes } from "../sources/outboxes.ts";
import { type Places, placesOf, Tracer } from "./trace.ts";

export function checkEveryCommandLands(evidence: Evidence, told: Case): void {
  const places = placesOf(evidence, told);
  const outboxes = told.need(evidence.outboxes);
  if (places === undefined) return;
  const tracer = new Tracer(places);
  checkRows(evidence, places, told);
  checkNumbers(evidence, places, told);
  checkTwice(places, told);
  checkStreams(evidence, places, told);
  if (outboxes !== undefined) checkOutboxes(outboxes, tracer, told);
}

/** A ledger record for a row that ended, a row for a ledger record: same outcome, same bytes. */
function checkRows(evidence: Evidence, { ledger, rows, bus }: Places, told: Case): void {
  const onAudit = new Map(bus.audit.flatMap(({ subject, seq }) => (subject === undefined ? [] : [[subject, seq]])));
  const floor = workerOf(bus, evidence.workspace, "audit")?.ackFloorSeq ?? 0;
  const early = evidence.controller.ok ? evidence.controller.value.early : undefined;
  for (const row of rows.ops.values()) {
    const record = ledger.bySubject.get(row.id);
    if (row.state === "accepted") {
      if (record !== undefined && record.index < evidence.earlyLedgerSize)
        told.violation({
          what: `record ${record.index} says that ${row.id} is ${record.outcome}, and its row that it is not ended`,
          jti: row.id,
          recordIndex: record.index,
          row: `ops/${row.id}`,
        });
      else if (record === undefined) told.inFlight(`op ${row.id} is accepted and not ended`, { jti: row.id, row: `ops/${row.id}` });
      continue;
    }
    if (record !== undefined) {
      if (record.digest !== row.recordDigest || record.outcome !== row.outcome)
        told.violation({
          what: `record ${record.index} of ${row.id} (${record.outcome}, ${record.digest}) is not the one in the database (${row.outcome ?? "no outcome"}, ${row.recordDigest ?? "no record"})`,
          jti: row.id,
          recordIndex: record.index,
          row: `ops/${row.id}`,
        });
      continue;
    }
    const seq = onAudit.get(row.id);
    const before = early?.ops.get(row.id);
    // What ended, or was still to be published, when the reading began may have come to the stream after that was read.
    const isFresh = before?.state !== "finished" || early?.outbox.has(row.recordDigest ?? "") === true;
    const waits = isFresh || rows.outbox.has(row.recordDigest ?? "") || (seq !== undefined && seq > floor);
    if (waits) told.inFlight(`the record of ${row.id} is on its way to the ledger`, { jti: row.id, row: `ops/${row.id}` });
    else
      told.violation({
        what: `${row.id} ended as ${row.outcome ?? "nothing"}, and has no record in the ledger`,
        jti: row.id,
        row: `ops/${row.id}`,
      });
  }
  for (const { index, subject, outcome } of ledger.records)
    if (index < evidence.earlyLedgerSize && !rows.ops.has(subject))
      told.violation({
        what: `record ${index} says that ${subject} is ${outcome}, and the database has no row of it`,
        jti: subject,
        recordIndex: index,
      });
  told.count("records", ledger.records.length);
  told.count("rows", rows.ops.size);
  told.saw(`${ledger.records.length} records of the ledger at ${ledger.head ?? "no head"} against ${rows.ops.size} rows of the controller`);
}

/** Numbers of each key in the ledger: from 1, each once, and none missing that is nowhere else. */
function checkNumbers(evidence: Evidence, { ledger, rows, bus }: Places, told: Case): void {
  const byKey = new Map<string, Map<number, LedgerRecord>>();
  const highestEarly = new Map<string, number>();
  for (const record of ledger.records) {
    const { decision, index } = record;
    const op = decision?.op;
    if (decision === undefined || op === undefined || !decision.consumesSeq) continue;
    const key = numberedBy(decision, op);
    const numbers = byKey.get(key) ?? new Map<number, LedgerRecord>();
    byKey.set(key, numbers);
    const earlier = numbers.get(op.seq);
    if (earlier !== undefined)
      told.violation({
        what: `records ${earlier.index} and ${index} both used number ${op.seq} of ${key}`,
        key,
        seq: op.seq,
        recordIndex: index,
      });
    numbers.set(op.seq, record);
    if (index < evidence.earlyLedgerSize) highestEarly.set(key, Math.max(highestEarly.get(key) ?? 0, op.seq));
  }
  const elsewhere = new Map<string, string>();
  const note = (op: { readonly key: string; readonly seq: number; readonly jti: string } | undefined, where: string): void => {
    if (op !== undefined) elsewhere.set(`${op.key} ${op.seq}`, `${op.jti} ${where}`);
  };
  const noteDecided = (decision: DecisionFacts | undefined, where: string): void => {
    const op = decision?.op;
    note(decision === undefined || op === undefined ? undefined : { ...op, key: numberedBy(decision, op) }, where);
  };
  for (const { op } of bus.pending.values()) note(op, "waits for the keeper");
  for (const { op, state } of bus.reviews.values()) if (state === "open") note(op, "waits for people");
  for (const { decision } of bus.cmd) noteDecided(decision, "waits for the controller");
  for (const { decision, state } of rows.ops.values())
    noteDecided(decision, state === "accepted" ? "is being applied" : "has ended and is on its way to the ledger");
  for (const [key, numbers] of byKey) {
    const highest = highestEarly.get(key) ?? 0;
    for (let seq = 1; seq <= highest; seq += 1) {
      if (numbers.has(seq)) continue;
      const where = elsewhere.get(`${key} ${seq}`);
      if (where === undefined)
        told.violation({
          what: `number ${seq} of ${key} is in no record, and nowhere on its way; the ledger goes up to ${highest}`,
          key,
          seq,
        });
      else if (where.endsWith("people")) told.saw(`number ${seq} of ${key}: ${where}`);
      else told.inFlight(`number ${seq} of ${key}: ${where}`, { key, seq });
    }
  }
  told.count("keys", byKey.size);
  told.saw(
    `sequence numbers of ${byKey.size} keys: ${[...byKey].map(([key, numbers]) => `${key} has ${numbers.size}`).join(", ") || "none"}`,
  );
}

/** Ops that break the glass are numbered on their own: no keeper counts them. */
function numberedBy({ basis }: DecisionFacts, { key }: OpFacts): string {
  return basis === "break_glass" ? `${key}#break-glass` : key;
}

/** No op under two subjects, and no two different records on the audit stream about one. */
function checkTwice({ ledger, bus }: Places, told: Case): void {
  const byOp = new Map<string, LedgerRecord>();
  for (const record of ledger.records) {
    const digest = record.decision?.opDigest;
    if (digest === undefined) continue;
    const earlier = byOp.get(digest);
    if (earlier !== undefined)
      told.violation({
        what: `records ${earlier.index} and ${record.index} are about the same bytes (${digest})`,
        recordIndex: record.index,
        jti: record.subject,
      });
    byOp.set(digest, record);
  }
  for (const { what, index } of ledger.faults)
    if (/are both about/.test(what)) told.violation({ what, ...(index === undefined ? {} : { recordIndex: index }) });
  const onAudit = new Map<string, string>();
  for (const { subject, digest, seq } of bus.audit) {
    if (subject === undefined) continue;
    const earlier = onAudit.get(subject);
    if (earlier !== undefined && earlier !== digest)
      told.violation({
        what: `the audit stream has two different records of ${subject}, the second one as message ${seq}`,
        jti: subject,
        streamSeq: seq,
      });
    onAudit.set(subject, earlier ?? digest);
  }
}

function checkStreams({ workspace }: Evidence, { bus }: Places, told: Case): void {
  const names = streamNames(workspace);
  for (const [digest, { seq, op }] of bus.pending)
    told.inFlight(`message ${seq} of ${names.pending} (${op?.jti ?? digest}) waits for the keeper`);
  for (const { seq, decision, digest } of bus.cmd)
    told.inFlight(`message ${seq} of ${names.cmd} (${decision?.op?.jti ?? digest}) waits for the controller`);
  const kept = bus.keptThoughAcked;
  if (kept.length > 0)
    told.saw(`acked, and kept by the broker all the same: ${kept.map(({ stream, seq }) => `${seq} of ${stream}`).join(", ")}`);
  const open = [...bus.reviews.values()].filter(({ state }) => state === "open");
  told.count("open reviews", open.length);
  if (open.length > 0) told.saw(`waits for people, which is no fault: ${open.map(({ jti }) => jti).join(", ")}`);
  const foreign = bus.cmd.filter(({ decision }) => decision === undefined);
  if (foreign.length > 0) told.saw(`${foreign.length} messages of ${names.cmd} are no decisions`);
}

/** What submitters sent is somewhere; what they hold as its outcome is what the ledger has. */
function checkOutboxes(outboxes: Outboxes, tracer: Tracer, told: Case): void {
  for (const { file, what } of outboxes.problems) told.violation({ what: `the outbox's file ${file} does not read: ${what}`, file });
  let unsent = 0;
  for (const { op, digest, sent, outcome, principal } of outboxes.ops) {
    const place = tracer.find(digest);
    if (outcome !== undefined) {
      const record = tracer.record(digest);
      if (record !== undefined && (record.digest !== outcome.recordDigest || record.outcome !== outcome.outcome))
        told.violation({
          what: `${principal} holds another outcome of ${op.jti} than record ${record.index}`,
          jti: op.jti,
          recordIndex: record.index,
        });
      else if (record === undefined && place === "nowhere")
        told.violation({ what: `${principal} holds the outcome of ${op.jti}, and nothing else knows it`, jti: op.jti });
      else if (record === undefined)
        told.inFlight(`the outcome of ${op.jti} is known to ${principal} and on its way to the ledger`, { jti: op.jti });
      continue;
    }
    if (!sent && place === "nowhere") unsent += 1;
    else if (place === "nowhere" && !tracer.reviewEnded(digest))
      told.violation({ what: `a broker confirmed ${op.jti} of ${principal}, and it is nowhere`, jti: op.jti, key: op.key, seq: op.seq });
    else if (place === "nowhere")
      told.violation({ what: `the review of ${op.jti} of ${principal} has ended, and its decision is nowhere`, jti: op.jti });
    else if (place !== "ledger" && place !== "review") told.inFlight(`${op.jti} of ${principal} is in the ${place}`, { jti: op.jti });
  }
  told.count("ops in outboxes", outboxes.ops.length);
  told.count("never sent", unsent);
  told.saw(`${outboxes.ops.length} ops in ${outboxes.folders} outboxes, ${unsent} of them never sent`);
}
