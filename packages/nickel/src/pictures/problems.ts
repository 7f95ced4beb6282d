// Problems with their places, and the failures that carry them. The source text travels beside a failure, never in it: logs and records do not get it.
import { type FailureCode, TriplaneError } from "@triplane/contract";
import { formatPosition, type Place, positionOfPlace } from "../source-position.ts";

export interface Problem {
  readonly message: string;
  readonly place: Place;
  /** Where in the value, like `operators.0.keys`. */
  readonly path?: string;
  readonly hint?: string;
}

const PROBLEMS = new WeakMap<object, readonly Problem[]>();

/** Remembers for a failure what there is to draw. */
export function withProblems<E extends TriplaneError>(failure: E, problems: readonly Problem[]): E {
  PROBLEMS.set(failure, problems);
  return failure;
}

/** What there is to draw about a failure. Empty for one that is about no file. */
export function problemsOf(failure: object): readonly Problem[] {
  return PROBLEMS.get(failure) ?? [];
}

/**
 * A failure with all its problems: in order of place, a line each in the message, file, line and column of each in `details.problems`, those of
 * the first in the details themselves, too.
 */
export function problemsFailure(
  code: FailureCode,
  problems: readonly Problem[],
  more: Readonly<Record<string, unknown>> = {},
): TriplaneError {
  const placed = inOrder(problems);
  const lines = placed.map(({ place, path, message }) =>
    [formatPosition(positionOfPlace(place)), path, message].filter((part) => part !== undefined).join(": "),
  );
  const details = placed.map(({ place, path, message, hint }) => ({
    ...positionOfPlace(place),
    path,
    message,
    ...(hint === undefined ? {} : { hint }),
  }));
  const [first] = placed;
  const place = first === undefined ? {} : positionOfPlace(first.place);
  return withProblems(new TriplaneError(code, lines.join("\n"), { details: { ...place, ...more, problems: details } }), placed);
}

/** File by file as they come, and in each from top to bottom. */
export function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = [...new Set(problems.map(({ place }) => place.source.file))];
  return [...problems].sort(
    (a, b) => files.indexOf(a.place.source.file) - files.indexOf(b.place.source.file) || a.place.offset - b.place.offset,
  );
}
