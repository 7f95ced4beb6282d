// What is wrong with a policy: every problem at once, each with its place in the file.
import type { SourcePosition, ValueProblem } from "@triplane/nickel";

/** A problem before it has a place: where in the value, and what. */
export type PolicyProblem = ValueProblem;

/** A problem as it is reported in a failure's `details.problems`. */
export interface PlacedProblem extends SourcePosition {
  /** Dotted path of the value. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}
