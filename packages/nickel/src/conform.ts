// A document against a schema: every problem at once, each with its place in the file, as one failure that can be drawn.
import type { FailureCode } from "@triplane/contract";
import type { Shape, Words } from "./contracts-from-schema/shape.ts";
import { chosen, memberOf, tagProblems, type ValueProblem } from "./contracts-from-schema/tags.ts";
import type { NickelDocument, NickelValue, ValuePath } from "./document.ts";
import { nearest } from "./nearest.ts";
import { type Problem, problemsFailure } from "./pictures/problems.ts";

/** What a zod schema offers, as far as it is needed here. */
export interface SchemaLike<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false; error: { readonly issues: readonly IssueLike[] } };
  toJSONSchema(options: { readonly io: "input"; readonly unrepresentable: "any" }): object;
}

export interface IssueLike {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** Of `unrecognized_keys`. */
  readonly keys?: readonly string[];
  /** Of `invalid_value`: what may stand there. */
  readonly values?: readonly unknown[];
  /** Of `invalid_union`: the same, of the field that tells its alternatives apart. */
  readonly options?: readonly unknown[];
}

export interface ConformOptions<T> {
  readonly schema: SchemaLike<T>;
  readonly code: FailureCode;
  /** What the document is, for problems of the whole: `the policy`. */
  readonly whole: string;
  /** `unchecked`: a tag counts as its name wherever it stands. */
  readonly words?: Words | "unchecked";
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
  const { schema, words = "tags", whole } = options;
  const shape = shapeOf(schema);
  const result = schema.safeParse(document.json);
  const tags = words === "unchecked" ? [] : tagProblems(document.value, shape, words);
  const tagged = new Set(tags.map(({ path }) => path.join("/")));
  const issues = result.success ? [] : problemsOfIssues(result.error.issues, document.value, shape, words);
  const wrong = [...tags, ...issues.filter(({ path }) => !tagged.has(path.join("/")))];
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

const SHAPES = new WeakMap<object, Shape>();

/** The schema as JSON Schema, which says where tags belong and what fields there are. */
function shapeOf(schema: SchemaLike<unknown>): Shape {
  const known = SHAPES.get(schema);
  if (known !== undefined) return known;
  const shape = schema.toJSONSchema({ io: "input", unrepresentable: "any" }) as Shape;
  SHAPES.set(schema, shape);
  return shape;
}

/** What zod says is wrong, as problems; an unknown field is shown at the field, not at its record. */
function problemsOfIssues(
  issues: readonly IssueLike[],
  value: NickelValue,
  shape: Shape,
  words: Words | "unchecked",
): readonly ValueProblem[] {
  return issues.flatMap((issue): readonly ValueProblem[] => {
    const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
    const at = shapeAt(value, shape, path);
    if (issue.code === "unrecognized_keys" && issue.keys !== undefined)
      return issue.keys.map((key) => ({ path: [...path, key], part: "name", ...unknownField(key, Object.keys(at?.properties ?? {})) }));
    const missing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
    const choice = choiceOf(issue);
    if (missing || choice === undefined) return [{ path, message: missing ? "is missing" : issue.message }];
    const written = (at?.nickel ?? words) === "strings" ? (word: string) => JSON.stringify(word) : (word: string) => `'${word}`;
    return [{ path, message: `must be ${choice.map(written).join(" or ")}` }];
  });
}

/** The words that could stand there, where the issue is that something else does. */
function choiceOf({ code, values, options }: IssueLike): readonly string[] | undefined {
  const choice = code === "invalid_value" ? values : code === "invalid_union" ? options : undefined;
  return choice?.every((word): word is string => typeof word === "string") === true ? choice : undefined;
}

function unknownField(key: string, known: readonly string[]): { readonly message: string; readonly hint?: string } {
  const message = "is not a field that belongs here";
  if (known.length === 0) return { message };
  const meant = nearest(key, known);
  return { message, hint: meant === undefined ? `there are ${known.join(", ")}` : `did you mean ${meant}?` };
}

/** The schema at a path; none where the value does not say which alternative of a union it is. */
function shapeAt(value: NickelValue | undefined, shape: Shape, path: ValuePath): Shape | undefined {
  const here = value === undefined ? shape : chosen(value, shape);
  const [step, ...rest] = path;
  if (step === undefined || here === undefined) return here;
  const inner: unknown = Object.hasOwn(Object(value), step) ? Reflect.get(Object(value), step) : undefined;
  const member = typeof step === "number" ? here.items : memberOf(here, step);
  return member === undefined ? undefined : shapeAt(inner as NickelValue | undefined, member, rest);
}
