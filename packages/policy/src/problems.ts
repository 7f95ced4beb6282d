// What is wrong with a policy: every problem at once, each with its place in the file.
import { TriplaneError } from "@triplane/contract";
import { formatPosition, type NickelDocument, type SourcePosition, type ValuePath } from "@triplane/nickel";
import type { z } from "zod";

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

/** What zod says is wrong, as problems. */
export function problemsOfIssues(issues: readonly z.core.$ZodIssue[]): readonly PolicyProblem[] {
  return issues.map((issue) => {
    const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
    // An unknown field is shown at the field, not at its record.
    const [unknown] = issue.code === "unrecognized_keys" ? issue.keys : [];
    const missing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
    return { path: unknown === undefined ? path : [...path, unknown], message: missing ? "is missing" : issue.message };
  });
}

export function placeProblems(document: NickelDocument, problems: readonly PolicyProblem[]): readonly PlacedProblem[] {
  return problems.map(({ path, message }) => ({ ...document.positionOf(path), path: path.join(".") || "the policy", message }));
}

/** `policy_invalid` with all problems: a line each in the message, and as details for machines. */
export function policyInvalid(problems: readonly PlacedProblem[]): TriplaneError {
  const lines = problems.map((problem) => `${formatPosition(problem)}: ${problem.path}: ${problem.message}`);
  return new TriplaneError("policy_invalid", lines.join("\n"), { details: { problems } });
}
