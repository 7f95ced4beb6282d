// Leases over a key-value bucket: one holder at a time, renewed while held, each with a fencing number.
//
// 1. Who takes the lease compares and sets the revision that it read; of two that try at once one wins.
// 2. The fence is the revision of the taking write. Revisions of a bucket only grow, so every holder's fence is greater
//    than those before it.
// 3. The holder counts the lease as lost before anybody else may take it: `lost` fires a safety margin ahead of the
//    expiry that the bucket shows, unless a renewal was confirmed.
import { type Clock, type Random, TriplaneError, toTriplaneError } from "@triplane/contract";
import { type Logger, sleep } from "@triplane/kit";
import type { Bus, KeyValue, KvEntry, Lease, LeaseRequest } from "./types.ts";

export interface LeaseTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

interface LeaseRecord {
  readonly owner: string;
  /** Tells two processes of one name apart. */
  readonly nonce: string;
  /** Milliseconds since 1970 by the owner's clock; 0 = released. */
  readonly expires_at: number;
}

/** Throws `lease_held` naming the owner and the milliseconds left, or what the bucket throws. */
export async function acquireLease(kv: KeyValue, request: LeaseRequest, tools: LeaseTools): Promise<Lease> {
  const entry = await kv.get(request.key);
  const nowMs = tools.clock.nowMs();
  const found = entry === undefined ? undefined : readRecord(entry);
  if (found !== undefined && found.expires_at > nowMs) throw held(request, found.owner, found.expires_at - nowMs);
  const nonce = Buffer.from(tools.random.bytes(16)).toString("hex");
  const record: LeaseRecord = { owner: request.owner, nonce, expires_at: nowMs + request.ttlMs };
  const text = JSON.stringify(record);
  const fence = entry === undefined ? await kv.create(request.key, text) : await kv.update(request.key, text, entry.revision);
  if (fence === undefined) throw held(request, "another process, which came first", request.ttlMs);
  const lease = new HeldLease(kv, request, record, fence, tools);
  lease.start();
  return lease;
}

/** Who holds a lease, and how long it lasts unless it is renewed. */
export interface LeaseHolder {
  readonly owner: string;
  readonly leftMs: number;
}

/** Waits as a standby until the lease is free, then takes it. Throws `lease_held` if the signal fires first. */
export async function awaitLease(
  bus: Bus,
  bucket: string,
  request: LeaseRequest,
  wait: {
    readonly pollMs: number;
    readonly signal: AbortSignal;
    /** Told at every look at which somebody holds it. */
    readonly onHeld?: (holder: LeaseHolder) => void;
  },
): Promise<Lease> {
  for (;;) {
    try {
      return await bus.acquireLease(bucket, request);
    } catch (error) {
      const failure = toTriplaneError(error);
      // A standby outlives a broker that is away for a while; what can only be repaired by people ends it.
      if (failure.retry !== "later" || wait.signal.aborted) throw failure;
      const { owner, leftMs } = failure.details;
      if (typeof owner === "string" && typeof leftMs === "number") wait.onHeld?.({ owner, leftMs });
      await sleep(wait.pollMs, wait.signal);
      if (wait.signal.aborted) throw failure;
    }
  }
}

function held(request: LeaseRequest, owner: string, leftMs: number): TriplaneError {
  return new TriplaneError("lease_held", `lease ${request.key} is held by ${owner}`, { details: { key: request.key, owner, leftMs } });
}

function readRecord(entry: KvEntry): LeaseRecord {
  try {
    const value: unknown = JSON.parse(entry.value);
    if (typeof value === "object" && value !== null && "owner" in value && "nonce" in value && "expires_at" in value) {
      const { owner, nonce, expires_at } = value;
      if (typeof owner === "string" && typeof nonce === "string" && typeof expires_at === "number") return { owner, nonce, expires_at };
    }
  } catch {
    // Falls through: text that is no record is nobody's lease to take.
  }
  throw new TriplaneError("lease_held", `the record of lease ${entry.key} is not readable, so nobody may take it`, {
    details: { key: entry.key },
  });
}

const MAX_STEP_MS = 250;

class HeldLease implements Lease {
  readonly fence: number;
  readonly #kv: KeyValue;
  readonly #request: LeaseRequest;
  readonly #tools: LeaseTools;
  readonly #marginMs: number;
  readonly #lost = new AbortController();
  #record: LeaseRecord;
  #revision: number;
  #renewAtMs: number;
  #renewing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(kv: KeyValue, request: LeaseRequest, record: LeaseRecord, fence: number, tools: LeaseTools) {
    this.#kv = kv;
    this.#request = request;
    this.#tools = tools;
    this.#record = record;
    this.#revision = fence;
    this.fence = fence;
    this.#marginMs = request.ttlMs / 5;
    this.#renewAtMs = this.#nextRenewal(record);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  start(): void {
    const stepMs = Math.min(MAX_STEP_MS, this.#request.ttlMs / 20);
    this.#timer = setInterval(() => this.#tick(), stepMs);
    this.#timer.unref();
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    if (this.lost.aborted) return;
    try {
      await this.#kv.update(this.#request.key, JSON.stringify({ ...this.#record, expires_at: 0 }), this.#revision);
    } catch (error) {
      // It then runs out by itself; whoever waits only waits longer.
      this.#tools.logger.warn({ key: this.#request.key, err: error }, "the lease could not be released");
    }
  }

  #tick(): void {
    const nowMs = this.#tools.clock.nowMs();
    if (nowMs >= this.#record.expires_at - this.#marginMs) this.#lose("no renewal was confirmed before it ran out");
    else if (nowMs >= this.#renewAtMs && this.#renewing === undefined) {
      this.#renewing = this.#renew(nowMs).finally(() => {
        this.#renewing = undefined;
      });
    }
  }

  async #renew(nowMs: number): Promise<void> {
    // Tried again a step later than this if it fails.
    this.#renewAtMs = nowMs + this.#request.ttlMs / 10;
    const record: LeaseRecord = { ...this.#record, expires_at: nowMs + this.#request.ttlMs };
    try {
      const revision = await this.#kv.update(this.#request.key, JSON.stringify(record), this.#revision);
      if (revision !== undefined) this.#renewed(record, revision);
      else await this.#adopt();
    } catch (error) {
      this.#tools.logger.warn({ key: this.#request.key, err: error }, "the lease could not be renewed");
    }
  }

  /** Another write came first: an own renewal whose confirmation was lost, or another holder. */
  async #adopt(): Promise<void> {
    const entry = await this.#kv.get(this.#request.key);
    const record = entry === undefined ? undefined : readRecord(entry);
    if (entry === undefined || record === undefined || record.nonce !== this.#record.nonce) this.#lose("another process took it");
    else this.#renewed(record, entry.revision);
  }

  #renewed(record: LeaseRecord, revision: number): void {
    this.#record = record;
    this.#revision = revision;
    this.#renewAtMs = this.#nextRenewal(record);
  }

  #nextRenewal(record: LeaseRecord): number {
    return record.expires_at - (this.#request.ttlMs * 2) / 3;
  }

  #lose(why: string): void {
    clearInterval(this.#timer);
    if (this.lost.aborted) return;
    const failure = new TriplaneError("lease_lost", `lease ${this.#request.key} of ${this.#request.owner}: ${why}`);
    this.#tools.logger.error({ key: this.#request.key, err: failure }, "the lease is lost");
    this.#lost.abort(failure);
  }
}
