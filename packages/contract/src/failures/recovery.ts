// Failures of recovering what was lost.
import { failureEntries } from "./entry.ts";

export const RECOVERY_FAILURES = failureEntries({
  state_lost: {
    httpStatus: 500,
    retry: "no",
    what: "The workspace has a history, and a store that held a part of it is gone.",
    hint: "`triplane ledger replay` rebuilds it; starting with an empty one would accept again what was accepted before.",
  },
  replay_not_empty: {
    httpStatus: 409,
    retry: "no",
    what: "The database that should be rebuilt already holds something.",
    hint: "Nothing is overwritten. Move it away if it really is to be rebuilt, or rebuild beside it with --into.",
  },
  replay_unfinished: {
    httpStatus: 409,
    retry: "no",
    what: "A rebuild from the ledger was stopped before it was done.",
    hint: "Run `triplane ledger replay` again; it goes on where it was stopped.",
  },
});
