// The mirror's decisions: what a message is, what to do when it cannot be checked, and when a batch is full. Pure.
//
// 1. Only what the ops-controller signed for this workspace, with a whole chain inside, becomes a record (`chain-verified-at-every-hop`).
// 2. A message that is no record is set aside, never dropped: it is evidence.
import { AUDIT_TYP, type Did, digestOf, formatAudience, parseToken, TriplaneError, toTriplaneError } from "@triplane/contract";
import { type CheckedRecord, checkRecord } from "@triplane/ledger";

export interface RecordRules {
  readonly workspace: string;
  readonly policyRid: string;
  /** The only key whose records go into the ledger. */
  readonly controller: Did;
  /** The key before it, whose records still go in where it has not handed the ledger over yet. */
  readonly former?: Did | undefined;
}

export interface Incoming {
  /** Undefined where the bytes are not UTF-8. */
  readonly text: string | undefined;
  readonly raw: Uint8Array;
}

export type Examined =
  | { readonly kind: "record"; readonly checked: CheckedRecord }
  | { readonly kind: "invalid"; readonly digest: string; readonly failure: TriplaneError };

/** Looks at a message by itself: form, signatures, audience, and that what it says fits what it carries. */
export function examine(message: Incoming, rules: RecordRules): Examined {
  const { workspace, policyRid } = rules;
  try {
    if (message.text === undefined) throw new TriplaneError("token_malformed", "the bytes are not UTF-8");
    const controller = expectedSigner(message.text, rules);
    const audience = formatAudience({ workspace, policyRid });
    return { kind: "record", checked: checkRecord(message.text, { workspace, controller, audience }) };
  } catch (thrown) {
    return { kind: "invalid", digest: digestOf(message.raw), failure: toTriplaneError(thrown, "ledger_record_invalid") };
  }
}

/** Whose turn it is says the ledger; here a record has to be of one of the two. */
function expectedSigner(text: string, { controller, former }: RecordRules): Did {
  return former !== undefined && parseToken(text, AUDIT_TYP).kid === former ? former : controller;
}

export type AfterFailure = { readonly action: "retry" } | { readonly action: "set_aside" };

/** Deliveries after which a record whose policy never turned up is set aside. With the pauses between them that is about ten minutes. */
const MAX_UNCHECKED_DELIVERIES = 30;

/** What to do with a record whose decision could not be confirmed. A broken chain stays broken; everything else may pass. */
export function afterFailedCheck(failure: TriplaneError, deliveries: number): AfterFailure {
  if (failure.code === "chain_broken" || deliveries >= MAX_UNCHECKED_DELIVERIES) return { action: "set_aside" };
  return { action: "retry" };
}

export interface BatchLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
  /** Least time, in milliseconds, between the end of one commit and the next: what a record waits at most, and what fills batches under load. */
  readonly maxWaitMs: number;
}

/** How long the first record after a quiet time waits for those that come with it. */
export const GATHER_MS = 20;

/** Collects records until size, bytes or time says that it is enough. */
export class Batcher<T> {
  readonly #limits: BatchLimits;
  #items: T[] = [];
  #bytes = 0;
  #since: number | undefined;
  #committedMs: number | undefined;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#items.length;
  }

  /** How many more fit. */
  get room(): number {
    return Math.max(0, this.#limits.maxRecords - this.#items.length);
  }

  add(item: T, sizeBytes: number, nowMs: number): void {
    this.#since ??= nowMs;
    this.#items.push(item);
    this.#bytes += sizeBytes;
  }

  /** Milliseconds until the batch has to go; undefined while it is empty. */
  dueInMs(nowMs: number): number | undefined {
    if (this.#since === undefined) return undefined;
    if (this.room === 0 || this.#bytes >= this.#limits.maxBytes) return 0;
    const { maxWaitMs } = this.#limits;
    const gatheredInMs = this.#since + Math.min(GATHER_MS, maxWaitMs) - nowMs;
    const pauseInMs = this.#committedMs === undefined ? 0 : this.#committedMs + maxWaitMs - nowMs;
    return Math.min(Math.max(0, gatheredInMs, pauseInMs), maxWaitMs);
  }

  /** A commit ended. */
  committed(nowMs: number): void {
    this.#committedMs = nowMs;
  }

  take(): readonly T[] {
    const items = this.#items;
    this.#items = [];
    this.#bytes = 0;
    this.#since = undefined;
    return items;
  }
}
