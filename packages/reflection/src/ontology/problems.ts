// What is wrong with files of the ontology: every problem of all of them at once, each with its place.
import type { NickelDocument, ValuePath } from "@triplane/nickel";
import type { z } from "zod";
import { failWith, type PlacedProblem, type Places, placeProblems, problemsOfIssues } from "../shape/problems.ts";
import { tagProblems } from "../shape/tags.ts";

/** The value of a document by a schema, or what is wrong with it. */
export function shapeOf<T>(
  document: NickelDocument,
  schema: z.ZodType<T>,
): { readonly value: T | undefined; readonly problems: readonly PlacedProblem[] } {
  const result = schema.safeParse(document.json);
  const problems = [...tagProblems(schema, document.value), ...(result.success ? [] : problemsOfIssues(result.error.issues))];
  return { value: result.success && problems.length === 0 ? result.data : undefined, problems: placeProblems(document, problems) };
}

/** A problem with the value at a path. */
export function problemAt(places: Places, path: ValuePath, message: string): PlacedProblem {
  return { ...places.positionOf(path), path: path.join("."), message };
}

/** Throws `ontology_invalid` with all problems: a line each in the message, and as details for machines. */
export function assertNone(problems: readonly PlacedProblem[]): void {
  if (problems.length > 0) throw failWith("ontology_invalid", problems);
}
