// What was acked is on disk: what left the command stream has its row, what left the audit stream is in the ledger.
import { streamNames } from "@triplane/contract";
import type { Evidence } from "../evidence.ts";
import type { Case } from "../report.ts";
import { workerOf } from "../sources/bus.ts";
import { type Places, placesOf, Tracer } from "./trace.ts";

export function checkPersistBeforeAck(evidence: Evidence, told: Case): void {
  const places = placesOf(evidence, told);
  if (places === undefined) return;
  const { bus } = places;
  if (bus.syncsAlways !== true) told.violation({ what: "the broker does not sync before it confirms: what it acked need not be on disk" });
  else told.saw("the broker syncs before it confirms (sync_interval always)");
  checkCommands(evidence, places, told);
  checkAudit(evidence, places, told);
}

function checkCommands({ workspace }: Evidence, places: Places, told: Case): void {
  const { bus, rows } = places;
  const stream = streamNames(workspace).cmd;
  const floor = workerOf(bus, workspace, "cmd")?.ackFloorSeq;
  if (floor === undefined) {
    told.cannot(`the consumer of ${stream} does not exist, so how far it acked is not known`);
    return;
  }
  const seqs = [
    ...[...rows.ops.values()].map(({ streamSeq }) => streamSeq),
    ...[...rows.rejected.values()].map(({ streamSeq }) => streamSeq),
  ];
  const highest = seqs.reduce((a, b) => Math.max(a, b), 0);
  const own = new Set(seqs.filter((seq) => seq > 0 && seq <= floor));
  const withoutRow = floor - own.size;
  told.count("acked commands", floor);
  told.count("acked commands without a row of their own", Math.max(0, withoutRow));
  told.saw(`${stream} is acked up to ${floor}; the database's rows go up to ${highest}; ${rows.from}`);
  const tracer = new Tracer(places);
  // Copies of a known op leave no row, so a number alone proves nothing: the decisions that keepers recorded say whose it was.
  let lost = 0;
  for (const { opDigest, jti, isReview, bucketKey, outputDigest } of bus.recorded) {
    if (isReview || tracer.hasRow(opDigest) || tracer.wasRejected(outputDigest)) continue;
    const place = tracer.find(opDigest);
    // Never published, as far as the numbers of the stream can tell: that is `publish-before-ack`.
    if (place === "command stream" || place === "review" || place === "pending stream") continue;
    if (place === "nowhere" && withoutRow <= 0) continue;
    lost += 1;
    const where =
      place === "ledger" ? "is in the ledger and has no row in the database any more" : `is neither in ${stream} nor has it a row`;
    told.violation({
      what: `the keeper's decision about ${jti ?? opDigest} (${bucketKey}) ${where}; ${withoutRow} acked messages have none`,
      ...(jti === undefined ? {} : { jti }),
      stream,
    });
  }
  told.count("decisions looked for", bus.recorded.length);
  if (floor > highest && lost === 0 && withoutRow > 0)
    told.saw(`the last acked messages have no row of their own: they were copies, for every recorded decision has one`);
  for (const { id, state, streamSeq } of rows.ops.values())
    if (state === "accepted" && streamSeq > (bus.streams.get(stream)?.lastSeq ?? 0))
      told.saw(`row ${id} names message ${streamSeq}, which ${stream} has not reached: the stream started over`);
}

function checkAudit({ workspace, aside }: Evidence, { bus, ledger }: Places, told: Case): void {
  const stream = streamNames(workspace).audit;
  const floor = workerOf(bus, workspace, "audit")?.ackFloorSeq;
  if (floor === undefined) {
    told.cannot(`the consumer of ${stream} does not exist, so how far it acked is not known`);
    return;
  }
  const acked = bus.audit.filter(({ seq, subject }) => seq <= floor && subject !== undefined);
  told.count("acked records", acked.length);
  told.saw(`${stream} is acked up to ${floor}; ${acked.length} records of it are to be in the ledger, which has ${ledger.records.length}`);
  for (const { seq, digest, subject = "" } of acked) {
    if (ledger.bySubject.has(subject)) continue;
    const isAside = aside.has(`${digest.slice("sha256:".length)}.json`);
    const where = isAside ? "set aside by the mirror, and " : "";
    told.violation({
      what: `message ${seq} of ${stream}, the record of ${subject}, is acked, ${where}not in the ledger`,
      jti: subject,
      stream,
      streamSeq: seq,
    });
  }
}
