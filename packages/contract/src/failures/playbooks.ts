// Failures of playbooks, and of the changes that they make: access, amendments of the policy.
import { failureEntries } from "./entry.ts";

export const PLAYBOOK_FAILURES = failureEntries({
  playbook_unknown: {
    httpStatus: 404,
    retry: "no",
    what: "There is no playbook of that name.",
    hint: "`triplane playbook list` shows those that there are.",
  },
  playbook_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The playbook's files do not fit together, or do not read.",
    hint: "The message names each place: docs/reference/playbooks.md says what a playbook is made of.",
  },
  parameter_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "A parameter of a playbook is missing, unknown, or not what the playbook takes.",
    hint: "`triplane playbook show NAME` lists the parameters with their types and patterns.",
  },
  confirmation_refused: {
    httpStatus: 403,
    retry: "no",
    what: "The confirmation would not count: another run, other files or parameters, or somebody whom the policy does not ask.",
    hint: "The message says what differs. Start the playbook again where its files have changed since.",
  },
  playbook_run_unknown: {
    httpStatus: 404,
    retry: "no",
    what: "There is no run of a playbook with that id.",
    hint: "`triplane playbook receipts` lists runs and receipts of this home.",
  },
  playbook_receipt_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "The receipt of a playbook's run does not verify.",
    hint: "The message says what is wrong. Whoever ran the playbook has the original.",
  },
  amendment_impossible: {
    httpStatus: 400,
    retry: "no",
    what: "The policy's files cannot be changed like that by a program.",
    hint: "`triplane governance checkout policy DIR` writes the files into a folder: change them by hand, and propose that.",
  },
  access_unapproved: {
    httpStatus: 403,
    retry: "no",
    what: "The policy in force does not agree with the access that was asked for.",
    hint: "The policy comes first: `triplane governance propose`, `approve`; then access follows it.",
  },
});
