// The public names of the store.
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
