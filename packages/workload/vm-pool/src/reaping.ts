// The reaper's pass: list, judge, destroy one by one; what it saw is stored for the checker.
//
// 1. It begins with the provider's list, never with the database. A failure of one server does not stop the pass. `runner-always-destroyed`
import { LEASE_ID_PATTERN, toTriplaneError } from "@triplane/contract";
import type { ProviderCalls } from "./calls.ts";
import { mayCall } from "./engine/budget.ts";
import { judge, type Orphan } from "./engine/reaper.ts";
import type { LeaseBook } from "./lease-book.ts";
import type { LeaseWorker } from "./lease-worker.ts";
import type { PoolParts } from "./ports.ts";

/** Destroys under way, so that one that takes long does not hold up the pass. */
const AT_ONCE = 8;
const ROW = { table: "pool", id: "reaper" } as const;

export class Reaper {
  readonly #parts: PoolParts;
  readonly #book: LeaseBook;
  readonly #calls: ProviderCalls;
  readonly #worker: LeaseWorker;
  #firstSeenS: ReadonlyMap<string, number> = new Map();
  /** Runners beside those of live leases, after the last pass. */
  orphans = 0;

  constructor(parts: PoolParts, book: LeaseBook, calls: ProviderCalls, worker: LeaseWorker) {
    this.#parts = parts;
    this.#book = book;
    this.#calls = calls;
    this.#worker = worker;
  }

  /** Throws what the listing throws: then nothing is known and nothing is done. */
  async pass(): Promise<void> {
    const { provider, settings, observer } = this.#parts;
    if (!mayCall("list", provider.budget(), this.#book.live.length, this.#nowS())) return;
    // A lease that boots after the list was made is not missing in it.
    const before = this.#book.live;
    const servers = await this.#calls.list(settings.pool);
    const leases = new Map(before.map((lease) => [lease.id, this.#book.get(lease.id) ?? lease]));
    for (const { labels } of servers) {
      // A label that is no lease's id names none: it must not stop the pass.
      const lease = LEASE_ID_PATTERN.test(labels?.lease ?? "") ? await this.#book.find(labels?.lease ?? "") : undefined;
      if (lease !== undefined) leases.set(lease.id, lease);
    }
    const nowS = this.#nowS();
    const verdict = judge({ servers, leases, firstSeenS: this.#firstSeenS, nowS }, settings);
    this.#firstSeenS = new Map(verdict.orphans.map(({ server, since }) => [server.id, since]));
    let destroyed = 0;
    for (let at = 0; at < verdict.destroy.length; at += AT_ONCE) {
      const done = await Promise.all(verdict.destroy.slice(at, at + AT_ONCE).map((orphan) => this.#destroy(orphan)));
      destroyed += done.filter((each) => each).length;
    }
    for (const id of verdict.missing) await this.#lookForMissing(id);
    this.orphans = verdict.orphans.length - destroyed;
    observer.orphans(this.orphans, servers.length);
    await this.#book.forget(nowS);
    const left = verdict.orphans.filter(({ server }) => this.#firstSeenS.has(server.id));
    const oldestS = left.length === 0 ? null : Math.min(...left.map(({ since }) => since));
    await this.#store({ at: nowS, servers: servers.length, orphans: this.orphans, oldest_orphan_at: oldestS });
  }

  async #destroy({ server, why }: Orphan): Promise<boolean> {
    try {
      await this.#calls.destroy(server.id);
    } catch {
      // Told by the call; the next pass tries again.
      return false;
    }
    this.#firstSeenS = new Map([...this.#firstSeenS].filter(([id]) => id !== server.id));
    this.#parts.observer.reaped(server.id, why);
    return true;
  }

  /** A list that is too short does not end a lease: the server itself is asked for. */
  async #lookForMissing(id: string): Promise<void> {
    try {
      const server = await this.#calls.find(id);
      if (server === undefined || server.state === "stopped")
        await this.#worker.lost(id, server === undefined ? "the provider does not have it any more" : "it is stopped");
    } catch (thrown) {
      this.#parts.observer.providerFailed("find", toTriplaneError(thrown).code, `${id} is missing in the list`);
    }
  }

  async #store(document: {
    readonly at: number;
    readonly servers: number;
    readonly orphans: number;
    readonly oldest_orphan_at: number | null;
  }) {
    const isThere = (await this.#parts.store.get(ROW.table, ROW.id)) !== undefined;
    await this.#parts.store.commit([{ kind: isThere ? "replace" : "create", ...ROW, document }]);
  }

  #nowS(): number {
    return Math.floor(this.#parts.clock.nowMs() / 1000);
  }
}
