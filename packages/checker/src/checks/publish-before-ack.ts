// What left an input has its output: a pending op its decision or review, a row that left the outbox its message on the audit stream.
import { streamNames } from "@triplane/contract";
import type { Evidence } from "../evidence.ts";
import type { Case } from "../report.ts";
import { type Places, placesOf, Tracer } from "./trace.ts";

export function checkPublishBeforeAck(evidence: Evidence, told: Case): void {
  const places = placesOf(evidence, told);
  if (places === undefined) return;
  checkKeeper(evidence, places, told);
  const controller = told.need(evidence.controller);
  if (controller !== undefined) checkController(evidence, places, controller.early, told);
}

function checkKeeper({ workspace }: Evidence, places: Places, told: Case): void {
  const { bus } = places;
  const tracer = new Tracer(places);
  const { pending, cmd } = streamNames(workspace);
  for (const { opDigest, jti, isReview, bucketKey, outputDigest } of bus.recorded) {
    told.count("recorded outputs", 1);
    if (bus.pending.has(opDigest)) {
      told.inFlight(
        `the keeper recorded its output for ${jti ?? opDigest}, and has not acked the op yet`,
        jti === undefined ? {} : { jti },
      );
      continue;
    }
    if (tracer.find(opDigest) !== "nowhere" || (isReview && tracer.reviewEnded(opDigest)) || tracer.wasRejected(outputDigest)) continue;
    const output = isReview ? "its review" : `its decision`;
    told.violation({
      what: `the op ${jti ?? opDigest} (${bucketKey}) is off ${pending}, and ${output} is nowhere: not in ${isReview ? "the review stream" : cmd}, not in the database, not in the ledger`,
      ...(jti === undefined ? {} : { jti }),
      stream: isReview ? streamNames(workspace).review : cmd,
    });
  }
  told.saw(
    `${bus.recorded.length} outputs that the keeper recorded before it published them (it keeps 64 for each key), each looked for further along`,
  );
}

function checkController({ workspace }: Evidence, { bus, ledger, rows }: Places, early: Places["rows"], told: Case): void {
  const stream = streamNames(workspace).audit;
  const published = new Set(bus.audit.map(({ digest }) => digest));
  let looked = 0;
  for (const { id, state, recordDigest } of early.ops.values()) {
    if (state !== "finished" || recordDigest === undefined || early.outbox.has(recordDigest)) continue;
    looked += 1;
    if (published.has(recordDigest) || ledger.bySubject.get(id)?.digest === recordDigest) continue;
    told.violation({
      what: `the record of ${id} left the outbox, and is neither on ${stream} nor in the ledger`,
      jti: id,
      row: `ops/${id}`,
      stream,
    });
  }
  told.count("published records", looked);
  told.saw(`${looked} rows that ended and left the outbox, each looked for on ${stream} and in the ledger`);
  for (const digest of rows.outbox) told.inFlight(`a record waits in the controller's outbox (${digest})`);
}
