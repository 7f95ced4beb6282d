// What is wrong with a file of ours: every problem at once, each with its place in the file.
import { type FailureCode, TriplaneError } from "@triplane/contract";
import { formatPosition, type SourcePosition, type ValuePath } from "@triplane/nickel";
import type { z } from "zod";

/** A problem before it has a place: where in the value, and what. */
export interface Problem {
  readonly path: ValuePath;
  readonly message: string;
}

/** A problem as it is reported. */
export interface PlacedProblem extends SourcePosition {
  /** Dotted path of the value; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/** Anything that knows where its values stand. */
export interface Places {
  positionOf(path: ValuePath): SourcePosition;
}

/** What zod says is wrong, as problems. */
export function problemsOfIssues(issues: readonly z.core.$ZodIssue[]): readonly Problem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
    // An unknown field is shown at the field, not at its record.
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => ({ path: [...path, key], message: "is not a field of this" }));
    return [{ path, message: messageOf(issue) }];
  });
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) return "is missing";
  if (issue.code === "invalid_value") return `must be ${issue.values.map((value) => `'${String(value)}`).join(" or ")}`;
  if (issue.code === "invalid_union" && "options" in issue && Array.isArray(issue.options))
    return `must be ${issue.options.map((value) => `'${String(value)}`).join(" or ")}`;
  return issue.message;
}

/** In the order of the file. */
export function placeProblems(places: Places, problems: readonly Problem[]): readonly PlacedProblem[] {
  const placed = problems.map(({ path, message }) => ({ ...places.positionOf(path), path: path.join("."), message }));
  return placed.sort((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1));
}

/** A failure with all problems: a line each in the message, and as details for machines. */
export function failWith(code: FailureCode, problems: readonly PlacedProblem[]): TriplaneError {
  const lines = problems.map(({ path, message, ...position }) =>
    [formatPosition(position), path, message].filter((part) => part !== "").join(": "),
  );
  const [first] = problems;
  const place = first === undefined ? {} : { file: first.file, line: first.line, column: first.column };
  return new TriplaneError(code, lines.join("\n"), { details: { ...place, problems } });
}
