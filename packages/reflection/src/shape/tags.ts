// Enum tags where strings belong and the reverse. In JSON they look alike, to the nickel program they do not: where the schema has an
// enumeration or a literal, Nickel has a tag.
import { EnumTag, type NickelValue, type ValuePath } from "@triplane/nickel";
import { z } from "zod";
import type { Problem } from "./problems.ts";

const MAX_SHOWN = 32;

/** Problems of tags only; whatever else is wrong is the schema's to say. */
export function tagProblems(schema: z.core.$ZodType, value: NickelValue, path: ValuePath = []): readonly Problem[] {
  const inner = unwrap(schema);
  if (value instanceof EnumTag)
    return wantsTag(inner) ? [] : [{ path, message: `'${value.tag} is an enum tag, and none belongs here: write it in quotes` }];
  if (typeof value === "string") return wantsTag(inner) ? [{ path, message: `must be an enum tag: '${value.slice(0, MAX_SHOWN)}` }] : [];
  if (value === null || typeof value !== "object") return [];
  if (Array.isArray(value)) {
    const item = inner instanceof z.ZodArray ? inner.element : undefined;
    return item === undefined ? [] : value.flatMap((member: NickelValue, index) => tagProblems(item, member, [...path, index]));
  }
  const record = inner instanceof z.ZodUnion ? chosen(inner, value as Members) : inner;
  return Object.entries(value).flatMap(([name, member]: [string, NickelValue]) => {
    const memberSchema = memberOf(record, name);
    return memberSchema === undefined ? [] : tagProblems(memberSchema, member, [...path, name]);
  });
}

type Members = Readonly<Record<string, NickelValue>>;

function wantsTag(schema: z.core.$ZodType | undefined): boolean {
  return schema instanceof z.ZodEnum || (schema instanceof z.ZodLiteral && typeof schema.value === "string");
}

function memberOf(schema: z.core.$ZodType | undefined, name: string): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (!(schema instanceof z.ZodObject)) return undefined;
  return Object.hasOwn(schema.shape, name) ? (schema.shape as Record<string, z.core.$ZodType>)[name] : undefined;
}

/** The member of a union whose literals say what the value says. */
function chosen(union: z.ZodUnion, value: Members): z.core.$ZodType | undefined {
  const objects = union.options.map(unwrap).filter((option): option is z.ZodObject => option instanceof z.ZodObject);
  const fits = (option: z.ZodObject) =>
    Object.entries(option.shape as Record<string, z.core.$ZodType>).every(([name, member]) => {
      const said = value[name];
      return !(member instanceof z.ZodLiteral) || member.value === (said instanceof EnumTag ? said.tag : said);
    });
  return objects.find(fits) ?? objects[0];
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodNullable ||
    inner instanceof z.ZodReadonly
  )
    inner = inner.unwrap();
  return inner;
}
