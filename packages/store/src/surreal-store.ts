// The store over SurrealDB.
//
// 1. A commit is one transaction text; SurrealDB runs all of it or nothing.
// 2. A collision is known not to have happened and is tried again, a bounded number of times.
// 3. Commits that wait while another runs share the next transaction; where that fails for one of them, each has one of its own.
// 4. Any other failed commit is unknown: from then on this store answers nothing, so that its process ends and reads what is there.
import { type FailureCode, type Random, TriplaneError, toTriplaneError } from "@triplane/contract";
import { backoffMs, sleep } from "@triplane/kit";
import { CONFLICT_MARK, commitQuery, type Query } from "./commit-query.ts";
import { assertFields, assertHighest, assertId, assertListOptions, assertTable, assertWrites, type Tables } from "./document.ts";
import { type GroupMember, groupSize } from "./group.ts";
import { findHighest } from "./highest.ts";
import { MAX_COMMIT_ATTEMPTS, MAX_READ_TOGETHER } from "./limits.ts";
import { aboveQuery, countQuery, getQuery, indexProofQuery, listQuery, pageEndsQuery, pageQuery, wholeTableQuery } from "./list-query.ts";
import type { Session, StatementResult } from "./session.ts";
import type { Document, ListOptions, Store, StoredDocument, Write } from "./types.ts";

// The SDK's own retry needs a structured error that this engine does not send (measured: 105 of 480 still failed).
const RETRYABLE = /can be retried|Transaction conflict/;
// Statements that were only carried along by the one that failed.
const CARRIED_ALONG = /not executed due to a (?:failed|cancelled) transaction/;

const DID_NOT_HAPPEN: ReadonlySet<FailureCode> = new Set(["store_duplicate", "store_conflict"]);

type CommitOutcome = { readonly kind: "done" } | { readonly kind: "collided" } | { readonly kind: "failed"; readonly error: TriplaneError };

interface Waiting extends GroupMember {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class SurrealStore implements Store {
  readonly #session: Session;
  readonly #tables: Tables;
  readonly #random: Random;
  readonly #waiting: Waiting[] = [];
  readonly #reading = new Map<string, { readonly ids: Set<string>; readonly documents: Promise<ReadonlyMap<string, Document>> }>();
  /** Indexes that had an entry for every record. */
  readonly #proven = new Set<string>();
  #isCommitting = false;
  #broken: TriplaneError | undefined;
  #closed = false;

  constructor(session: Session, tables: Tables, random: Random) {
    this.#session = session;
    this.#tables = tables;
    this.#random = random;
  }

  async commit(writes: readonly Write[]): Promise<void> {
    const sizeBytes = assertWrites(this.#tables, writes);
    this.#assertUsable();
    if (writes.length === 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ writes, sizeBytes, resolve, reject });
    if (!this.#isCommitting) void this.#commitWaiting();
    await promise;
  }

  async #commitWaiting(): Promise<void> {
    this.#isCommitting = true;
    // Whoever asks in this turn of the loop, or goes on because of the last group, comes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, groupSize(this.#waiting));
      if (group.length === 1 || !(await this.#commitTogether(group)))
        for (const { writes, resolve, reject } of group) await this.#commitAlone(writes).then(resolve, reject);
      await nextTurn();
    }
    this.#isCommitting = false;
  }

  /** False where nothing happened, because of one of them. */
  async #commitTogether(group: readonly Waiting[]): Promise<boolean> {
    try {
      await this.#commitAlone(group.flatMap(({ writes }) => writes));
      for (const { resolve } of group) resolve();
    } catch (error) {
      if (error instanceof TriplaneError && DID_NOT_HAPPEN.has(error.code)) return false;
      for (const { reject } of group) reject(error);
    }
    return true;
  }

  async #commitAlone(writes: readonly Write[]): Promise<void> {
    this.#assertUsable();
    const query = commitQuery(writes);
    for (let attempt = 1; attempt <= MAX_COMMIT_ATTEMPTS; attempt += 1) {
      const outcome = await this.#tryCommit(query, writes);
      if (outcome.kind === "done") return;
      if (outcome.kind === "failed") throw outcome.error;
      await sleep(backoffMs(attempt, { baseMs: 1, maxMs: 50 }, this.#random));
    }
    throw new TriplaneError("store_conflict", `the commit collided with others ${MAX_COMMIT_ATTEMPTS} times`);
  }

  async #tryCommit(query: Query, writes: readonly Write[]): Promise<CommitOutcome> {
    this.#assertUsable();
    let results: readonly StatementResult[];
    try {
      results = await this.#session.run(query.text, query.parameters);
    } catch (error) {
      return { kind: "failed", error: this.#breakOn(toTriplaneError(error).message, error) };
    }
    const outcome = judgeCommit(results, writes);
    return outcome.kind === "unknown" ? { kind: "failed", error: this.#breakOn(outcome.message, undefined) } : outcome;
  }

  async get(table: string, id: string): Promise<Document | undefined> {
    assertTable(this.#tables, table);
    assertId(id);
    const together = this.#reading.get(table);
    if (together !== undefined && together.ids.size < MAX_READ_TOGETHER) {
      together.ids.add(id);
      return (await together.documents).get(id);
    }
    const ids = new Set([id]);
    // Everybody who asks in the same turn comes along; what was committed before anybody asked is seen by all.
    const documents = Promise.resolve().then(() => {
      if (this.#reading.get(table)?.ids === ids) this.#reading.delete(table);
      return this.#readDocuments(table, [...ids]);
    });
    this.#reading.set(table, { ids, documents });
    return (await documents).get(id);
  }

  async #readDocuments(table: string, ids: readonly string[]): Promise<ReadonlyMap<string, Document>> {
    const rows = await this.#read(getQuery(table, ids));
    if (!Array.isArray(rows)) throw new TriplaneError("internal", `reading ${table} gave no rows`);
    return new Map(rows.map((row: unknown) => storedDocument(row, table)).map(({ id, document }) => [id, document]));
  }

  async list(table: string, options: ListOptions = {}): Promise<readonly StoredDocument[]> {
    assertTable(this.#tables, table);
    assertListOptions(options);
    if (options.where === undefined && options.limit === undefined) return await this.#listWhole(table, options);
    const rows = await this.#read(listQuery(table, options));
    if (!Array.isArray(rows)) throw new TriplaneError("internal", `listing ${table} gave no rows`);
    return rows.map((row: unknown) => storedDocument(row, table));
  }

  /** Throws `unavailable` where the scan ended before the last record. */
  async #listWhole(table: string, options: ListOptions): Promise<readonly StoredDocument[]> {
    const read = await this.#read(wholeTableQuery(table, options));
    if (!isDocument(read) || !Array.isArray(read["rows"])) throw new TriplaneError("internal", `listing ${table} gave no rows`);
    const { rows, last } = read as { readonly rows: readonly unknown[]; readonly last?: unknown };
    const stored = rows.map((row) => storedDocument(row, table));
    if ((last ?? undefined) === undefined ? stored.length > 0 : !stored.some(({ id }) => id === last)) throw cutOff(table);
    return stored;
  }

  async *pages(table: string): AsyncGenerator<readonly StoredDocument[]> {
    assertTable(this.#tables, table);
    let after: string | undefined;
    let ends = await this.#pageEnds(table);
    for (let end = ends.shift(); end !== undefined; end = ends.shift()) {
      const page = await this.#readPage(table, after, end);
      if (page !== undefined) {
        after = end;
        yield page;
      } else if (ends.length === 0) {
        const reached = after;
        ends = (await this.#pageEnds(table)).filter(
          (id) => reached === undefined || Buffer.compare(Buffer.from(id), Buffer.from(reached)) > 0,
        );
      }
    }
  }

  async #pageEnds(table: string): Promise<string[]> {
    const read = await this.#read(pageEndsQuery(table));
    if (!isDocument(read) || !Array.isArray(read["some"])) throw new TriplaneError("internal", `reading ${table} gave no ids`);
    const { some, last } = read as { readonly some: readonly string[]; readonly last?: string | null };
    if ((last ?? undefined) === undefined) {
      // Whether it is empty, the whole table says.
      return (await this.#listWhole(table, {})).map(({ id }) => id).slice(-1);
    }
    return [...some.filter((id) => id !== last), last as string];
  }

  /** Undefined where `end` was deleted, so that nothing tells whether this is all: the page has to go on to another end. */
  async #readPage(table: string, after: string | undefined, end: string): Promise<readonly StoredDocument[] | undefined> {
    const read = await this.#read(pageQuery(table, after, end));
    if (!isDocument(read) || !Array.isArray(read["rows"])) throw new TriplaneError("internal", `reading ${table} gave no rows`);
    const rows = read["rows"].map((row) => storedDocument(row, table));
    if (rows.at(-1)?.id === end) return rows;
    if (read["there"] === true) throw cutOff(table);
    return undefined;
  }

  async count(table: string, where: Document = {}): Promise<number> {
    assertTable(this.#tables, table);
    assertFields(where);
    const rows = await this.#read(countQuery(table, where));
    const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
    return isDocument(row) && typeof row["count"] === "number" ? row["count"] : 0;
  }

  async highest(table: string, field: string, above: number): Promise<number> {
    assertHighest(this.#tables, table, field, above);
    await this.#proveIndex(table, field);
    return await findHighest(above, async (bound) => {
      const values = await this.#read(aboveQuery(table, field, bound));
      if (!Array.isArray(values)) throw new TriplaneError("internal", `reading ${table} gave no rows`);
      const value: unknown = values[0];
      if (value === undefined || (typeof value === "number" && value > bound)) return value;
      throw new TriplaneError("internal", `the index ${field} of ${table} gave a record that does not belong there`);
    });
  }

  async #proveIndex(table: string, field: string): Promise<void> {
    const name = `${table}.${field}`;
    if (this.#proven.has(name)) return;
    const read = await this.#read(indexProofQuery(table, field));
    if (!isDocument(read) || typeof read["indexed"] !== "number") throw new TriplaneError("internal", `counting ${table} gave no numbers`);
    if (read["indexed"] !== read["records"])
      throw new TriplaneError("unavailable", `the database could not read: ${table} or its index of ${field} is damaged`);
    this.#proven.add(name);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#session.close();
  }

  async #read(query: Query): Promise<unknown> {
    this.#assertUsable();
    let results: readonly StatementResult[];
    try {
      results = await this.#session.run(query.text, query.parameters);
    } catch (error) {
      throw toTriplaneError(error, "unavailable");
    }
    const result = results[0];
    if (result === undefined) throw new TriplaneError("internal", "the database gave no result");
    if (!result.ok) throw new TriplaneError("unavailable", `the database could not read: ${result.message}`);
    return result.value;
  }

  #assertUsable(): void {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.#closed) throw new TriplaneError("unavailable", "the store is closed");
  }

  #breakOn(message: string, cause: unknown): TriplaneError {
    this.#broken = new TriplaneError("store_commit_unknown", `a commit failed and its outcome is unknown: ${message}`, { cause });
    return this.#broken;
  }
}

function cutOff(table: string): TriplaneError {
  return new TriplaneError(
    "unavailable",
    `the database could not read: a record of ${table} is damaged, and those behind it were not reached`,
  );
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What the results of a transaction's statements mean together. */
export function judgeCommit(
  results: readonly StatementResult[],
  writes: readonly Write[],
): CommitOutcome | { readonly kind: "unknown"; readonly message: string } {
  const failures = results.filter((result) => !result.ok);
  const cause = failures.find((failure) => !CARRIED_ALONG.test(failure.message)) ?? failures[0];
  if (cause === undefined) return { kind: "done" };
  if (failures.some((failure) => RETRYABLE.test(failure.message))) return { kind: "collided" };
  if (cause.kind === "AlreadyExists") {
    const ids = writes.flatMap((write) => (write.kind === "create" ? [`${write.table}/${write.id}`] : []));
    return { kind: "failed", error: new TriplaneError("store_duplicate", `one of ${ids.join(", ").slice(0, 500)} exists already`) };
  }
  const mark = cause.kind === "Thrown" ? cause.message.indexOf(CONFLICT_MARK) : -1;
  if (mark >= 0) {
    const write = writes[Number.parseInt(cause.message.slice(mark + CONFLICT_MARK.length), 10)];
    const where = write === undefined ? "a document" : `${write.table}/${write.id}`;
    return { kind: "failed", error: new TriplaneError("store_conflict", `${where} is not as the commit expects`) };
  }
  return { kind: "unknown", message: cause.message };
}

function storedDocument(row: unknown, table: string): StoredDocument {
  if (isDocument(row) && typeof row["key"] === "string" && isDocument(row["doc"])) return { id: row["key"], document: row["doc"] };
  throw new TriplaneError("internal", `table ${table} holds a record that this store did not write`);
}

function isDocument(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
