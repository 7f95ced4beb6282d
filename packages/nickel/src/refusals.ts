// The failures of reading, each with its place in the message and in the details.
import { type FailureCode, TriplaneError } from "@triplane/contract";
import { withProblems } from "./pictures/problems.ts";
import { formatPosition, type Place, positionOfPlace } from "./source-position.ts";

/** A failure at a place: `file:line:column: message`, and file, line and column as details. */
export function failAt(code: FailureCode, place: Place, message: string, details: Readonly<Record<string, unknown>> = {}): TriplaneError {
  const position = positionOfPlace(place);
  const failure = new TriplaneError(code, `${formatPosition(position)}: ${message}`, { details: { ...position, ...details } });
  return withProblems(failure, [{ message, place }]);
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
