// The failures of reading, each with its place in the message and in the details.
import type { FailureCode, TriplaneError } from "@triplane/contract";
import { problemsFailure } from "./pictures/problems.ts";
import type { Place } from "./source-position.ts";

/** A failure with one problem. */
export function failAt(code: FailureCode, place: Place, message: string, details: Readonly<Record<string, unknown>> = {}): TriplaneError {
  return problemsFailure(code, [{ message, place }], details);
}

/**
 * A construct that computes. `construct` is its name, the same for machines and people: `function`, `let binding`, …
 * Invariant `policy-files-are-declarative-only`.
 */
export function notDeclarative(place: Place, construct: string): TriplaneError {
  return failAt("nickel_not_declarative", place, `${construct} is not allowed in a data file (policy-files-are-declarative-only)`, {
    construct,
    invariant: "policy-files-are-declarative-only",
  });
}
