// Failures of policies.
import { failureEntries } from "./entry.ts";

export const POLICY_FAILURES = failureEntries({
  policy_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The policy does not have the shape of the schema, or contradicts itself.",
    hint: "Each problem names its place; `triplane policy check` lists them all.",
  },
  policy_test_failed: {
    httpStatus: 400,
    retry: "no",
    what: "A case beside the policy has another outcome than it expects.",
    hint: "Change the policy or the case, whichever is wrong.",
  },
});
