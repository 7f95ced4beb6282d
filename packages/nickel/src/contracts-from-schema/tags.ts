// Enum tags where a schema wants strings, and the reverse. In JSON they look alike; to the nickel program, and so to the contracts, they do not.
import { EnumTag, type NickelValue, type ValuePath } from "../document.ts";
import { discriminatorOf, type Shape, type Words, wordsOf } from "./shape.ts";

/** What is wrong at a place of a value. */
export interface ValueProblem {
  readonly path: ValuePath;
  readonly message: string;
  readonly hint?: string;
  /** It is about the field's name, not about its value. */
  readonly part?: "name";
}

/** Every tag that stands where no tag belongs, and every string that should be one. Other differences from the shape are not looked at. */
export function tagProblems(value: NickelValue, shape: Shape, words: Words = "tags", path: ValuePath = []): readonly ValueProblem[] {
  const choice = wordsOf(shape);
  const written = choice === undefined ? "strings" : (shape.nickel ?? words);
  if (value instanceof EnumTag) {
    if (value.argument !== undefined) return [{ path, message: `'${value.tag} has an argument, and no tag here has one` }];
    if (written !== "strings" || isOpen(shape)) return [];
    return [{ path, message: `'${value.tag} is an enum tag, and none belongs here`, hint: `write "${value.tag}"` }];
  }
  if (typeof value === "string") {
    if (written !== "tags" || isOpen(shape)) return [];
    return [{ path, message: `must be an enum tag: '${value.slice(0, 32)}`, hint: "a tag has a ' before it and no quotes around it" }];
  }
  if (value === null || typeof value !== "object") return [];
  const inner = chosen(value, shape);
  if (Array.isArray(value))
    return value.flatMap((item: NickelValue, index) => tagProblems(item, inner?.items ?? {}, words, [...path, index]));
  return Object.entries(value).flatMap(([name, member]) => tagProblems(member, memberOf(inner, name), words, [...path, name]));
}

/** Nothing is said about the value, so anything may stand there. */
function isOpen(shape: Shape): boolean {
  return Object.keys(shape).every((keyword) => keyword === "description" || keyword === "$schema");
}

/** Of a union the alternative that a record says it is. */
export function chosen(value: NickelValue, shape: Shape): Shape | undefined {
  const options = shape.oneOf ?? shape.anyOf;
  if (options === undefined) return shape;
  const wanted = Array.isArray(value) ? "array" : "object";
  const fitting = options.filter(({ type }) => type === wanted);
  if (fitting.length < 2) return fitting[0];
  const told = discriminatorOf(options);
  if (told === undefined) return undefined;
  const word: unknown = Object.hasOwn(Object(value), told.field) ? Reflect.get(Object(value), told.field) : undefined;
  return told.cases.get(word instanceof EnumTag ? word.tag : String(word));
}

/** What a field holds. */
export function memberOf(shape: Shape | undefined, name: string): Shape {
  const { properties = {}, additionalProperties } = shape ?? {};
  const member = Object.hasOwn(properties, name) ? properties[name] : undefined;
  return member ?? (typeof additionalProperties === "object" ? additionalProperties : {});
}
