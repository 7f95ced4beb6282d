// The controller's rows in its database. Each method is one commit or one read.
import { type ResultSeen, TriplaneError } from "@triplane/contract";
import type { Store, Write } from "@triplane/store";
import {
  documentOf,
  type FinishedRow,
  fenceRowSchema,
  type GlassRow,
  glassRowSchema,
  type OpRow,
  type OutboxRow,
  opRowSchema,
  outboxRowSchema,
  type PolicyRow,
  policyRowSchema,
  type RejectedRow,
  readRow,
} from "../rows.ts";
import type { Queued } from "../schedule.ts";
import type { IntakeStep, Known, Subjects } from "../service.ts";

const MAX_REJECTED = 1000;
const POLICY = "policy";
const FENCE = "fence";

export interface OutboxEntry {
  readonly id: string;
  readonly row: OutboxRow;
  /** Of the op that ended; absent where it is not known, or nothing was applied. */
  readonly target?: string;
}

/** What a use of a sealed key adds to the commit that takes its op in. */
export interface GlassUse {
  readonly row: GlassRow;
  /** Absent where too many were told of already. */
  readonly alarm?: OutboxEntry;
}

export class Records {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async known(subjects: Subjects): Promise<Known> {
    const [byJti, byDigest] = await Promise.all([subjects.jti === undefined ? undefined : this.op(subjects.jti), this.op(subjects.digest)]);
    return { byJti, byDigest };
  }

  async op(subject: string): Promise<OpRow | undefined> {
    const document = await this.#store.get("ops", subject);
    return document === undefined ? undefined : readRow(document, opRowSchema, `op ${subject}`);
  }

  /** Stores what a batch of messages comes to: new rows by one commit, in order. Throws `store_duplicate` where a subject is taken. */
  async takeIn(steps: readonly (IntakeStep & { readonly glass?: GlassUse })[]): Promise<void> {
    const created = new Set<string>();
    const writes: Write[] = [];
    for (const { kind, row, glass, ...step } of steps) {
      if (kind !== "accept" && kind !== "finish") continue;
      created.add(row.subject);
      writes.push({ kind: "create", table: "ops", id: row.subject, document: documentOf(row) });
      if ("outbox" in step) writes.push({ kind: "create", table: "outbox", id: row.subject, document: documentOf(step.outbox) });
      if (glass === undefined) continue;
      writes.push({ kind: "create", table: "break_glass", id: glassId(glass.row), document: documentOf(glass.row) });
      if (glass.alarm !== undefined)
        writes.push({ kind: "create", table: "outbox", id: glass.alarm.id, document: documentOf(glass.alarm.row) });
    }
    if (writes.length > 0) await this.#store.commit(writes);
    for (const step of steps)
      if (step.kind === "receipt" && !created.has(step.row.subject)) await this.enqueue(step.row.subject, step.outbox);
  }

  /** Ends an accepted op: result and outbox row in one commit. Throws `store_conflict` where it has ended already. */
  async finish(row: FinishedRow, outbox: OutboxRow): Promise<void> {
    await this.#store.commit([
      { kind: "replace", table: "ops", id: row.subject, document: documentOf(row), expect: { state: "accepted" } },
      { kind: "create", table: "outbox", id: row.subject, document: documentOf(outbox) },
    ]);
  }

  /** Puts something into the outbox unless it is there. */
  async enqueue(id: string, outbox: OutboxRow): Promise<void> {
    try {
      await this.#store.commit([{ kind: "create", table: "outbox", id, document: documentOf(outbox) }]);
    } catch (error) {
      if (!isDuplicate(error)) throw error;
    }
  }

  /** Keeps a message that proved nothing, and its alarm; the oldest of too many go. False where the same bytes are kept already. */
  async reject(id: string, row: RejectedRow, alarm: { readonly id: string; readonly row: OutboxRow } | undefined): Promise<boolean> {
    const writes: Write[] = [{ kind: "create", table: "rejected", id, document: documentOf(row) }];
    if (alarm !== undefined) writes.push({ kind: "create", table: "outbox", id: alarm.id, document: documentOf(alarm.row) });
    const excess = (await this.#store.count("rejected")) - MAX_REJECTED + 1;
    if (excess > 0) {
      const oldest = await this.#store.list("rejected", { orderBy: "at", limit: excess });
      for (const { id: oldId } of oldest) writes.push({ kind: "delete", table: "rejected", id: oldId });
    }
    try {
      await this.#store.commit(writes);
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }

  /** All ops that are accepted and not ended, in order of acceptance. */
  async unfinished(): Promise<readonly Queued[]> {
    const rows = await this.#store.list("ops", { where: { state: "accepted" }, orderBy: "position" });
    return rows.map(({ id, document }) => {
      const row = readRow(document, opRowSchema, `op ${id}`);
      if (row.state !== "accepted") throw new TriplaneError("internal", `op ${id} was listed as accepted and is ${row.state}`);
      return { subject: row.subject, target: row.target, position: row.position };
    });
  }

  /** The highest position given out so far; 0 in a new database. Cheap where it is no higher than what is `known` already. */
  async lastPosition(known = 0): Promise<number> {
    return Math.max(...(await Promise.all(["ops", "outbox"].map((table) => this.#store.highest(table, "position", known)))));
  }

  /** The newest result that the orchestrator ever gave; undefined before its first one. Throws `unavailable` where the database is damaged. */
  async seen(): Promise<ResultSeen | undefined> {
    const revision = await this.#store.highest("ops", "revision", 0);
    if (revision === 0) return undefined;
    const [op] = await this.#store.list("ops", { where: { revision }, limit: 1 });
    if (op === undefined) throw new TriplaneError("unavailable", `the database could not read the op that came to revision ${revision}`);
    return { jti: op.id, revision };
  }

  /** Oldest first. */
  async outbox(kind: OutboxRow["kind"], limit: number): Promise<readonly OutboxEntry[]> {
    const rows = await this.#store.list("outbox", { where: { kind }, orderBy: "position", limit });
    return rows.map(({ id, document }) => ({ id, row: readRow(document, outboxRowSchema, `outbox ${id}`) }));
  }

  async outboxDepth(): Promise<number> {
    return await this.#store.count("outbox");
  }

  /** What was published leaves the outbox; answers to these that could not be told come in, unless one waits already. */
  async published(ids: readonly string[], unanswered: readonly OutboxEntry[] = []): Promise<void> {
    const writes: Write[] = ids.map((id) => ({ kind: "delete", table: "outbox", id }));
    for (const { id: subject, row } of unanswered) {
      const id = `${subject}.answer`;
      // An op has one outcome: both would say the same.
      if ((await this.#store.get("outbox", id)) !== undefined) continue;
      writes.push({ kind: "create", table: "outbox", id, document: documentOf(row) });
    }
    await this.#store.commit(writes);
  }

  /** Every use of a sealed key, in order of acceptance. */
  async glass(): Promise<readonly GlassRow[]> {
    const rows = await this.#store.list("break_glass");
    return rows
      .map(({ id, document }) => readRow(document, glassRowSchema, `broken glass ${id}`))
      .sort((a, b) => a.accepted_at - b.accepted_at || a.seq - b.seq);
  }

  /** Throws `store_conflict` where the use is no longer in the state that it was `from`. */
  async settleGlass(row: GlassRow, from: GlassRow["state"], alarm: OutboxEntry | undefined): Promise<void> {
    const settle: Write = {
      ...{ kind: "replace", table: "break_glass", id: glassId(row), document: documentOf(row), expect: { state: from } },
    };
    const told: readonly Write[] =
      alarm === undefined ? [] : [{ kind: "create", table: "outbox", id: alarm.id, document: documentOf(alarm.row) }];
    await this.#store.commit([settle, ...told]);
  }

  /** The highest fencing number of a lease under which a controller was active here; undefined where none ever was. */
  async leaseFence(): Promise<number | undefined> {
    const document = await this.#store.get("meta", FENCE);
    return document === undefined ? undefined : readRow(document, fenceRowSchema, "the fencing number").fence;
  }

  /** Before anything is applied under it. */
  async keepLeaseFence(fence: number): Promise<void> {
    const before = await this.leaseFence();
    if (before !== undefined && before >= fence) return;
    const document = documentOf({ fence });
    await this.#store.commit([
      before === undefined
        ? { kind: "create", table: "meta", id: FENCE, document }
        : { kind: "replace", table: "meta", id: FENCE, document, expect: { fence: before } },
    ]);
  }

  async readPolicy(): Promise<PolicyRow | undefined> {
    const document = await this.#store.get("meta", POLICY);
    return document === undefined ? undefined : readRow(document, policyRowSchema, "the accepted policy");
  }

  async writePolicy(row: PolicyRow, before: PolicyRow | undefined): Promise<void> {
    const document = documentOf(row);
    const write: Write =
      before === undefined
        ? { kind: "create", table: "meta", id: POLICY, document }
        : { kind: "replace", table: "meta", id: POLICY, document, expect: { commit: before.commit } };
    await this.#store.commit([write]);
  }
}

/** A number of a key is used once. */
export function glassId({ key, seq }: Pick<GlassRow, "key" | "seq">): string {
  return `${key}:${seq}`;
}

function isDuplicate(error: unknown): boolean {
  return error instanceof TriplaneError && error.code === "store_duplicate";
}
