// Failures of validations: running them, and what they alarm.
import { failureEntries } from "./entry.ts";

export const VALIDATION_FAILURES = failureEntries({
  validation_unknown: {
    httpStatus: 404,
    retry: "no",
    what: "There is no validation, or no check of it, with this name.",
    hint: "`triplane validate --help` lists the validations, docs/reference/validation.md their checks.",
  },
  validation_failed: {
    httpStatus: 409,
    retry: "no",
    what: "A check that held before does not hold any more, or can no longer be made.",
    hint: "`triplane validate` shows what it saw and what to do; `triplane validate history` since when.",
  },
});
