// Failures of reading .ncl files.
import { failureEntries } from "./entry.ts";

export const NICKEL_FAILURES = failureEntries({
  nickel_syntax: { httpStatus: 400, retry: "no", what: "The file is not valid Nickel.", hint: "The message names file, line and column." },
  nickel_not_declarative: {
    httpStatus: 400,
    retry: "no",
    what: "The file computes something; only data is allowed here.",
    hint: "Write the result instead of the computation (policy-files-are-declarative-only).",
  },
  nickel_import_refused: {
    httpStatus: 400,
    retry: "no",
    what: "An import leaves the root folder, is missing, or goes in a circle.",
    hint: "Import only .ncl and .json data files inside the root.",
  },
  nickel_merge_conflict: {
    httpStatus: 400,
    retry: "no",
    what: "Two merged records give one field different values.",
    hint: "Remove one, or mark one as default.",
  },
  nickel_contract_failed: {
    httpStatus: 400,
    retry: "no",
    what: "A value breaks the contract that annotates it, or the contract is not one that is known here.",
    hint: "The message names the contract and the value.",
  },
  nickel_number_inexact: {
    httpStatus: 400,
    retry: "no",
    what: "A number has more digits, or is larger, than can be kept exactly.",
    hint: "Write it with at most 15 significant digits, or as a string.",
  },
  nickel_too_large: { httpStatus: 413, retry: "no", what: "The file is too large or nested too deeply.", hint: "Split the file." },
  nickel_program_failed: {
    httpStatus: 500,
    retry: "no",
    what: "The nickel program failed or disagrees.",
    hint: "Run `nickel export` on the file and read its message.",
  },
});
