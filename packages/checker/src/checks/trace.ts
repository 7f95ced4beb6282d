// Where an op is, by the digest of its bytes: the furthest place at which it was found.
import type { Evidence } from "../evidence.ts";
import type { BusState } from "../sources/bus.ts";
import type { ControllerRows } from "../sources/controller.ts";
import type { Ledger, LedgerRecord } from "../sources/ledger.ts";

export type Place = "ledger" | "database" | "command stream" | "review" | "pending stream" | "nowhere";

export interface Places {
  readonly ledger: Ledger;
  readonly rows: ControllerRows;
  readonly bus: BusState;
}

/** Finds ops in everything that was read last. */
export class Tracer {
  readonly #byOpDigest = new Map<string, LedgerRecord>();
  readonly #inCmd = new Set<string>();
  readonly #rows: ControllerRows;
  readonly #bus: BusState;
  readonly #openReviews = new Set<string>();
  readonly #closedReviews = new Set<string>();

  constructor({ ledger, rows, bus }: Places) {
    this.#rows = rows;
    this.#bus = bus;
    for (const record of ledger.records) if (record.decision !== undefined) this.#byOpDigest.set(record.decision.opDigest, record);
    for (const { decision } of bus.cmd) if (decision !== undefined) this.#inCmd.add(decision.opDigest);
    for (const { state, opDigest } of bus.reviews.values()) (state === "open" ? this.#openReviews : this.#closedReviews).add(opDigest);
  }

  find(opDigest: string): Place {
    if (this.#byOpDigest.has(opDigest)) return "ledger";
    if (this.#rows.byOpDigest.has(opDigest)) return "database";
    if (this.#inCmd.has(opDigest)) return "command stream";
    if (this.#openReviews.has(opDigest)) return "review";
    if (this.#bus.pending.has(opDigest)) return "pending stream";
    return "nowhere";
  }

  hasRow(opDigest: string): boolean {
    return this.#rows.byOpDigest.has(opDigest);
  }

  record(opDigest: string): LedgerRecord | undefined {
    return this.#byOpDigest.get(opDigest);
  }

  /** The controller keeps the decision as one that proved nothing; no record is signed for it. */
  wasRejected(outputDigest: string): boolean {
    return this.#rows.rejected.has(outputDigest);
  }

  /** It was under review, and the review has ended. */
  reviewEnded(opDigest: string): boolean {
    return this.#closedReviews.has(opDigest);
  }
}

/** Ledger, database and streams together; undefined, with the reasons told, where one of them could not be read. */
export function placesOf(evidence: Evidence, told: { cannot(why: string): void }): Places | undefined {
  const { ledger, controller, bus } = evidence;
  for (const read of [ledger, controller, bus]) if (!read.ok) told.cannot(read.why);
  if (!ledger.ok || !controller.ok || !bus.ok) return undefined;
  return { ledger: ledger.value, rows: controller.value.late, bus: bus.value };
}
