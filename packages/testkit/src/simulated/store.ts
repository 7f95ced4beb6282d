// A document store in virtual time: a commit happens at one moment, as a whole, and lasts from then on.
import { TriplaneError } from "@triplane/contract";
import type {
  assertHighest,
  assertId,
  assertListOptions,
  assertTable,
  assertWrites,
  Document,
  ListOptions,
  Migration,
  Store,
  StoredDocument,
  Tables,
  tablesOf,
  Write,
} from "@triplane/store";
import { type Faults, localCall, type Step } from "./faults.ts";
import type { Scheduler, SimulatedProcess } from "./scheduler.ts";

/** What may go into a store, in the store room's own words: the double shares them and nothing else. */
export interface StoreRules {
  readonly assertHighest: typeof assertHighest;
  readonly assertId: typeof assertId;
  readonly assertListOptions: typeof assertListOptions;
  readonly assertTable: typeof assertTable;
  readonly assertWrites: typeof assertWrites;
  readonly tablesOf: typeof tablesOf;
}

export interface SimulatedDatabaseOptions {
  readonly rules: StoreRules;
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly migrations: readonly Migration[];
  /** A server that several processes use at once; else it belongs to one process. */
  readonly isServer?: boolean;
  /** For proofs that this would be noticed: the last commit of a process that dies is undone. */
  readonly forgetsLastCommit?: boolean;
}

/** Documents of a page. */
const PAGE = 100;

/** What stays when the processes end. */
export class SimulatedDatabase {
  readonly #options: SimulatedDatabaseOptions;
  readonly #tables: Tables;
  readonly #documents = new Map<string, Map<string, Document>>();
  #holder: SimulatedProcess | undefined;

  constructor(options: SimulatedDatabaseOptions) {
    this.#options = options;
    this.#tables = options.rules.tablesOf(options.migrations.flatMap(({ tables }) => tables));
    for (const table of this.#tables.keys()) this.#documents.set(table, new Map());
  }

  /** Of a table, for whoever looks at it from outside. */
  rows(table: string): ReadonlyMap<string, Document> {
    this.#options.rules.assertTable(this.#tables, table);
    return this.#documents.get(table) ?? new Map();
  }

  /** Throws `store_locked` where another process has it. */
  open(process: SimulatedProcess): Promise<Store> {
    return localCall(this.#options, process, "store.read", () => {
      if (this.#options.isServer !== true) {
        if (this.#holder?.alive === true) throw new TriplaneError("store_locked", `the store is held by ${this.#holder.name}`);
        this.#holder = process;
      }
      return this.#storeOf(process);
    });
  }

  #storeOf(process: SimulatedProcess): Store {
    const { rules } = this.#options;
    let undoLast: (() => void) | undefined;
    if (this.#options.forgetsLastCommit === true) process.onDeath(() => undoLast?.());
    const call = <T>(step: Step, perform: () => T, ifLost?: () => Error) => localCall(this.#options, process, step, perform, ifLost);
    return {
      commit: async (writes) => {
        rules.assertWrites(this.#tables, writes);
        const unknown = () => new TriplaneError("store_commit_unknown", "the commit's outcome is not known");
        await call(
          "store.commit",
          () => {
            undoLast = this.#commit(writes);
            this.#options.scheduler.trace(
              process.name,
              `committed ${writes.map(({ kind, table, id }) => `${kind} ${table}/${id}`).join(", ")}`,
            );
          },
          unknown,
        );
      },
      get: async (table, id) => {
        rules.assertTable(this.#tables, table);
        rules.assertId(id);
        return call("store.read", () => this.#documents.get(table)?.get(id));
      },
      list: async (table, options = {}) => {
        rules.assertTable(this.#tables, table);
        rules.assertListOptions(options);
        return call("store.read", () => this.#list(table, options));
      },
      pages: (table) => {
        rules.assertTable(this.#tables, table);
        const next = (after: string | undefined) =>
          call("store.read", () =>
            this.#list(table, {})
              .filter(({ id }) => after === undefined || compare(id, after) > 0)
              .slice(0, PAGE),
          );
        return eachPage(next);
      },
      count: async (table, where = {}) => {
        rules.assertTable(this.#tables, table);
        rules.assertListOptions({ where });
        return call("store.read", () => this.#list(table, { where }).length);
      },
      highest: async (table, field, above) => {
        rules.assertHighest(this.#tables, table, field, above);
        return call("store.read", () => {
          const values = [...(this.#documents.get(table)?.values() ?? [])].map((document) => document[field]);
          return Math.max(above, ...values.filter((value) => typeof value === "number"));
        });
      },
      close: async () => {
        if (this.#holder === process) this.#holder = undefined;
      },
    };
  }

  /** Returns how to undo it. Throws `store_duplicate`, `store_conflict`. */
  #commit(writes: readonly Write[]): () => void {
    const undo: (() => void)[] = [];
    const undoAll = (): void => {
      for (const step of undo.reverse()) step();
    };
    try {
      for (const write of writes) {
        const documents = this.#documents.get(write.table) ?? new Map<string, Document>();
        const present = documents.get(write.id);
        undo.push(() => void (present === undefined ? documents.delete(write.id) : documents.set(write.id, present)));
        apply(write, documents, present);
      }
    } catch (error) {
      undoAll();
      throw error;
    }
    return undoAll;
  }

  #list(table: string, { where = {}, orderBy, descending = false, limit }: ListOptions): readonly StoredDocument[] {
    const found: StoredDocument[] = [];
    for (const [id, document] of this.#documents.get(table) ?? []) if (fits(document, where)) found.push({ id, document });
    const direction = descending ? -1 : 1;
    found.sort(
      (a, b) => direction * ((orderBy === undefined ? 0 : compare(a.document[orderBy], b.document[orderBy])) || compare(a.id, b.id)),
    );
    return limit === undefined ? found : found.slice(0, limit);
  }
}

async function* eachPage(
  next: (after: string | undefined) => Promise<readonly StoredDocument[]>,
): AsyncGenerator<readonly StoredDocument[]> {
  for (let page = await next(undefined); page.length > 0; page = await next(page.at(-1)?.id)) yield page;
}

function apply(write: Write, documents: Map<string, Document>, present: Document | undefined): void {
  if (write.kind === "delete") {
    documents.delete(write.id);
    return;
  }
  if (write.kind === "create" && present !== undefined) throw new TriplaneError("store_duplicate", `${write.id} exists already`);
  if (write.kind === "replace" && (present === undefined || !fits(present, write.expect ?? {})))
    throw new TriplaneError("store_conflict", `${write.id} is not as expected`);
  documents.set(write.id, write.document);
}

function fits(document: Document, where: Document): boolean {
  for (const field in where) if (!Object.hasOwn(document, field) || document[field] !== where[field]) return false;
  return true;
}

/** Absent before present; numbers by value, strings by their code points, which is the order of their UTF-8 bytes. */
function compare(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}
