// A document against a schema: every problem at once, each with its place in the file, as one failure that can be drawn.
import type { FailureCode } from "@triplane/contract";
import type { Shape, Words } from "./contracts-from-schema/shape.ts";
import { tagProblems, type ValueProblem } from "./contracts-from-schema/tags.ts";
import type { NickelDocument } from "./document.ts";
import { nearest } from "./nearest.ts";
import { type Problem, problemsFailure } from "./pictures/problems.ts";

/** What a zod schema offers, as far as it is needed here. */
export interface SchemaLike<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { readonly issues: readonly IssueLike[] } };
}

export interface IssueLike {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Of `unrecognized_keys`. */
  readonly keys?: readonly string[];
}

export interface ConformOptions<T> {
  readonly schema: SchemaLike<T>;
  /** The schema as JSON Schema: `z.toJSONSchema(schema, { io: "input", unrepresentable: "any" })`. It says where tags belong. */
  readonly shape: Shape;
  readonly code: FailureCode;
  /** What the document is, for problems of the whole: `the policy`. */
  readonly whole: string;
  readonly words?: Words;
  /** What a schema cannot say, asked where the shape is right. */
  readonly further?: (data: T) => readonly ValueProblem[];
}

/** What a document is by a schema: its value, or all its problems. */
export interface Examined<T> {
  /** Only where there is no problem. */
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
}

/** Looks at a document by a schema; throws nothing for what is wrong with it. */
export function examine<T>(document: NickelDocument, options: Omit<ConformOptions<T>, "code">): Examined<T> {
  const { schema, shape, words = "tags", whole } = options;
  const result = schema.safeParse(document.json);
  const tags = tagProblems(document.value, shape, words);
  const tagged = new Set(tags.map(({ path }) => path.join("/")));
  const issues = result.success ? [] : problemsOfIssues(result.error.issues, shape).filter(({ path }) => !tagged.has(path.join("/")));
  const wrong = [...tags, ...issues];
  const problems = result.success && wrong.length === 0 ? (options.further?.(result.data) ?? []) : wrong;
  return { value: result.success && problems.length === 0 ? result.data : undefined, problems: placeProblems(document, whole, problems) };
}

/** The document as the schema gives it. Throws `code` with all problems: a line each in the message, places in `details.problems`. */
export function conform<T>(document: NickelDocument, options: ConformOptions<T>): T {
  const { value, problems } = examine(document, options);
  if (problems.length > 0) throw problemsFailure(options.code, problems);
  return value as T;
}

/** Problems of a value as problems of a file. `whole` is what those of the root are called. */
export function placeProblems(document: NickelDocument, whole: string, problems: readonly ValueProblem[]): readonly Problem[] {
  return problems.map(({ path, part, ...problem }) => ({ ...problem, place: document.placeOf(path, part), path: path.join(".") || whole }));
}

/** What zod says is wrong, as problems; an unknown field is shown at the field, not at its record. */
export function problemsOfIssues(issues: readonly IssueLike[], shape?: Shape): readonly ValueProblem[] {
  return issues.flatMap((issue): readonly ValueProblem[] => {
    const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
    if (issue.code === "unrecognized_keys" && issue.keys !== undefined)
      return issue.keys.map((key) => ({ path: [...path, key], part: "name", ...unknownField(key, fieldsAt(shape, path)) }));
    const missing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
    return [{ path, message: missing ? "is missing" : issue.message }];
  });
}

function unknownField(key: string, known: readonly string[]): { readonly message: string; readonly hint?: string } {
  const message = "is not a field that belongs here";
  if (known.length === 0) return { message };
  const meant = nearest(key, known);
  return { message, hint: meant === undefined ? `there are ${known.join(", ")}` : `did you mean ${meant}?` };
}

/** The names of the fields that a schema has at a path; none where a union leaves it open. */
function fieldsAt(shape: Shape | undefined, path: readonly (string | number)[]): readonly string[] {
  let at = shape;
  for (const step of path) {
    const { items, properties = {}, additionalProperties }: Shape = at ?? {};
    if (typeof step === "number") at = items;
    else at = Object.hasOwn(properties, step) ? properties[step] : additionalProperties === false ? undefined : additionalProperties;
  }
  return Object.keys(at?.properties ?? {});
}
