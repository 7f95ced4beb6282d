// Failures of reading what the system knows of itself: nodes and decisions.
import { failureEntries } from "./entry.ts";

export const ONTOLOGY_FAILURES = failureEntries({
  ontology_missing: {
    httpStatus: 404,
    retry: "no",
    what: "There is no ontology or no decision where they were looked for.",
    hint: "Say with --root where the checkout of Triplane is that holds `provisioning/`.",
  },
  why_unknown: {
    httpStatus: 404,
    retry: "no",
    what: "What was asked about is no invariant, constraint, decision or node, and no source file of the checkout.",
    hint: "`triplane why` lists everything that can be asked about.",
  },
  ontology_invalid: {
    httpStatus: 400,
    retry: "no",
    what: "A node of the ontology or a decision has not the shape that it must have, or names something that does not exist.",
    hint: "The message names file, line and column of each problem; docs/reference/ontology.md has every field.",
  },
});
