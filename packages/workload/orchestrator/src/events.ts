// What happened, in order, for whoever watches: numbered, kept for a while, resumable by number.
//
// 1. Ids grow by one; an event is visible only when it is durable.
// 2. Only the last `keep` events are kept, in the store and in memory; who asks for older ones learns how many are missing.
import type { JsonRecord } from "./model.ts";

export const EVENT_TYPES = [
  "op.accepted",
  "op.finished",
  "target.changed",
  "replica.started",
  "replica.healthy",
  "replica.unhealthy",
  "replica.exited",
  "replica.given-up",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface EventDraft {
  readonly type: EventType;
  readonly target: string;
  readonly data: JsonRecord;
}

export interface OrchestratorEvent extends EventDraft {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly at_ms: number;
}

/** What is kept, in order of ids; the newest at the end. */
export class EventRing {
  readonly #keep: number;
  readonly #events: OrchestratorEvent[];
  readonly #listeners = new Set<() => void>();
  #lastId: number;

  constructor(keep: number, stored: readonly OrchestratorEvent[]) {
    this.#keep = keep;
    this.#events = stored.slice(-keep);
    this.#lastId = stored.at(-1)?.id ?? 0;
  }

  get lastId(): number {
    return this.#lastId;
  }

  append(events: readonly OrchestratorEvent[]): void {
    if (events.length === 0) return;
    this.#events.push(...events);
    this.#events.splice(0, Math.max(0, this.#events.length - this.#keep));
    this.#lastId = events.at(-1)?.id ?? this.#lastId;
    for (const listener of this.#listeners) listener();
  }

  /** Events after `id`; `missing` counts those that are no longer kept. */
  after(id: number): { readonly missing: number; readonly events: readonly OrchestratorEvent[] } {
    const first = this.#events[0]?.id ?? this.#lastId + 1;
    return { missing: Math.max(0, first - id - 1), events: this.#events.filter((event) => event.id > id) };
  }

  /** Calls `listener` whenever events came in; returns how to stop that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
