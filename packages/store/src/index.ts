// The public names of the store.

export { assertHighest, assertId, assertListOptions, assertTable, assertWrites, type Tables, tablesOf } from "./document.ts";
export { type ExportLine, exportSocketOf, openServedStore, type RowServer, type ServeRowsOptions, serveRows } from "./export-rows.ts";
export { openStore } from "./open-store.ts";
export type {
  Document,
  ListOptions,
  Migration,
  OpenStoreOptions,
  Store,
  StoredDocument,
  TableSchema,
  Write,
} from "./types.ts";
