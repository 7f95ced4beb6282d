// The outbox in memory: entries that were stored a moment ago and wait for the publisher. The database has them all; this one may forget.
import type { OutboxEntry } from "./adapters/store-records.ts";

/** More than this are read from the database again. */
const MAX_ENTRIES = 500;

export class OutboxQueue {
  readonly #entries = new Map<string, OutboxEntry>();
  #isComplete = false;

  /** Whether everything that is stored and not published was offered, or will be. At first nobody knows. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(entries: readonly OutboxEntry[]): void {
    for (const entry of entries) this.#entries.set(entry.id, entry);
    if (this.#entries.size > MAX_ENTRIES) this.forget();
  }

  /** Nothing was found in the database that was not offered. */
  markComplete(): void {
    this.#isComplete = true;
  }

  forget(): void {
    this.#entries.clear();
    this.#isComplete = false;
  }

  /**
   * The next that may be published side by side: records in their order until one of a target that another one has; alarms where there
   * is room beside them. None where nothing waits.
   */
  take(max: number): readonly OutboxEntry[] {
    const waiting = [...this.#entries.values()];
    const records = waiting.filter(({ row }) => row.kind === "audit");
    const taken: OutboxEntry[] = [];
    const targets = new Set<string>();
    for (const entry of records) {
      if (taken.length >= max || (entry.target !== undefined && targets.has(entry.target))) break;
      if (entry.target !== undefined) targets.add(entry.target);
      taken.push(entry);
    }
    taken.push(...waiting.filter(({ row }) => row.kind === "alarm").slice(0, max - taken.length));
    for (const { id } of taken) this.#entries.delete(id);
    return taken;
  }
}
