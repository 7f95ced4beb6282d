// Failures of running things: configuration, tools, HTTP callers.
import { failureEntries } from "./entry.ts";

export const DAEMON_FAILURES = failureEntries({
  config_invalid: {
    httpStatus: 500,
    retry: "no",
    what: "The configuration has problems.",
    hint: "Each problem names its flag and its environment variable; --check validates without starting.",
  },
  usage: { httpStatus: 400, retry: "no", what: "The command was called with wrong arguments.", hint: "--help shows what it takes." },
  unauthorized: {
    httpStatus: 401,
    retry: "no",
    what: "The caller gave no token, or one that is not known.",
    hint: "Use the token that belongs to this caller.",
  },
  forbidden: {
    httpStatus: 403,
    retry: "no",
    what: "The caller's token does not have the scope for this.",
    hint: "Use a token with that scope.",
  },
  request_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The request does not have the shape that the API demands.",
    hint: "See the OpenAPI document at /openapi.json.",
  },
  not_found: {
    httpStatus: 404,
    retry: "no",
    what: "There is nothing at that address.",
    hint: "See the OpenAPI document at /openapi.json.",
  },
  unavailable: {
    httpStatus: 503,
    retry: "later",
    what: "A service that this needs does not answer.",
    hint: "`triplane status` shows what runs.",
  },
  internal: {
    httpStatus: 500,
    retry: "later",
    what: "Something failed that should not.",
    hint: "This is a defect; the log has the cause.",
  },
  tool_missing: {
    httpStatus: 500,
    retry: "no",
    what: "A program that is needed is not installed, or is too old.",
    hint: "`triplane doctor` lists every tool and how to get it.",
  },
  tool_checksum: {
    httpStatus: 500,
    retry: "no",
    what: "A downloaded tool does not have the pinned checksum.",
    hint: "Do not use it; try again, and report it if it happens twice.",
  },
  home_missing: {
    httpStatus: 404,
    retry: "no",
    what: "There is no local workspace in that folder.",
    hint: "`triplane init` makes one; --home or TRIPLANE_HOME says where it is.",
  },
  home_exists: {
    httpStatus: 409,
    retry: "no",
    what: "There is a local workspace in that folder already.",
    hint: "Choose another folder with --home; `triplane init --force` replaces the one that is there, with its keys and its ledger.",
  },
  key_unknown: {
    httpStatus: 404,
    retry: "no",
    what: "The workspace's home holds no key of that name.",
    hint: "`triplane keys show` lists the keys; --as chooses one.",
  },
  start_failed: {
    httpStatus: 503,
    retry: "later",
    what: "A process of a plane did not start, or did not become healthy.",
    hint: "The message has the end of its log; `triplane doctor` checks the tools, `triplane status` what runs.",
  },
});
