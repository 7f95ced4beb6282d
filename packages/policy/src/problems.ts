// What is wrong with a policy: every problem at once, each with its place in the file.
import { TriplaneError } from "@triplane/contract";
import { formatPosition, type NickelDocument, type SourcePosition, type ValuePath } from "@triplane/nickel";

/** A problem before it has a place: where in the value, and what. */
export interface PolicyProblem {
  readonly path: ValuePath;
  readonly message: string;
}

/** A problem as it is reported. */
export interface PlacedProblem extends SourcePosition {
  /** Dotted path of the value. */
  readonly path: string;
  readonly message: string;
}

export function placeProblems(document: NickelDocument, problems: readonly PolicyProblem[]): readonly PlacedProblem[] {
  return problems.map(({ path, message }) => ({ ...document.positionOf(path), path: path.join(".") || "the policy", message }));
}

/** `policy_invalid` with all problems: a line each in the message, and as details for machines. */
export function policyInvalid(problems: readonly PlacedProblem[]): TriplaneError {
  const lines = problems.map((problem) => `${formatPosition(problem)}: ${problem.path}: ${problem.message}`);
  return new TriplaneError("policy_invalid", lines.join("\n"), { details: { problems } });
}
