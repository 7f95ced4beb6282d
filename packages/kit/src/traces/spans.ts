// The spans of an op's trace, and their ids.
//
// 1. Trace and span ids follow from the jti alone: every plane knows them without being told, nothing is carried beside the signed
//    objects, and there is no header that somebody could forge.
// 2. A span that is sent twice, because a step was taken again after a crash, has the same id twice.
import { createHash } from "node:crypto";

/** Each span, who sends it, what it covers, and below which it stands. */
export const SPANS = {
  op: { by: "audit-mirror", covers: "From the signature (the time in the jti) to the commit in the ledger.", below: undefined },
  "op.submit": { by: "the submitter", covers: "From the signature to the broker's confirmation of the first sending.", below: "op" },
  "keeper.decide": { by: "keeper", covers: "From storage of the pending op to its confirmed output.", below: "op" },
  "keeper.review": {
    by: "keeper",
    covers: "From the signature to the end of the review; only ops that waited for people have it.",
    below: "op",
  },
  "controller.take-in": { by: "ops-controller", covers: "From storage of the decision to its row on disk and its ack.", below: "op" },
  "controller.apply": { by: "ops-controller", covers: "From the first call to the orchestrator to the result on disk.", below: "op" },
  "orchestrator.apply": { by: "orchestrator", covers: "From accepting the op to its result.", below: "controller.apply" },
  "mirror.commit": { by: "audit-mirror", covers: "From storage of the record to its commit in the ledger.", below: "op" },
} as const satisfies Readonly<Record<string, { by: string; covers: string; below: string | undefined }>>;
export type SpanName = keyof typeof SPANS;

export interface SpanIds {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
}

/** The first 16 bytes of the SHA-256 of the jti. */
export function traceIdOf(jti: string): string {
  return sha256(jti).slice(0, 32);
}

export function idsOf(jti: string, name: SpanName): SpanIds {
  const { below } = SPANS[name];
  return { traceId: traceIdOf(jti), spanId: spanIdOf(jti, name), parentSpanId: below === undefined ? undefined : spanIdOf(jti, below) };
}

/** Of the root the 8 bytes after those of the trace id, of the others the first 8 of the SHA-256 of jti, space and name. */
function spanIdOf(jti: string, name: SpanName): string {
  return name === "op" ? sha256(jti).slice(32, 48) : sha256(`${jti} ${name}`).slice(0, 16);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
