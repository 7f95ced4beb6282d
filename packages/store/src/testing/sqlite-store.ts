// The oracle: the same store over SQLite, as plainly as possible. Filters and sorts in JavaScript, so that nothing is shared with what it checks.
import { DatabaseSync } from "node:sqlite";
import { TriplaneError } from "@triplane/contract";
import { assertFields, assertHighest, assertId, assertListOptions, assertTable, assertWrites, type Tables, tablesOf } from "../document.ts";
import type { Document, ListOptions, Migration, Store, StoredDocument, Write } from "../types.ts";

const PAGE = 100;

export async function openSqliteStore(path: string, migrations: readonly Migration[]): Promise<Store> {
  const tables = tablesOf(migrations.flatMap((migration) => migration.tables));
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  database.exec("CREATE TABLE IF NOT EXISTS documents (tab TEXT, id TEXT, document TEXT, PRIMARY KEY (tab, id)) STRICT;");
  return new SqliteStore(database, tables);
}

class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #tables: Tables;

  constructor(database: DatabaseSync, tables: Tables) {
    this.#database = database;
    this.#tables = tables;
  }

  async commit(writes: readonly Write[]): Promise<void> {
    assertWrites(this.#tables, writes);
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const write of writes) this.#write(write);
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #write(write: Write): void {
    const present = this.#read(write.table, write.id);
    if (write.kind === "delete") {
      this.#database.prepare("DELETE FROM documents WHERE tab = ? AND id = ?").run(write.table, write.id);
      return;
    }
    if (write.kind === "create" && present !== undefined) throw new TriplaneError("store_duplicate", `${write.id} exists already`);
    if (write.kind === "replace" && (present === undefined || !matches(present, write.expect ?? {})))
      throw new TriplaneError("store_conflict", `${write.id} is not as expected`);
    this.#database
      .prepare("INSERT OR REPLACE INTO documents (tab, id, document) VALUES (?, ?, ?)")
      .run(write.table, write.id, JSON.stringify(write.document));
  }

  async get(table: string, id: string): Promise<Document | undefined> {
    assertTable(this.#tables, table);
    assertId(id);
    return this.#read(table, id);
  }

  #read(table: string, id: string): Document | undefined {
    const row = this.#database.prepare("SELECT document FROM documents WHERE tab = ? AND id = ?").get(table, id);
    return row === undefined ? undefined : JSON.parse(String(row["document"]));
  }

  async list(table: string, options: ListOptions = {}): Promise<readonly StoredDocument[]> {
    assertTable(this.#tables, table);
    assertListOptions(options);
    const { where = {}, orderBy, descending = false, limit } = options;
    const rows = this.#database.prepare("SELECT id, document FROM documents WHERE tab = ?").all(table);
    const found = rows
      .map((row) => ({ id: String(row["id"]), document: JSON.parse(String(row["document"])) as Document }))
      .filter(({ document }) => matches(document, where));
    const direction = descending ? -1 : 1;
    found.sort(
      (a, b) => direction * ((orderBy === undefined ? 0 : compare(a.document[orderBy], b.document[orderBy])) || compare(a.id, b.id)),
    );
    return limit === undefined ? found : found.slice(0, limit);
  }

  async *pages(table: string): AsyncGenerator<readonly StoredDocument[]> {
    for (let page = (await this.list(table)).slice(0, PAGE); page.length > 0; ) {
      yield page;
      const after = page.at(-1)?.id;
      page = (await this.list(table)).filter(({ id }) => compare(id, after) > 0).slice(0, PAGE);
    }
  }

  async count(table: string, where: Document = {}): Promise<number> {
    assertFields(where);
    return (await this.list(table, { where })).length;
  }

  async highest(table: string, field: string, above: number): Promise<number> {
    assertHighest(this.#tables, table, field, above);
    const values = (await this.list(table)).map(({ document }) => document[field]);
    return Math.max(above, ...values.filter((value) => typeof value === "number"));
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }
}

function matches(document: Document, where: Document): boolean {
  return Object.entries(where).every(([field, value]) => Object.hasOwn(document, field) && document[field] === value);
}

/** Absent before present; numbers by value, strings by their UTF-8 bytes. */
function compare(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}
