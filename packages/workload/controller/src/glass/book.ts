// The uses of sealed keys as the controller's database has them, and what time makes of them.
//
// 1. A use is in the database by the commit that takes its op in; what is here in memory is never ahead of that.
// 2. When a window ends without ratification, the state `frozen` and its alarm are one commit: it rings once, also after a restart.
// 3. What was ratified stays so, whatever a later policy lists.
import { type Clock, nowSeconds, TriplaneError } from "@triplane/contract";
import type { Logger } from "@triplane/kit";
import type { OutboxEntry, Records } from "../adapters/store-records.ts";
import type { Alarms } from "../alarms.ts";
import type { PolicyBook } from "../policy-book.ts";
import type { Positions } from "../positions.ts";
import type { GlassRow } from "../rows.ts";
import { type Freezing, isDue } from "./judge.ts";

export interface GlassParts {
  readonly records: Pick<Records, "glass" | "settleGlass">;
  readonly policy: Pick<PolicyBook, "policy">;
  readonly positions: Positions;
  readonly alarms: Pick<Alarms, "composeSurely">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onOutbox: (entries: readonly OutboxEntry[]) => void;
}

export class GlassBook {
  readonly #parts: GlassParts;
  #rows: readonly GlassRow[] = [];

  constructor(parts: GlassParts) {
    this.#parts = parts;
  }

  get rows(): readonly GlassRow[] {
    return this.#rows;
  }

  /** What freezing is judged by at a time; undefined without a policy in force. */
  freezing(nowS: number): Freezing | undefined {
    const inForce = this.#parts.policy.policy?.policy;
    return inForce === undefined ? undefined : { rows: this.#rows, inForce, nowS };
  }

  /** Uses that were stored a moment ago. */
  add(rows: readonly GlassRow[]): void {
    if (rows.length > 0) this.#rows = [...this.#rows, ...rows];
  }

  async reload(): Promise<void> {
    this.#rows = await this.#parts.records.glass();
  }

  /** Reads what is there, and settles what people or time have decided. */
  async look(): Promise<void> {
    await this.reload();
    const freezing = this.freezing(nowSeconds(this.#parts.clock));
    if (freezing === undefined) return;
    const { inForce, nowS } = freezing;
    for (const row of this.#rows) {
      if (row.state !== "open" && row.state !== "frozen") continue;
      if (inForce.ratified.some((jti) => jti === row.subject)) await this.#settle(row, "ratified", undefined);
      else if (row.state === "open" && isDue(row, nowS)) await this.#settle(row, "frozen", this.#alarmOf(row));
    }
  }

  #alarmOf(row: GlassRow): OutboxEntry {
    const { alarms, positions } = this.#parts;
    const message = `${row.person} is frozen: nobody ratified ${row.subject}, which broke the glass by ${row.rule}`;
    const text = alarms.composeSurely({ code: "actor_frozen", message, subject: row.subject });
    return { id: `alarm:frozen:${row.subject}`, row: { kind: "alarm", position: positions.next(), text } };
  }

  async #settle(row: GlassRow, state: "ratified" | "frozen", alarm: OutboxEntry | undefined): Promise<void> {
    const { records, logger, onOutbox } = this.#parts;
    const settled = { ...row, state };
    try {
      await records.settleGlass(settled, row.state, alarm);
    } catch (error) {
      // Another controller was first; the next look sees what it made of it.
      if (error instanceof TriplaneError && error.code === "store_conflict") return;
      throw error;
    }
    this.#rows = this.#rows.map((each) => (each === row ? settled : each));
    if (alarm !== undefined) onOutbox([alarm]);
    logger.warn({ jti: row.subject, person: row.person, state }, "a broken glass was settled");
  }
}
