// Where the records of a subject are, for whoever adds to a ledger and has to know at once what it has: a SQLite file beside it.
//
// 1. It is derived from the ledger's own index and says how far it got; what is missing is added when it is opened.
// 2. A file that is damaged, or that belongs to another history, is made anew. Nothing is ever believed because it is in here:
//    a key that is found is looked up in the ledger.
import { rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { KEY_BYTES } from "./subject-index.ts";

// Twice the same eight bytes for two subjects does not happen by accident; it goes to a table of its own, so that the usual one stays small.
const SCHEMA = `
CREATE TABLE IF NOT EXISTS subjects(key INTEGER PRIMARY KEY, record INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS namesakes(key INTEGER NOT NULL, record INTEGER NOT NULL, PRIMARY KEY(key, record)) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS notes(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
`;

export class SubjectTable {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #insertNamesake: StatementSync;
  readonly #find: StatementSync;
  readonly #findNamesakes: StatementSync;

  private constructor(path: string) {
    this.#database = new DatabaseSync(path);
    try {
      // After a power cut the file is whole and may lack its last entries: those are added again.
      this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; ${SCHEMA}`);
      this.#insert = this.#database.prepare("INSERT OR IGNORE INTO subjects(key, record) VALUES (?, ?)");
      this.#insertNamesake = this.#database.prepare("INSERT OR IGNORE INTO namesakes(key, record) VALUES (?, ?)");
      this.#find = this.#database.prepare("SELECT record FROM subjects WHERE key = ?");
      this.#findNamesakes = this.#database.prepare("SELECT record FROM namesakes WHERE key = ? ORDER BY record");
    } catch (cause) {
      this.#database.close();
      throw cause;
    }
  }

  static open(path: string): SubjectTable {
    try {
      return new SubjectTable(path);
    } catch {
      removeTable(path);
      return new SubjectTable(path);
    }
  }

  static inMemory(): SubjectTable {
    return new SubjectTable(":memory:");
  }

  note(name: string): string | undefined {
    const row = this.#database.prepare("SELECT value FROM notes WHERE name = ?").get(name);
    return typeof row?.["value"] === "string" ? row["value"] : undefined;
  }

  setNote(name: string, value: string): void {
    this.#database
      .prepare("INSERT INTO notes(name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value")
      .run(name, value);
  }

  /** Records that may be about the subject with this key; nearly always none or one. */
  candidates(key: Buffer): readonly number[] {
    const number = key.readBigInt64BE();
    const first = this.#find.get(number)?.["record"];
    if (typeof first !== "number") return [];
    return [first, ...this.#findNamesakes.all(number).map((row) => Number(row["record"]))];
  }

  /** Keys of records that follow one another, one after the other in a buffer or a list. */
  add(keys: Buffer, firstRecord: number): void {
    for (let at = 0; at < keys.length; at += KEY_BYTES) {
      const number = keys.readBigInt64BE(at);
      const record = firstRecord + at / KEY_BYTES;
      if (this.#insert.run(number, record).changes === 0 && this.#find.get(number)?.["record"] !== record)
        this.#insertNamesake.run(number, record);
    }
  }

  clear(): void {
    this.#database.exec("DELETE FROM subjects; DELETE FROM namesakes; DELETE FROM notes");
  }

  begin(): void {
    this.#database.exec("BEGIN IMMEDIATE");
  }

  commit(): void {
    this.#database.exec("COMMIT");
  }

  rollback(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

export function removeTable(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(`${path}${suffix}`, { force: true });
}
