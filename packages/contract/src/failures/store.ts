// Failures of the database.
import { failureEntries } from "./entry.ts";

export const STORE_FAILURES = failureEntries({
  store_engine_refused: {
    httpStatus: 500,
    retry: "no",
    what: "The database URL names an engine or setting that loses data.",
    hint: "Use rocksdb://PATH, or a server by ws:// or wss://.",
  },
  store_locked: {
    httpStatus: 500,
    retry: "later",
    what: "Another process has the store open.",
    hint: "Stop that process; a store belongs to one process.",
  },
  store_open_timeout: {
    httpStatus: 500,
    retry: "later",
    what: "The store did not open in time.",
    hint: "It may be damaged; restore it from a backup.",
  },
  store_not_durable: {
    httpStatus: 500,
    retry: "no",
    what: "The store did not prove at start-up that it keeps what it confirms.",
    hint: "Check the disk and the engine settings.",
  },
  store_conflict: { httpStatus: 409, retry: "later", what: "Transactions kept colliding.", hint: "Try again." },
  store_duplicate: { httpStatus: 409, retry: "no", what: "A record with this id exists already.", hint: "Read it instead of creating it." },
  store_commit_unknown: {
    httpStatus: 500,
    retry: "later",
    what: "A commit failed in a way that leaves its outcome unknown.",
    hint: "The process stops; start it again and it reads what is there.",
  },
  store_schema_newer: {
    httpStatus: 500,
    retry: "no",
    what: "The store was written by a newer version.",
    hint: "Run that version, or a newer one.",
  },
});
