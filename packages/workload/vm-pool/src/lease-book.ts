// The leases that are not over, in memory as on disk; those that are over, on disk.
//
// 1. A change is on disk before anybody acts on it. Changes of one lease follow one another.
// 2. After a commit whose outcome is not known the row is read again before the next change.
import { failpoint, type LeaseFailpoint, type LeaseState, TriplaneError } from "@triplane/contract";
import type { Store } from "@triplane/store";
import { Spending } from "./engine/cost.ts";
import { isEnded, type LeaseRecord } from "./engine/lease.ts";
import { createLease, listLeases, readLease, replaceLease } from "./lease-rows.ts";
import { type Capabilities, HOLDING_STATES } from "./provider.ts";

const OVER: readonly LeaseState[] = ["gone", "failed"];
const DAY_S = 24 * 3600;
/** Two calendar months: what a tenant has spent this month is added up from them. */
const KEPT_DAYS = 62;

type Arrow = Extract<LeaseFailpoint, `pool.before-${string}`> extends `pool.before-${infer Name}` ? Name : never;

interface Entry {
  lease: LeaseRecord;
  rev: number;
  isUncertain: boolean;
  last: Promise<unknown>;
}

export class LeaseBook {
  readonly spending: Spending = new Spending();
  readonly #store: Store;
  readonly #billing: Capabilities["billing"];
  readonly #entries = new Map<string, Entry>();
  #forgotAtS = 0;

  private constructor(store: Store, billing: Capabilities["billing"]) {
    this.#store = store;
    this.#billing = billing;
  }

  static async load(store: Store, billing: Capabilities["billing"], nowS: number): Promise<LeaseBook> {
    const book = new LeaseBook(store, billing);
    for (const state of HOLDING_STATES) for (const { lease, rev } of await listLeases(store, { state })) book.#put(lease, rev);
    await book.forget(nowS);
    for (const state of OVER) for (const { lease } of await listLeases(store, { state })) book.spending.add(lease, billing);
    return book;
  }

  /** Leases that have been over for long are removed; looks once a day. */
  async forget(nowS: number): Promise<void> {
    if (Math.abs(nowS - this.#forgotAtS) < DAY_S) return;
    for (const state of OVER) {
      const old = (await listLeases(this.#store, { state })).filter(({ lease }) => (lease.endedAtS ?? nowS) < nowS - KEPT_DAYS * DAY_S);
      for (const { lease } of old) await this.#store.commit([{ kind: "delete", table: "leases", id: lease.id }]);
    }
    this.#forgotAtS = nowS;
  }

  /** Oldest first. */
  get live(): readonly LeaseRecord[] {
    return [...this.#entries.values()].map(({ lease }) => lease);
  }

  get(id: string): LeaseRecord | undefined {
    return this.#entries.get(id)?.lease;
  }

  /** Also one that is over. */
  async find(id: string): Promise<LeaseRecord | undefined> {
    return this.get(id) ?? (await readLease(this.#store, id))?.lease;
  }

  /** Of these fields, also those that are over. */
  async withBuild(where: { readonly build_id: string } | { readonly retry_of: string }): Promise<readonly LeaseRecord[]> {
    const found = await listLeases(this.#store, where);
    return found.map(({ lease }) => this.get(lease.id) ?? lease);
  }

  /** Stores the intent. */
  async add(lease: LeaseRecord): Promise<void> {
    failpoint("pool.before-intent");
    try {
      await this.#store.commit([createLease(lease)]);
    } catch (error) {
      // It may be there: the first change finds out.
      this.#put(lease, 1, true);
      throw error;
    }
    failpoint("pool.after-intent");
    this.#put(lease, 1);
  }

  /** Stores what `make` makes of the lease, which is made from it as it is when its turn comes. Throws `lease_unknown` for one that is over. */
  change(id: string, make: (lease: LeaseRecord) => LeaseRecord, arrow?: Arrow): Promise<LeaseRecord> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return Promise.reject(new TriplaneError("lease_unknown", `${id} is not live`));
    const changed = entry.last.then(() => this.#change(entry, make, arrow));
    entry.last = changed.catch(() => undefined);
    return changed;
  }

  async #change(entry: Entry, make: (lease: LeaseRecord) => LeaseRecord, arrow: Arrow | undefined): Promise<LeaseRecord> {
    if (entry.isUncertain) await this.#readAgain(entry);
    const next = make(entry.lease);
    if (next === entry.lease) return next;
    if (arrow !== undefined) failpoint(`pool.before-${arrow}`);
    try {
      await this.#store.commit([replaceLease(next, entry.rev)]);
    } catch (error) {
      entry.isUncertain = true;
      throw error;
    }
    if (arrow !== undefined) failpoint(`pool.after-${arrow}`);
    this.#set(entry, next, entry.rev + 1);
    return next;
  }

  async #readAgain(entry: Entry): Promise<void> {
    const stored = await readLease(this.#store, entry.lease.id);
    if (stored === undefined) {
      this.#entries.delete(entry.lease.id);
      throw new TriplaneError("lease_unknown", `the row of ${entry.lease.id} was never stored`);
    }
    this.#set(entry, stored.lease, stored.rev);
    entry.isUncertain = false;
  }

  #set(entry: Entry, lease: LeaseRecord, rev: number): void {
    entry.lease = lease;
    entry.rev = rev;
    if (isEnded(lease) && this.#entries.delete(lease.id)) this.spending.add(lease, this.#billing);
  }

  #put(lease: LeaseRecord, rev: number, isUncertain = false): void {
    this.#entries.set(lease.id, { lease, rev, isUncertain, last: Promise.resolve() });
  }
}
