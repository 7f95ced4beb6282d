// How events are stored: those of one commit are one row, named after the first of them, and rows leave when all in them are too old.
import type { Document, StoredDocument, Write } from "@triplane/store";
import { z } from "zod";
import type { OrchestratorEvent } from "./events.ts";

const TABLE = "events";

const eventSchema = z.custom<OrchestratorEvent>(
  (value) => typeof value === "object" && value !== null && typeof (value as Document)["id"] === "number",
);
const rowSchema = z.object({ events: z.array(eventSchema).min(1) });

interface Row {
  readonly id: string;
  readonly lastId: number;
}

export class EventRows {
  readonly #keep: number;
  readonly #rows: Row[];

  private constructor(keep: number, rows: Row[]) {
    this.#keep = keep;
    this.#rows = rows;
  }

  static read(
    keep: number,
    stored: readonly StoredDocument[],
  ): { readonly rows: EventRows; readonly events: readonly OrchestratorEvent[] } {
    const read = stored.map(({ id, document }) => ({ id, ...rowSchema.parse(document) }));
    const rows = read.map(({ id, events }) => ({ id, lastId: events.at(-1)?.id ?? 0 })).sort((a, b) => a.lastId - b.lastId);
    return { rows: new EventRows(keep, rows), events: read.flatMap(({ events }) => events).sort((a, b) => a.id - b.id) };
  }

  /** What stores these events and lets the oldest go. */
  writes(events: readonly OrchestratorEvent[]): readonly Write[] {
    const [first, last] = [events[0], events.at(-1)];
    if (first === undefined || last === undefined) return [];
    const document = { events: events.map((event) => ({ ...event })) };
    const expired = this.#rows.filter(({ lastId }) => lastId <= last.id - this.#keep);
    return [
      { kind: "create", table: TABLE, id: rowId(first.id), document },
      ...expired.map(({ id }): Write => ({ kind: "delete", table: TABLE, id })),
    ];
  }

  /** Those of `writes` are stored. */
  stored(events: readonly OrchestratorEvent[]): void {
    const [first, last] = [events[0], events.at(-1)];
    if (first === undefined || last === undefined) return;
    const expired = this.#rows.findIndex(({ lastId }) => lastId > last.id - this.#keep);
    this.#rows.splice(0, expired < 0 ? this.#rows.length : expired);
    this.#rows.push({ id: rowId(first.id), lastId: last.id });
  }
}

// Fixed width, so that the order of ids is the order of numbers.
function rowId(id: number): string {
  return String(id).padStart(16, "0");
}
