// A durable document store: atomic commits of small documents, reads by id and by index.
// The SurrealDB adapter and the SQLite oracle pass one contract suite.
import type { Json } from "@triplane/contract";

export type Document = { readonly [field: string]: Json };

/** One write of a commit. All writes of a commit happen in order, or none. Numbers are integers within 2^53. */
export type Write =
  /** Fails the commit with `store_duplicate` if the id exists. */
  | { readonly kind: "create"; readonly table: string; readonly id: string; readonly document: Document }
  /** Replaces the document. Fails the commit with `store_conflict` if there is none, or unless every field of `expect` (scalars) has that value now. */
  | { readonly kind: "replace"; readonly table: string; readonly id: string; readonly document: Document; readonly expect?: Document }
  /** Succeeds also if there is nothing. */
  | { readonly kind: "delete"; readonly table: string; readonly id: string };

export interface StoredDocument {
  readonly id: string;
  readonly document: Document;
}

export interface ListOptions {
  /** Equality on top-level fields with strings, numbers, booleans or null. */
  readonly where?: Document;
  /** Field to sort by, ascending unless `descending`; its values are of one type, strings in order of their UTF-8 bytes. Default and tie-break: id. */
  readonly orderBy?: string;
  readonly descending?: boolean;
  readonly limit?: number;
}

/** A table with the fields that are indexed for `where` and `orderBy`. */
export interface TableSchema {
  readonly table: string;
  readonly indexes: readonly string[];
}

/** Migrations run in order, once each; the number is stored. A store with a higher number is refused (`store_schema_newer`). */
export interface Migration {
  readonly version: number;
  readonly description: string;
  readonly tables: readonly TableSchema[];
}

export interface Store {
  /** Atomic and durable when it returns. Throws `store_duplicate`, `store_conflict`, `store_commit_unknown`. */
  commit(writes: readonly Write[]): Promise<void>;
  get(table: string, id: string): Promise<Document | undefined>;
  list(table: string, options?: ListOptions): Promise<readonly StoredDocument[]>;
  /**
   * A whole table in order of id, a few hundred documents at a time, so that it takes no memory in proportion. Each page is of one moment, a later page
   * of a later one: what is there from before the first page until after the last one is seen once, as it was at its page's moment; what is created or
   * deleted meanwhile is seen or not. Throws `unavailable` where a record cannot be read, after the pages before it.
   */
  pages(table: string): AsyncIterable<readonly StoredDocument[]>;
  count(table: string, where?: Document): Promise<number>;
  /**
   * The highest number above `above` that an indexed field holds anywhere in the table; `above` itself where none is higher. The first question about a
   * field proves its index, by a walk along it; from then on the cost is the same however many documents there are, and least where none is higher:
   * whoever asks again passes what it was told. What is written or deleted meanwhile counts or not. Throws `request_invalid` for a field that no
   * migration indexes or an `above` that is no whole number from 0, and `unavailable` where the index is not whole.
   */
  highest(table: string, field: string, above: number): Promise<number>;
  /** An embedded store cannot be opened again by the same process: the engine keeps its lock until the process ends. */
  close(): Promise<void>;
}

export interface OpenStoreOptions {
  /** `rocksdb://ABSOLUTE-PATH`, or `ws://` / `wss://` for a server. Throws `store_engine_refused` for anything else. */
  readonly url: string;
  readonly migrations: readonly Migration[];
  /** Default 10 000 ms. Throws `store_open_timeout`. */
  readonly openTimeoutMs?: number;
  /** For a server: namespace, database and credentials. */
  readonly server?: { readonly namespace: string; readonly database: string; readonly username: string; readonly password: string };
}
