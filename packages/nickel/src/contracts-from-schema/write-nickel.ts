// A value as Nickel text that reads back as the same value, for the reader and for the program.
import { EnumTag, type NickelValue } from "../document.ts";
import { nickelName, nickelString, nickelTag } from "./nickel-text.ts";

/** For people: fields and items on lines of their own; a list of words on one. */
export function writeNickelLines(value: NickelValue, indent = ""): string {
  const inner = `${indent}  `;
  if (value instanceof EnumTag || typeof value !== "object" || value === null) return writeNickel(value);
  if (Array.isArray(value)) {
    if (value.every((item: NickelValue) => typeof item !== "object" || item === null || item instanceof EnumTag)) return writeNickel(value);
    return `[\n${value.map((item: NickelValue) => `${inner}${writeNickelLines(item, inner)},\n`).join("")}${indent}]`;
  }
  return `{\n${Object.entries(value)
    .map(([name, member]: [string, NickelValue]) => `${inner}${nickelName(name)} = ${writeNickelLines(member, inner)},\n`)
    .join("")}${indent}}`;
}

/** On one line. */
export function writeNickel(value: NickelValue): string {
  if (value instanceof EnumTag)
    return value.argument === undefined ? nickelTag(value.tag) : `(${nickelTag(value.tag)} (${writeNickel(value.argument)}))`;
  if (typeof value === "string") return nickelString(value);
  if (Array.isArray(value)) return `[${value.map((item: NickelValue) => writeNickel(item)).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  return `{ ${Object.entries(value)
    .map(([name, member]: [string, NickelValue]) => `${nickelName(name)} = ${writeNickel(member)}`)
    .join(", ")} }`;
}
